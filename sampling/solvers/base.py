"""What every solver is: a class whose attributes are its options and whose method `plan` turns noise levels to stages.

A file in this folder that decorates a Solver with `solver` is all that a new one needs: the samplers, ComfyUI's nodes,
the web UI's menu and accordion, the command line and the tables of the documentation read the declaration.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from ..checks import EXTREMES
from ..forms import FORMS, DataForm
from ..options import Option, option
from ..plan import Plan
from ..schedule import NoiseSchedule

SOLVERS: dict[str, type["Solver"]] = {}  # by the names that hosts show

# What more than one solver has.
ETA = option(1.0, "How stochastic: 0 is the ODE, 1 the reverse SDE.", least=0, most=1e20, everyday=True)
PREDICTION = option("data", "The form of the equation that is solved. data suits few steps.", choices=tuple(FORMS))
SIGMA_DATA = option(
    1.0, 'The standard deviation of the data, for the prediction "v".', least=EXTREMES[0], most=EXTREMES[1],
    of_model=True,
)  # fmt: skip


class Solver:
    """A solver with values for its options: Seeds2(r=0.3). ValueError that names an option that does not fit.

    name: what hosts show. about: it in a few words. The orders are those of the options' defaults, on smooth problems;
    ode_order is that without noise. reads_cond: it makes use of a model's attribute `cond_denoised`.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    calls_per_step: ClassVar[int]
    ode_order: ClassVar[int]
    weak_order: ClassVar[int]
    reads_cond: ClassVar[bool] = False
    options: ClassVar[dict[str, Option]] = {}

    s_noise = option(1.0, "Multiplies the noise that is added.", least=0)

    def __init_subclass__(cls) -> None:
        declared = {name: value for base in reversed(cls.__mro__) for name, value in vars(base).items()}
        cls.options = {name: replace(one, name=name) for name, one in declared.items() if isinstance(one, Option)}

    def __init__(self, **given: Any) -> None:
        for name, one in self.options.items():
            setattr(self, name, one.check(given.pop(name)) if name in given else one.default)
        for name, value in given.items():
            raise ValueError(f"{name}: {value!r}; {self.name} has no such option, only {', '.join(self.options)}")

    def values(self) -> dict[str, Any]:
        """The values of all options, by name."""
        return {name: getattr(self, name) for name in self.options}

    @property
    def form(self) -> Any:
        """The form (forms.py) in whose clock the noise path runs."""
        return DataForm(1.0, 1.0)

    @property
    def repeats(self) -> bool:
        """Whether the same values always make the same plan, so that it can be kept."""
        return True

    def plan(self, schedule: NoiseSchedule, sigmas: Sequence[float]) -> Plan:
        """The plan over the host's sigmas, strictly decreasing; a last 0 returns the denoised.

        ValueError that names the options that make a number too large.
        """
        raise NotImplementedError


S = TypeVar("S", bound=type[Solver])


def solver(
    name: str, *, about: str, calls_per_step: int, ode_order: int, weak_order: int, reads_cond: bool = False
) -> Callable[[S], S]:
    """Register a Solver under the name that hosts show."""

    def register(cls: S) -> S:
        cls.name, cls.about, cls.calls_per_step = name, about, calls_per_step
        cls.ode_order, cls.weak_order, cls.reads_cond = ode_order, weak_order, reads_cond
        SOLVERS[name] = cls
        return cls

    return register
