"""The options that the web UI shows, and what they are called in infotexts, in settings and in the X/Y/Z plot.

eta is not among them: the web UI has a setting, an infotext and an X/Y/Z axis of its own for it.
"""

from dataclasses import dataclass

from ..sampling import SAMPLERS, options

ATTRIBUTE = "seeds_samplers"  # of the host's processing object: {key: value} of what was chosen for a run


@dataclass(frozen=True)
class Field:
    """An option of one sampler, or of all: `owner` is a sampler's name or "SEEDS"."""

    option: options.Option
    owner: str

    @property
    def samplers(self):
        names = SAMPLERS if self.owner == "SEEDS" else (self.owner,)
        return tuple(name for name in names if self.option in options.options_of(name))

    @property
    def label(self):
        """Its name for users, as "SEEDS-2 r"."""
        return f"{self.owner} {self.option.name}"

    @property
    def key(self):
        """Its name in the host's settings, as "seeds_2_r"."""
        return self.label.lower().replace("-", "_").replace(" ", "_")

    @property
    def default(self):
        return self.option.default(self.samplers[0])

    def pasted(self, infotext):
        """Its value in a parsed infotext {name: text}; its default if the image is ours and says nothing; or None."""
        ours = not {infotext.get("Sampler"), infotext.get("Hires sampler")}.isdisjoint(SAMPLERS)
        return infotext.get(self.label, self.default if ours else None)


FIELDS = (
    *(Field(option, "SEEDS") for option in options.COMMON if option.name != "eta"),
    *(Field(option, name) for name in SAMPLERS for option in options.OWN[name]),
)


def options_of(sampler, chosen, settings):
    """{option: value} for the sampler of that name: what was chosen for the run, else what the settings say.

    chosen, settings: {key: value}.
    """
    found = {**settings, **chosen}
    values = {field.option: found.get(field.key, field.default) for field in FIELDS if sampler in field.samplers}
    return {option.name: _whole(value) if option.whole else value for option, value in values.items()}


def _whole(value):
    """An int where a slider says 2.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def infotext_of(samplers, chosen, settings):
    """{label: value} of the options of these samplers that differ from their defaults."""
    different = {}
    for sampler in samplers:
        values = options_of(sampler, chosen, settings)
        for field in FIELDS:
            if sampler in field.samplers and values[field.option.name] != field.default:
                different[field.label] = values[field.option.name]
    return different
