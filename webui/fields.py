"""The options that the web UI shows, and what they are called in infotexts, in settings and in the X/Y/Z plot.

eta is not among them: the web UI has a setting, an infotext and an X/Y/Z axis of its own for it.
"""

from dataclasses import dataclass

from ..sampling import SAMPLERS, options_of
from ..sampling.checks import choice, number
from ..sampling.options import Option

ATTRIBUTE = "seeds_samplers"  # of the host's processing object: {key: value} of what was chosen for a run


@dataclass(frozen=True)
class Field:
    """An option of one sampler, or of all: `owner` is a sampler's name or "SEEDS"."""

    option: Option
    owner: str

    @property
    def samplers(self):
        names = SAMPLERS if self.owner == "SEEDS" else (self.owner,)
        return tuple(name for name in names if self.option in options_of(name))

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
        return self.option.default

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
            number(self.label, value, least=self.option.lowest, most=self.option.highest)

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


def _fields():
    """Each option once, those that several samplers have first."""
    samplers = {}
    for name in SAMPLERS:
        for option in options_of(name):
            samplers.setdefault(option, []).append(name)
    shared = [Field(option, "SEEDS") for option, names in samplers.items() if len(names) > 1 and option.name != "eta"]
    return (*shared, *(Field(option, *names) for option, names in samplers.items() if len(names) == 1))


FIELDS = _fields()

# The values of a request that lists them come in this order: version 0.1's. Later fields follow, and may be moved by
# others, so that a request had better name what it sets: {"SEEDS-2 r": 0.3}.
LISTED = (
    "SEEDS s_noise", "SEEDS prediction", "SEEDS noise_device", "SEEDS-2 variant", "SEEDS-2 r", "SEEDS-3 variant",
    "SEEDS-3 r_1", "SEEDS-3 r_2", "SEEDS-M order", "SEEDS-M eta_cap", "ER-SDE order", "ER-SDE noise_scale",
)  # fmt: skip
IN_LIST = sorted(FIELDS, key=lambda field: LISTED.index(field.label) if field.label in LISTED else len(LISTED))


def chosen_of(arguments):
    """{key: value} of a request's arguments for this script: values in the order of IN_LIST, or one dict by name.

    A name is a field's label or key. Returns the names that no field has, too.
    """
    if not (arguments and isinstance(arguments[0], dict)):
        return {field.key: value for field, value in zip(IN_LIST, arguments, strict=False) if value is not None}, []
    keys = {name: field.key for field in FIELDS for name in (field.label, field.key)}
    given = {name: value for name, value in arguments[0].items() if value is not None}
    unknown = [name for name in given if name not in keys]
    return {keys[name]: value for name, value in given.items() if name in keys}, unknown


def values_of(sampler, chosen, settings):
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
        values = values_of(sampler, chosen, settings)
        for field in FIELDS:
            if sampler in field.samplers and values[field.option.name] != field.default:
                different[field.label] = values[field.option.name]
    return different
