"""The options that the web UI shows, and what they are called in infotexts, in settings and in the X/Y/Z plot.

eta is not among them: the web UI has a setting, an infotext and an X/Y/Z axis of its own for it.
"""

from dataclasses import dataclass

from ..sampling import SAMPLERS
from ..sampling.options import COMMON, OWN, Option

ATTRIBUTE = "seeds_samplers"  # of the host's processing object: {key: value} of what was chosen for a run


@dataclass(frozen=True)
class Field:
    """An option of one sampler, or of all: `owner` is a sampler's name or "SEEDS"."""

    option: Option
    owner: str

    @property
    def samplers(self):
        return tuple(SAMPLERS) if self.owner == "SEEDS" else (self.owner,)

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
    *(Field(option, "SEEDS") for option in COMMON if option.name != "eta"),
    *(Field(option, name) for name in SAMPLERS for option in OWN[name]),
)


def options_of(sampler, chosen, settings):
    """{option: value} for the sampler of that name: what was chosen for the run, else what the settings say.

    chosen, settings: {key: value}.
    """
    found = {**settings, **chosen}
    return {field.option.name: found.get(field.key, field.default) for field in FIELDS if sampler in field.samplers}


def infotext_of(samplers, chosen, settings):
    """{label: value} of the options of these samplers that differ from their defaults."""
    different = {}
    for sampler in samplers:
        options = options_of(sampler, chosen, settings)
        for field in FIELDS:
            if sampler in field.samplers and options[field.option.name] != field.default:
                different[field.label] = options[field.option.name]
    return different
