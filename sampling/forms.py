"""The three semilinear forms of the reverse SDE, in the VE frame.

The SDE dy = -(1 + eta) (y - D) dlambda + sqrt(2 eta) s dW (lambda = -log s; eta = 0 is the probability-flow ODE,
eta = 1 the reverse SDE) is split into a part linear in y, integrated exactly, and a rest carried by a prediction P:

    y_t = growth(t, s) y_s + integral over [s, t] of kernel(t, tau) P(tau) dlambda + N,   Var N = variance(t, s)

for VE noise levels t < s. P = a y + b D with (a, b) = from_model(s), D being the denoised. kernel takes t and the
distance lambda_t - lambda_tau, which is exact where tau is close to t, and arrays of it. It is (1 + eta) times a growth
times weight(tau), whose integral in lambda over [s, t] is weight_integral(t, s). Sources: SEEDS
(arXiv 2305.14267), propositions 3.1 (noise, eta = 1) and 3.2 (v, eta = 0 and 1), here for any eta.
"""

import math
from dataclasses import dataclass

import numpy as np

from .checks import EXTREMES, choice, number

POINTS, POINT_WEIGHTS = np.polynomial.legendre.leggauss(24)
PANEL = 3.0  # 24 points are exact to rounding for panels of this length in lambda


def log_ratio(large, small, difference):
    """log(large / small) from large - small: accurate where the two nearly agree, and where their ratio overflows."""
    excess = difference / small
    return math.log1p(excess) if excess < math.inf else math.log(large) - math.log(small)


def lambda_step(t, s):
    """h = lambda_t - lambda_s for VE noise levels 0 < t <= s."""
    return log_ratio(s, t, s - t)


@dataclass(frozen=True)
class DataForm:
    """P = D: the denoised itself."""

    eta: float
    sigma_data: float

    def growth(self, t, s):
        return math.exp(-(1 + self.eta) * lambda_step(t, s))

    def kernel(self, t, distance):
        return (1 + self.eta) * np.exp(-(1 + self.eta) * distance)

    def weight(self, tau):
        return np.ones_like(tau)

    def weight_integral(self, t, s):
        return lambda_step(t, s)

    def variance(self, t, s):
        return -t * t * math.expm1(-2 * self.eta * lambda_step(t, s))

    def from_model(self, s):
        return 0.0, 1.0


@dataclass(frozen=True)
class NoiseForm:
    """P = (y - D) / s: the noise that the model sees, of unit variance."""

    eta: float
    sigma_data: float

    def growth(self, t, s):
        return 1.0

    def kernel(self, t, distance):
        return (1 + self.eta) * self.weight(t * np.exp(distance))

    def weight(self, tau):
        return -tau

    def weight_integral(self, t, s):
        return t - s

    def variance(self, t, s):
        return self.eta * (s - t) * (s + t)

    def from_model(self, s):
        return 1 / s, -1 / s


@dataclass(frozen=True)
class VForm:
    """EDM's network output: what of D is not explained by Gaussian data of standard deviation sigma_data."""

    eta: float
    sigma_data: float

    def total(self, s):
        """R(s), the variance of y for data of standard deviation sigma_data."""
        return s * s + self.sigma_data**2

    def shrinkage(self, t, s):
        """log(R(s) / R(t))."""
        return log_ratio(self.total(s), self.total(t), (s - t) * (s + t))

    def growth(self, t, s):
        return math.exp(-0.5 * (1 + self.eta) * self.shrinkage(t, s))

    def kernel(self, t, distance):
        q, tau = 1 + self.eta, t * np.exp(distance)
        growth = np.exp(-q / 2 * np.log1p(t * np.expm1(distance) * (tau + t) / self.total(t)))
        return q * growth * self.weight(tau)

    def weight(self, tau):
        return tau * self.sigma_data / np.sqrt(self.total(tau))

    def weight_integral(self, t, s):
        return self.sigma_data * (math.asinh(s / self.sigma_data) - math.asinh(t / self.sigma_data))

    def variance(self, t, s):
        return -self.total(t) * math.expm1(-self.eta * self.shrinkage(t, s))

    def from_model(self, s):
        root = math.sqrt(self.total(s))
        return -self.sigma_data / (s * root), root / (s * self.sigma_data)


def eta_of(eta):
    """A checked eta."""
    return number("eta", eta, least=0, most=1e20)


Form = DataForm | NoiseForm | VForm
FORMS = {"data": DataForm, "noise": NoiseForm, "v": VForm}


def form_of(name, eta, sigma_data):
    """The form of that name; ValueError for an unknown name, eta < 0 or sigma_data <= 0."""
    form = FORMS[choice("prediction", name, FORMS)]
    least, most = EXTREMES
    return form(eta_of(eta), number("sigma_data", sigma_data, least=least, most=most))


def panels(h, q):
    """Edges in [0, h], distances from the end of the step: panels are short where exp(-q distance) is steep."""
    edges = [0.0]
    while edges[-1] < h:
        edges.append(min(h, edges[-1] + min(PANEL, max(4 * PANEL / q, edges[-1]))))
    return np.array(edges)


def _distances(h, q):
    """Nodes in [0, h], distances from the end of the step, and their Gauss-Legendre weights."""
    edges = panels(h, q)
    half = np.diff(edges) / 2
    return (edges[:-1] + half + half * POINTS[:, None]).ravel(), (half * POINT_WEIGHTS[:, None]).ravel()


def quadrature(t, s):
    """VE noise levels between t and s, and the weights of an integral over them in lambda."""
    distance, measure = _distances(lambda_step(t, s), 1.0)
    return t * np.exp(distance), measure


def integral(form, t, s, of_level):
    """The integral over [s, t] of the form's kernel times a function of the VE noise level."""
    distance, measure = _distances(lambda_step(t, s), 1 + form.eta)
    return float((measure * form.kernel(t, distance)) @ of_level(t * np.exp(distance)))


@np.errstate(over="ignore", invalid="ignore")  # weights that are not finite are refused with the plan
def polynomial_weights(form, t, s, nodes):
    """The weights of P at each node in the integral over [s, t], P replaced by its interpolating polynomial in lambda.

    t < s: VE noise levels. nodes: distinct places in lambda as fractions of the interval, 0 at s and 1 at t (negative:
    before s). Returns a list of floats, by Gauss-Legendre quadrature: the integrand's sign does not change for one
    node, so that nothing cancels however short or long the interval.
    """
    h = lambda_step(t, s)
    distance, measure = _distances(h, 1 + form.eta)
    measure = measure * form.kernel(t, distance)
    fractions = 1 - distance / h
    weights = []
    for j, node in enumerate(nodes):
        basis = np.ones_like(distance)
        for k, other in enumerate(nodes):
            if k != j:
                basis *= (fractions - other) / (node - other)
        weights.append(float(measure @ basis))
    return weights
