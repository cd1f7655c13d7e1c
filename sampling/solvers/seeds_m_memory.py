"""What SEEDS-M remembers of the model calls before, and what it adds to the next point (docs/seeds_m.md).

Symbols are those of the page: D and D_p the results at s and p, D_c the conditional part, G = D - D_c, d, g, psi,
theta, rho, k, K, C. All weights have the factor alpha of the next point, because points are in the host's frame.
"""

import math
from dataclasses import dataclass

import torch

from ..tensors import for_each, inner, quotient


@dataclass(frozen=True)
class Whole:
    """For C, the factor of d = D - D_p, where only the whole prediction D is known (sections 1 to 4).

    For each image C = (1 - k) max(c_0, theta c) + k turned.
    """

    c: float
    c_0: float
    turned: float


@dataclass(frozen=True)
class Parts:
    """The weights of D_c and G where both are known (section 5).

    conditional: where D_c is known of one call before, and where of two (from the third step on), its weights; what
    they take is taken from the present one. guidance: -V_1, the weight of g. growth: p / s. sharpest: the bound of K
    where g has the root mean square 1.
    """

    conditional: tuple[tuple[float, ...], ...]
    guidance: float
    growth: float
    sharpest: float


@dataclass(frozen=True)
class Memory:
    """The numbers of a stage for both cases. length: (1 + eta) h. limit: the option guidance_limit.

    shrinkage: (s / p)^2, with which e = y - D_p - shrinkage (y_p - D_p). to_frame and before_to_frame: 1 / alpha at
    this stage and at the one before, which make y of x. renewed: 1 - a.
    """

    whole: Whole | None
    parts: Parts | None
    length: float
    limit: float
    shrinkage: float
    to_frame: float
    before_to_frame: float
    renewed: float

    def add(self, history, x, denoised, cond_denoised, point):
        """The stage's correction (plan.Correction)."""
        history = History() if history is None else history
        history.add(self, x, denoised, cond_denoised, point)
        return history


class History:
    """The results of the last calls, as copies: a model may write to what it has returned."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.x = self.guidance = self.d = self.size = None
        self.split, self.known = None, []

    def add(self, memory, x, denoised, cond, point):
        """Add the stage's terms to `point`, in place. cond: the conditional prediction, None where it is not known.

        x and denoised are the stage's, (B, ...); x is kept, and must not be written to.
        """
        if self.split is not (cond is not None):
            self.clear()
            self.split = cond is not None
        if self.split:
            self._add_parts(memory, x, denoised, cond, point)
        else:
            self._add_whole(memory, x, denoised, point)
        self.x = x

    def _keep(self, value, like, most):
        """A copy of `value` at the front of those known, in the memory of the one that is forgotten."""
        room = self.known.pop() if len(self.known) == most else torch.empty_like(like)
        self.known.insert(0, room.copy_(value))

    def _surprise(self, memory, difference, x):
        """<difference, e>; e itself is never formed."""
        expected = memory.shrinkage * memory.before_to_frame * inner(difference, self.x)
        expected = expected + (1 - memory.shrinkage) * inner(difference, self.known[0])
        return memory.to_frame * inner(difference, x) - expected

    def _add_whole(self, memory, x, denoised, point):
        if not self.known or memory is None or memory.whole is None:
            self.d = None
            self._keep(denoised, x, 1)
            return
        d = denoised.to(x.dtype) - self.known[0]
        size = inner(d, d)
        psi = quotient(self._surprise(memory, d, x), size)
        theta = (psi.abs() / min(1.0, memory.length)).clamp(max=1)
        C = (theta * memory.whole.c).clamp(min=memory.whole.c_0)
        if self.d is not None:
            rho = quotient(inner(d, self.d), self.size)
            k = (1 - theta) * (-rho).clamp(0, 1)
            C = torch.lerp(C, torch.full_like(C, memory.whole.turned), k)
        point.addcmul_(for_each(C, x), d)
        self.d, self.size = d, size
        self._keep(denoised, x, 1)

    def _add_parts(self, memory, x, denoised, cond, point):
        guidance = None if cond is denoised else denoised.to(x.dtype) - cond
        parts = memory.parts if memory is not None else None
        if parts is not None and self.known:
            if guidance is not None:
                self._add_guidance(memory, x, guidance, point)
            weights = parts.conditional[len(self.known) - 1]
            for weight, value in zip(weights, self.known, strict=True):
                point.add_(value, alpha=weight)
            point.add_(cond, alpha=-math.fsum(weights))
        self._keep(cond, x, 2)
        self.guidance = guidance

    def _add_guidance(self, memory, x, guidance, point):
        """The guidance part's extrapolation, limited to what the step can carry: most along g, which is stiff."""
        if self.guidance is None:
            return
        parts, g = memory.parts, torch.sub(guidance, self.guidance, out=self.guidance)
        size, of_present = inner(g, g), inner(g, guidance)
        K = quotient(size, self._surprise(memory, g, x).abs())
        K = torch.minimum(K, parts.sharpest * (size / math.prod(x.shape[1:])).sqrt())
        along = (1 + (memory.limit * parts.growth * memory.length * K).pow(4)).pow(-1 / 4)
        across = along.sqrt()
        share = memory.renewed * quotient(of_present, size) + parts.guidance  # of g in the extrapolation
        # Where G or G_p is 0, guidance ends or begins: exactly then <g, G> is 0, or <g, g>. There is no line then.
        goes_on = (of_present != 0) & (of_present != size)
        of_guidance, of_g = (across - 1) * memory.renewed, across * parts.guidance + (along - across) * share
        point.addcmul_(for_each(of_guidance * goes_on, x), guidance).addcmul_(for_each(of_g * goes_on, x), g)
