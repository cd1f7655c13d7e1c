"""The samplers' options as hosts show them: ranges, choices and what to say of them, in one place for all hosts."""

import inspect
from dataclasses import dataclass

from .noise import NOISE_DEVICES
from .prediction import PREDICTIONS
from .samplers import SAMPLERS


@dataclass(frozen=True)
class Option:
    """A keyword of a sampler: one of `choices`, or a number from `least` to `most`."""

    name: str
    about: str
    choices: tuple[str, ...] = ()
    least: float = 0.0
    most: float = 100.0
    everyday: bool = False  # False: for those who look for it

    def default(self, sampler):
        """Its default for the sampler of that name."""
        return inspect.signature(SAMPLERS[sampler]).parameters[self.name].default


def _fraction(name, about):
    return Option(name, about, least=0.01, most=1.0)


COMMON = (
    Option("eta", "How stochastic: 0 is the ODE, 1 the reverse SDE.", everyday=True),
    Option("s_noise", "Multiplies the noise that is added."),
    Option("prediction", "The form of the equation that is solved. data suits few steps.", tuple(PREDICTIONS)),
    Option("noise_device", "Where the noise is drawn. The image is the same but for rounding.", tuple(NOISE_DEVICES)),
)

OWN = {
    "SEEDS-1": (),
    "SEEDS-2": (
        Option(
            "variant",
            "2b: the polynomial through both predictions, better at no cost. 2a: the paper's weights.",
            ("2b", "2a"),
        ),
        _fraction("r", "Where in the step, in lambda, the second model call lies."),
    ),
    "SEEDS-3": (
        Option("variant", "3a: the paper's drift. 3b: the last stage uses all three predictions.", ("3a", "3b")),
        _fraction("r_1", "Where in the step, in lambda, the second model call lies. Less than r_2."),
        _fraction("r_2", "Where in the step, in lambda, the third model call lies. More than r_1."),
    ),
}

ABOUT = {
    "SEEDS-1": "one model call a step",
    "SEEDS-2": "two model calls a step",
    "SEEDS-3": "three model calls a step",
}
