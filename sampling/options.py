"""What an option of a solver is. Each is declared once, in the solver's own file; every host reads the declaration."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .checks import choice, number, whole_number

SMALLEST = 0.01  # hosts' controls start here where 0 itself is not allowed, nor anything near it
LARGEST = 100.0  # and end here where a solver has no bound, or a very large one


@dataclass(frozen=True)
class Option:
    """A keyword of a solver: one of `choices`, or a number within bounds.

    default: its value where it is left out. about: a sentence for users. above and below are bounds that are not
    allowed themselves, least and most such that are. whole: a whole number. everyday: hosts show it; others they fold
    away. of_model: hosts take it from the model and do not show it. none: None stands for the default. also: what is
    allowed beside `choices`, with a check of its own.
    """

    name: str
    default: Any
    about: str
    choices: tuple[str, ...] = ()
    above: float | None = None
    least: float | None = None
    below: float | None = None
    most: float | None = None
    whole: bool = False
    everyday: bool = False
    of_model: bool = False
    none: bool = False
    also: Callable[[Any], bool] | None = None

    def check(self, value: Any) -> Any:
        """The value in its plain type; ValueError that names the option, the value and what is allowed."""
        if value is None and self.none:
            value = self.default
        if self.also is not None and self.also(value):
            return value
        if self.choices:
            return choice(self.name, value, self.choices)
        if self.whole:
            return whole_number(self.name, value, least=self.least, most=self.most)
        return number(self.name, value, above=self.above, least=self.least, below=self.below, most=self.most)

    @property
    def lowest(self) -> float:
        """The least value that a host's control offers."""
        least = self.least
        return least if least is not None and (least == 0 or least >= SMALLEST) else SMALLEST

    @property
    def highest(self) -> float:
        """The largest value that a host's control offers."""
        return LARGEST if self.most is None else min(self.most, LARGEST)


def option(default: Any, about: str, **given: Any) -> Any:
    """Declare an option in the body of a Solver; the attribute's name is the option's."""
    return Option("", default, about, **given)
