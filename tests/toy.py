"""A solver in one file, as a stranger writes it: put into sampling/solvers/, it is everywhere (test_new_solver.py)."""

import math
from itertools import pairwise

from ..options import option
from ..plan import Plan, Stage, checked, denoise, fresh
from .base import Solver, solver


@solver("Toy", about="Euler's step, for a test", calls_per_step=1, ode_order=1, weak_order=1)
class Toy(Solver):
    """Toy: Euler's step of dy = -(y - D) dlambda with noise of the deviation `glow`, times a shade of no effect.

    Written for a test; there is no paper.
    """

    glow = option(0.0, "How much noise a step adds.", least=0, most=1, everyday=True)
    shade = option("pale", "Says nothing.", choices=("pale", "dark"))

    def plan(self, schedule, sigmas):
        steps = []
        for interval in pairwise(sigmas):
            if interval[1] == 0:
                steps.append(denoise(interval[0]))
                continue
            h, (alpha, alpha_next) = schedule.length(*interval), map(schedule.alpha, interval)
            noises = fresh(*interval, alpha_next * self.s_noise * self.glow * math.sqrt(h), h)
            steps.append((Stage(*interval, (alpha_next / alpha * (1 - h),), (alpha_next * h,), noises),))
        return checked(Plan(tuple(steps)), "sigmas", "glow")
