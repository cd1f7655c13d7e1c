"""The options that the web UI shows, and what they are called in infotexts, in settings and in the X/Y/Z plot.

eta is not among them: the web UI has a setting, an infotext and an X/Y/Z axis of its own for it.
"""

from dataclasses import dataclass

from ..sampling import SAMPLERS, options
from ..sampling.checks import choice, number

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

    @property
    def about(self):
        """What to say of it, and of which samplers, if not of all."""
        some = self.owner == "SEEDS" and len(self.samplers) < len(SAMPLERS)
        return self.option.about + (f" For {', '.join(self.samplers)}." if some else "")

    def check(self, value):
        """ValueError, with the label, for a value that cannot be."""
        if self.option.choices:
            choice(self.label, value, self.option.choices)
        else:
            number(self.label, value, least=self.option.least, most=self.option.most)

    def read(self, value):
        """A stored or pasted value in its plain type; the default for one that this version does not know."""
        if self.option.choices:
            return value if value in self.option.choices else self.default
        try:
            return int(float(value)) if self.option.whole else float(value)
        except (TypeError, ValueError):
            return self.default

    def pasted(self, infotext):
        """Its value in a parsed infotext {name: text}; its default if its sampler drew and says nothing; or None."""
        ours = not {infotext.get("Sampler"), infotext.get("Hires sampler")}.isdisjoint(self.samplers)
        return self.read(infotext.get(self.label)) if ours or self.label in infotext else None


FIELDS = (
    *(Field(option, "SEEDS") for option in options.COMMON if option.name != "eta"),
    *(Field(option, name) for name in SAMPLERS for option in options.OWN[name]),
)


def options_of(sampler, chosen, settings):
    """{option: value} for the sampler of that name: what was chosen for the run, else what the settings say.

    chosen, settings: {key: value}. A setting that cannot be is the default; a choice is the sampler's to refuse.
    """
    values = {}
    for field in FIELDS:
        if sampler in field.samplers:
            value = chosen.get(field.key, field.read(settings.get(field.key)))
            whole = field.option.whole and isinstance(value, float) and value.is_integer()  # a slider's 2.0
            values[field.option.name] = int(value) if whole else value
    return values


def infotext_of(samplers, chosen, settings):
    """{label: value} of the options of these samplers that differ from their defaults."""
    different = {}
    for sampler in samplers:
        values = options_of(sampler, chosen, settings)
        for field in FIELDS:
            if sampler in field.samplers and values[field.option.name] != field.default:
                different[field.label] = values[field.option.name]
    return different
