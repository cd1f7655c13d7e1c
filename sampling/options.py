"""The samplers' options as hosts show them: ranges, choices and what to say of them, in one place for all hosts."""

import inspect
from dataclasses import dataclass

from .er_sde import NOISE_SCALES
from .noise import NOISE_DEVICES
from .prediction import PREDICTIONS
from .samplers import SAMPLERS
from .seeds_m import ETA_CAP


@dataclass(frozen=True)
class Option:
    """A keyword of a sampler: one of `choices`, or a number from `least` to `most`."""

    name: str
    about: str
    choices: tuple[str, ...] = ()
    least: float = 0.0
    most: float = 100.0
    everyday: bool = False  # False: for those who look for it
    whole: bool = False  # a whole number
    left_out: object = None  # what a default of None stands for

    def default(self, sampler):
        """Its default for the sampler of that name."""
        default = inspect.signature(SAMPLERS[sampler]).parameters[self.name].default
        return self.left_out if default is None else default


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
            "2b: the polynomial through both predictions. 2a: the paper's weights. 2s: the image of a seed settles with"
            " fewer steps.",
            ("2b", "2a", "2s"),
            everyday=True,
        ),
        _fraction("r", "Where in the step, in lambda, the second model call lies. 2s does not use it."),
    ),
    "SEEDS-3": (
        Option(
            "variant",
            "3a: the paper's drift, of order 3 without noise where r_2 is 2/3, else 2. 3b: the last stage uses all"
            " three predictions, of order 3 but where r_1 is 2/3.",
            ("3a", "3b"),
            everyday=True,
        ),
        _fraction("r_1", "Where in the step, in lambda, the second model call lies. Less than r_2."),
        _fraction("r_2", "Where in the step, in lambda, the third model call lies. More than r_1."),
    ),
    "SEEDS-M": (
        Option("order", "2: uses the model call before, too. 1: does not.", least=1, most=2, whole=True, left_out=2),
        Option(
            "eta_cap",
            "Limits the noise in long steps: eta is at most this, divided by the length of the step in lambda.",
            least=0.01,
            left_out=ETA_CAP,
        ),
    ),
    "ER-SDE": (
        Option(
            "order",
            "How many model calls a step looks back on, with its own.",
            least=1,
            most=3,
            whole=True,
            everyday=True,
        ),
        Option(
            "noise_scale",
            "How stochastic: ode is not, sde is the reverse SDE.",
            tuple(reversed(NOISE_SCALES)),
            everyday=True,
        ),
    ),
}

ABOUT = {
    "SEEDS-1": "one model call a step",
    "SEEDS-2": "two model calls a step",
    "SEEDS-3": "three model calls a step",
    "SEEDS-M": "one model call a step; looks back on earlier ones; for 8 to 30 model calls",
    "ER-SDE": "one model call a step, the solvers of arXiv 2309.06169",
}


def options_of(sampler):
    """The options of the sampler of that name, those that all samplers have first."""
    parameters = inspect.signature(SAMPLERS[sampler]).parameters
    return (*(option for option in COMMON if option.name in parameters), *OWN[sampler])
