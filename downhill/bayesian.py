r"""Gaussian processes, acquisition functions, and Bayesian optimization of an expensive function on a box.

>>> gp = fit(X, y)                                  # X (n, d) in the unit cube, y (n,)
>>> mean, std = gp.predict(points)                  # of the function, without the noise
>>> log_expected_improvement(mean, std, y.min())    # how much a trial at each point promises

>>> result = minimize(loss, [(-5, 10), (0, 15)], 30, np.random.default_rng(0))
>>> result.x, result.fun

The course minimises: a small value is good, the improvement is best − value, and the optimistic bound is the lower
one. The functions that differ take ``maximize=True``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize as scipy_minimize
from scipy.special import erfcx, log_ndtr, ndtr
from scipy.stats import qmc

from downhill.annotations import Array, ArrayLike
from downhill.arguments import finite, finite_array, generator, not_negative, one_of, positive, share, whole

__all__ = [
    "KERNELS",
    "GaussianProcess",
    "MinimizeResult",
    "confidence_bound",
    "expected_improvement",
    "fit",
    "log_expected_improvement",
    "minimize",
    "sobol",
    "srinivas_beta",
    "suggest",
    "thompson",
]

NOISE_FLOOR = 1e-8  # of the standardised values: `fit` never goes below, so that equal points do no harm
_ROOT5 = np.sqrt(5.0)


def _rbf(s: Array) -> tuple[Array, Array]:
    """Return k and −2 dk/ds of the RBF kernel, where s is the squared scaled distance."""
    k = np.exp(-s / 2)
    return k, k


def _matern52(s: Array) -> tuple[Array, Array]:
    """Return k and −2 dk/ds of the Matérn-5/2 kernel, where s is the squared scaled distance."""
    r = _ROOT5 * np.sqrt(s)
    decay = np.exp(-r)
    return (1 + r + r * r / 3) * decay, 5 / 3 * (1 + r) * decay


Kernel: TypeAlias = Callable[[Array], tuple[Array, Array]]
KERNELS: dict[str, Kernel] = {"rbf": _rbf, "matern52": _matern52}


@dataclass(frozen=True)
class GaussianProcess:
    """A Gaussian process that has seen data, with given hyperparameters. ``fit`` chooses them.

    The function is f = shift + scale · g, and g has mean 0 and covariance variance · k(r), where r is the distance
    after each coordinate is divided by its length scale. Each y is f plus independent noise.

    Parameters
    ----------
    X : array_like, (n, d)
        Points, n ≥ 1.
    y : array_like, (n,)
        Values there.
    length_scales : float or array_like, (d,)
        Of each coordinate, positive.
    variance : float
        Prior variance of g, positive.
    noise : float
        Variance of the noise of (y − shift) / scale, at least 0; it is added to the diagonal.
    kernel : {"matern52", "rbf"}
        k(r) = (1 + √5 r + 5r²/3) exp(−√5 r), or exp(−r²/2).
    shift, scale : float
        What `fit` takes from the values; scale is positive.

    Raises
    ------
    ValueError
        For wrong shapes, what is not finite, hyperparameters out of range; and if points are so near to each other
        that the noise given does not tell them apart. (`fit` keeps enough noise for equal points.)

    References
    ----------
    C. E. Rasmussen, C. K. I. Williams (2006), Gaussian Processes for Machine Learning, Algorithm 2.1.
    """

    X: Array
    y: Array
    length_scales: Array | float = 1.0
    variance: float = 1.0
    noise: float = 1e-10
    kernel: str = "matern52"
    shift: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        X, y = _data(self.X, self.y)
        one_of("kernel", self.kernel, KERNELS)
        scales = finite_array("length_scales", self.length_scales)
        if scales.shape not in ((), (X.shape[1],)) or not (scales > 0).all():
            raise ValueError(f"length_scales must be positive, one or {X.shape[1]} of them, got {self.length_scales!r}")
        scales = np.array(np.broadcast_to(scales, X.shape[1:]))
        numbers = {name: positive(name, getattr(self, name)) for name in ("variance", "scale")}
        numbers |= {"noise": not_negative("noise", self.noise), "shift": finite("shift", self.shift)}
        for name, value in {"X": X, "y": y, "length_scales": scales, **numbers}.items():
            object.__setattr__(self, name, value)
        self._factor  # noqa: B018  (raises now if it must)

    def _profile(self, at: Array) -> tuple[Array, Array]:
        """Return variance · k and variance · (−2 dk/ds) between points `at` and the data."""
        k, slope = KERNELS[self.kernel](_squares(at / self.length_scales, self.X / self.length_scales))
        return self.variance * k, self.variance * slope

    @cached_property
    def _factor(self) -> Array:
        """The lower Cholesky factor of the data's covariance."""
        K = self._profile(self.X)[0]
        K[np.diag_indices_from(K)] += self.noise
        try:
            L = cholesky(K, lower=True)
        except np.linalg.LinAlgError:
            L = None
        # A pivot this small is rounding: the matrix is singular as far as floats can tell.
        if L is None or np.diag(L).min() ** 2 < 4 * len(K) * np.finfo(float).eps * self.variance:
            gaps = _squares(self.X / self.length_scales, self.X / self.length_scales)
            gaps[np.diag_indices_from(gaps)] = np.inf
            i, j = sorted(int(k) for k in np.unravel_index(np.argmin(gaps), gaps.shape))
            how = "equal" if gaps[i, j] == 0 else "too near to each other for these length scales"
            raise ValueError(f"points {i} and {j} are {how}, and noise = {self.noise:g} does not tell them apart: "
                             f"give a noise of at least {1e-10 * self.variance:.0e}, or leave it to fit()")  # fmt: skip
        return L

    @cached_property
    def _weights(self) -> Array:
        return cho_solve((self._factor, True), (self.y - self.shift) / self.scale)

    def predict(self, at: ArrayLike) -> tuple[Array, Array]:
        """Return mean and standard deviation of the function at points.

        Parameters
        ----------
        at : array_like, (m, d)

        Returns
        -------
        mean, std : ndarray, (m,)
            Of f, not of a noisy value: that has the variance std² + noise · scale².
        """
        k = self._profile(_points(at, self.X.shape[1]))[0]
        half = solve_triangular(self._factor, k.T, lower=True)
        variance = np.maximum(self.variance - np.sum(half**2, axis=0), 0)
        return self.shift + self.scale * (k @ self._weights), self.scale * np.sqrt(variance)

    def predict_with_gradient(self, at: ArrayLike) -> tuple[float, float, Array, Array]:
        """Return mean and standard deviation at one point (d,), and the gradient of each.

        Returns
        -------
        mean, std : float
        mean_gradient, std_gradient : ndarray, (d,)
            Where std is 0, that of std is not defined, and zeros are returned.
        """
        at = _points(np.reshape(at, (1, -1)), self.X.shape[1])
        k, slope = self._profile(at)
        jacobian = -slope.T * (at - self.X) / self.length_scales**2  # of k, (n, d)
        half = solve_triangular(self._factor, k[0], lower=True)
        inner = solve_triangular(self._factor, half, lower=True, trans=1)
        std = np.sqrt(max(self.variance - half @ half, 0))
        std_gradient = -(inner @ jacobian) / std if std else np.zeros(at.shape[1])
        mean = self.shift + self.scale * (k[0] @ self._weights)
        return float(mean), float(self.scale * std), self.scale * (self._weights @ jacobian), self.scale * std_gradient

    def covariance(self, at: ArrayLike) -> Array:
        """Return the posterior covariance of the function at points (m, d) as an array (m, m)."""
        at = _points(at, self.X.shape[1])
        half = solve_triangular(self._factor, self._profile(at)[0].T, lower=True)
        prior = KERNELS[self.kernel](_squares(at / self.length_scales, at / self.length_scales))[0]
        return self.scale**2 * (self.variance * prior - half.T @ half)

    def sample(self, at: ArrayLike, n: int, rng: np.random.Generator) -> Array:
        """Draw n functions from the posterior at points (m, d), with a numpy.random.Generator: an array (n, m)."""
        mean, covariance = self.predict(at)[0], self.covariance(at)
        noise = generator("rng", rng).standard_normal((whole("n", n, 0), len(mean)))
        return mean + noise @ _root(covariance).T

    @property
    def log_likelihood(self) -> float:
        """The log of the density of (y − shift) / scale under the prior: the log marginal likelihood."""
        z = (self.y - self.shift) / self.scale
        return float(-0.5 * z @ self._weights - np.log(np.diag(self._factor)).sum() - 0.5 * len(z) * np.log(2 * np.pi))


def _gaps(X: Array) -> Array:
    """Squared differences of each coordinate, (d, n, n)."""
    return np.array([np.subtract.outer(x, x) ** 2 for x in X.T])


def _likelihood(theta: Array, z: Array, gaps: Array, kernel: Kernel) -> tuple[float, Array]:
    """Log marginal likelihood of z and its gradient in theta, the log of (lengths, variance, noise)."""
    *lengths, variance, noise = np.exp(theta)
    scaled = gaps / np.square(lengths)[:, None, None]
    k, slope = kernel(scaled.sum(axis=0))
    K = variance * k
    K[np.diag_indices_from(K)] += noise
    L = cholesky(K, lower=True, overwrite_a=True, check_finite=False)
    inverse = cho_solve((L, True), np.eye(len(z)), check_finite=False)
    weights = cho_solve((L, True), z, check_finite=False)
    value = -0.5 * z @ weights - np.log(np.diag(L)).sum() - 0.5 * len(z) * np.log(2 * np.pi)
    W = 0.5 * (np.outer(weights, weights) - inverse)
    per_length = np.tensordot(scaled, W * slope, axes=2)
    return value, np.array([*(variance * per_length), variance * np.sum(W * k), noise * np.trace(W)])


# ------------------------------------------------------------------------------------ choosing hyperparameters

_PRIOR_MEAN = np.log([0.5, 1.0, 1e-4])  # length scale, variance, noise
_PRIOR_STD = np.array([1.0, 1.0, 4.0])
_BOUNDS = np.log([[0.02, 20.0], [0.01, 100.0], [NOISE_FLOOR, 1.0]])


def fit(
    X: ArrayLike,
    y: ArrayLike,
    kernel: str = "matern52",
    *,
    noise: float | None = None,
    restarts: int = 2,
    start: GaussianProcess | None = None,
) -> GaussianProcess:
    """Fit a Gaussian process: y is standardised, and the hyperparameters maximise the penalised likelihood.

    To the log marginal likelihood is added the log of a prior, so that two points do not decide that a length scale
    is 0 or infinite: log-normal with median 0.5 and a factor e for a length scale, 1 and e for the variance, 10⁻⁴
    and e⁴ for the noise. The bounds are 0.02 … 20, 0.01 … 100 and 10⁻⁸ … 1.

    Parameters
    ----------
    X : array_like, (n, d)
        Points in the unit cube, or at a similar scale. Equal points are allowed: the noise is never below
        10⁻⁸ of the variance of y.
    y : array_like, (n,)
    kernel : {"matern52", "rbf"}
    noise : float, optional
        Variance of the noise in the units of y², if it is known; then it is not fitted (but not below the floor).
    restarts : int
        Starts of L-BFGS-B drawn from the prior, beside the prior's median. They are the same in every call, so that
        equal data have equal fits.
    start : GaussianProcess, optional
        A fit of fewer points of the same problem: its hyperparameters are one more start.

    Returns
    -------
    GaussianProcess

    Raises
    ------
    ValueError
        For wrong shapes, or values that are not finite.
    """
    X, y = _data(X, y)
    noise = None if noise is None else not_negative("noise", noise)
    restarts = whole("restarts", restarts, 0)
    profile = KERNELS[one_of("kernel", kernel, KERNELS)]
    d = X.shape[1]
    shift, scale = float(y.mean()), float(y.std())
    if not scale > 1e-12 * np.abs(y).max():
        scale = 1.0  # all values equal
    which = np.r_[np.zeros(d, dtype=int), 1, 2]
    middle, spread, (low, high) = _PRIOR_MEAN[which], _PRIOR_STD[which], _BOUNDS[which].T
    if noise is not None:
        low, high = low.copy(), high.copy()
        low[-1] = high[-1] = middle[-1] = np.log(max(noise / scale**2, NOISE_FLOOR))

    z, gaps = (y - shift) / scale, _gaps(X)

    def loss(theta: Array) -> tuple[float, Array]:
        value, slope = _likelihood(theta, z, gaps, profile)
        off = (theta - middle) / spread
        return 0.5 * off @ off - value, off / spread - slope

    rng = np.random.default_rng(0)
    starts = [middle, *(middle + spread * rng.standard_normal((restarts, d + 2)))]
    if start is not None:
        starts.insert(0, np.log(np.r_[start.length_scales, start.variance, start.noise]))
    runs = [scipy_minimize(loss, np.clip(s, low, high), jac=True, method="L-BFGS-B", bounds=np.c_[low, high],
                           options={"maxiter": 100}) for s in starts]  # fmt: skip
    values = np.exp(min(runs, key=lambda run: run.fun).x)
    return GaussianProcess(X, y, values[:d], float(values[d]), float(values[-1]), kernel, shift, scale)


# ---------------------------------------------------------------------------------------- acquisition functions


def expected_improvement(
    mean: ArrayLike, std: ArrayLike, best: float, xi: float = 0.0, maximize: bool = False
) -> Array:
    """Return E[max(best − xi − f, 0)] for f ~ N(mean, std²): how much a trial is expected to improve.

    Parameters
    ----------
    mean, std : array_like
        Of the surrogate; std ≥ 0 is a standard deviation, not a variance.
    best : float
        The best value seen.
    xi : float
        By how much a value must be better than the best to count, at least 0.
    maximize : bool
        Whether large values are good: then it is E[max(f − best − xi, 0)].

    Returns
    -------
    ndarray
        Where std is 0: max(best − xi − mean, 0).

    References
    ----------
    D. R. Jones, M. Schonlau, W. J. Welch (1998), Efficient global optimization of expensive black-box functions.
    """
    gain, std = _gain(mean, std, best, xi, maximize)
    safe = np.where(std > 0, std, 1.0)
    z = gain / safe
    formula = gain * ndtr(z) + safe * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    return np.maximum(np.where(std > 0, formula, gain), 0)[()]


def log_expected_improvement(
    mean: ArrayLike, std: ArrayLike, best: float, xi: float = 0.0, maximize: bool = False
) -> Array:
    """Return the log of `expected_improvement`, right also where that underflows; −inf where it is exactly 0.

    References
    ----------
    S. Ament, S. Daulton, D. Eriksson, M. Balandat, E. Bakshy (2023), Unexpected improvements to expected
    improvement for Bayesian optimization, arXiv:2310.20708.
    """
    gain, std = _gain(mean, std, best, xi, maximize)
    safe = np.where(std > 0, std, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        sure = np.log(np.maximum(gain, 0))
        return np.where(std > 0, np.log(safe) + _log_h(gain / safe), sure)[()]


def _log_h(z: ArrayLike) -> Array:
    """Return log(φ(z) + z Φ(z)), which a normal number in place of f gives."""
    z = np.asarray(z, dtype=float)
    near = np.maximum(z, -1)
    with np.errstate(divide="ignore"):
        plain = np.log(np.exp(-0.5 * near**2) / np.sqrt(2 * np.pi) + near * ndtr(near))
    far = -np.minimum(z, -1)  # φ(z) (1 − far √(π/2) erfcx(far/√2)), and its series where that cancels
    middle = np.minimum(far, 100)
    inside = np.log1p(-middle * np.sqrt(np.pi / 2) * erfcx(middle / np.sqrt(2)))
    q = 1 / np.maximum(far, 100) ** 2
    series = np.log(q) + np.log1p(-3 * q + 15 * q**2 - 105 * q**3)
    tail = np.where(far <= 100, inside, series) - 0.5 * far**2 - 0.5 * np.log(2 * np.pi)
    return np.where(z > -1, plain, tail)


def confidence_bound(mean: ArrayLike, std: ArrayLike, beta: float, maximize: bool = False) -> Array:
    """Return the optimistic bound: mean − √beta · std, the smaller the better; mean + √beta · std if maximising."""
    mean, std = _mean_std(mean, std)
    beta = not_negative("beta", beta)
    return mean + (1 if maximize else -1) * np.sqrt(beta) * std


def srinivas_beta(step: int, candidates: int, delta: float) -> float:
    """Return β of step 1, 2, … for a finite set of candidates: 2 ln(candidates · step² · π² / (6 delta)).

    With it the regret bound of GP-UCB holds with probability at least 1 − delta, if the function is a draw from the
    process with the noise and the kernel that are used.

    References
    ----------
    N. Srinivas, A. Krause, S. Kakade, M. Seeger (2010), Gaussian process optimization in the bandit setting: no
    regret and experimental design, arXiv:0912.3995.
    """
    step, candidates = whole("step", step, 1), whole("candidates", candidates, 1)
    delta = share("delta", positive("delta", delta))
    return float(2 * np.log(candidates * step**2 * np.pi**2 / (6 * delta)))


def thompson(
    gp: GaussianProcess, candidates: ArrayLike, rng: np.random.Generator, maximize: bool = False
) -> int:
    """Return the index of the candidate that is best in one draw from the posterior: Thompson sampling.

    Parameters
    ----------
    gp : GaussianProcess
    candidates : array_like, (m, d)
    rng : numpy.random.Generator
        Another call with the same one draws anew.
    maximize : bool
        Whether large values are good.

    Returns
    -------
    int
    """
    draw = gp.sample(candidates, 1, rng)[0]
    return int(np.argmax(draw) if maximize else np.argmin(draw))


# ------------------------------------------------------------------------------------------------ the loop


@dataclass(frozen=True)
class MinimizeResult:
    """What `minimize` found, under the names that SciPy and scikit-optimize use.

    Attributes
    ----------
    x : ndarray, (d,)
        The best point that was evaluated.
    fun : float
        Its value.
    x_iters : ndarray, (nfev, d)
        All points, in order.
    func_vals : ndarray, (nfev,)
        Their values; ``np.minimum.accumulate(func_vals)`` is the best value so far.
    nfev : int
        How many times the function was called.
    """

    x: Array
    fun: float
    x_iters: Array
    func_vals: Array
    nfev: int


def minimize(
    fun: Callable[[Array], float],
    bounds: ArrayLike,
    n_calls: int,
    rng: np.random.Generator,
    *,
    n_initial_points: int | None = None,
    kernel: str = "matern52",
    noise: float | None = None,
    xi: float = 0.0,
) -> MinimizeResult:
    """Minimise an expensive function on a box by Bayesian optimization with log expected improvement.

    Parameters
    ----------
    fun : callable
        A point (d,) to a finite number.
    bounds : array_like, (d, 2)
        Low and high of each coordinate; put a learning rate in as its logarithm.
    n_calls : int
        How many times it is called.
    rng : numpy.random.Generator
        The source of randomness: two searches with the same one differ.
    n_initial_points : int, optional
        How many of the calls are a scrambled Sobol design, at least 1. By default 2 d + 2, at most half of them.
    kernel, noise
        As in `fit`.
    xi : float
        As in `expected_improvement`, in units of the standard deviation of the values seen.

    Returns
    -------
    MinimizeResult

    Raises
    ------
    ValueError
        For bad arguments, or as soon as ``fun`` returns what is not one finite number.
    """
    low, high = _box(bounds)
    d = len(low)
    n_calls = whole("n_calls", n_calls, 1)
    given = max(1, min(2 * d + 2, n_calls // 2)) if n_initial_points is None else n_initial_points
    unit = sobol(min(whole("n_initial_points", given, 1), n_calls), d, rng)
    X: list[Array] = []
    values: list[float] = []
    gp = None
    for k in range(n_calls):
        if k < len(unit):
            x = unit[k]
        else:
            gp = fit(X, values, kernel, noise=noise, restarts=1, start=gp)
            x = suggest(gp, rng, xi=xi)
        at = low + (high - low) * x
        values.append(finite(f"fun at {at}", fun(at)))
        X.append(x)
    best = int(np.argmin(values))
    points = low + (high - low) * np.array(X)
    return MinimizeResult(points[best], values[best], points, np.array(values), n_calls)


def suggest(
    gp: GaussianProcess,
    rng: np.random.Generator,
    *,
    xi: float = 0.0,
    candidates: int = 1000,
    polish: int = 4,
) -> Array:
    """Return the point of the unit cube where log expected improvement is largest.

    Random candidates, a fifth of them near the best point seen, then L-BFGS-B with exact gradients from the best of
    them.

    Parameters
    ----------
    gp : GaussianProcess
        Its points lie in the unit cube.
    rng : numpy.random.Generator
        Draws the candidates.
    xi : float
        In units of ``gp.scale``.
    candidates, polish : int
        How many candidates, and how many of them are polished.

    Returns
    -------
    ndarray, (d,)
    """
    rng = generator("rng", rng)
    d = gp.X.shape[1]
    best, margin = gp.y.min(), xi * gp.scale
    centre = gp.X[np.argmin(gp.y)]
    near = candidates // 5
    steps = rng.standard_normal((near, d)) * 10 ** rng.uniform(-3, -0.5, (near, 1))
    pool = np.vstack([rng.random((candidates - near, d)), np.clip(centre + steps, 0, 1)])
    scores = log_expected_improvement(*gp.predict(pool), best, margin)

    def loss(x: Array) -> tuple[float, Array]:
        mean, std, mean_slope, std_slope = gp.predict_with_gradient(x)
        if std <= 0:
            return 1e10, np.zeros(d)
        z = (best - margin - mean) / std
        log_h = float(_log_h(z))
        share = np.exp(log_ndtr(z) - log_h)  # of d log h / dz
        return -np.log(std / gp.scale) - log_h, share * (mean_slope + z * std_slope) / std - std_slope / std

    order = np.argsort(-scores)
    starts = [pool[order[0]]]
    for i in order[1:]:  # good ones that are not all on the same hill
        if len(starts) < polish and min(np.abs(pool[i] - s).max() for s in starts) > 0.05:
            starts.append(pool[i])
    runs = [scipy_minimize(loss, s, jac=True, method="L-BFGS-B", bounds=[(0, 1)] * d, options={"maxiter": 50})
            for s in starts]  # fmt: skip
    best_run = min(runs, key=lambda run: run.fun)
    return np.clip(best_run.x, 0, 1) if best_run.fun < loss(starts[0])[0] else starts[0]


def sobol(n: int, d: int, rng: np.random.Generator) -> Array:
    """Return the first n points of a scrambled Sobol sequence in the unit cube, (n, d); rng draws the scrambling."""
    m = int(np.ceil(np.log2(n))) if n > 1 else 0
    return qmc.Sobol(d, seed=generator("rng", rng)).random_base2(m)[:n]


# ------------------------------------------------------------------------------------------------ refusals


def _squares(A: Array, B: Array) -> Array:
    """Squared distances between the rows of A and of B, by differences: exactly 0 for equal rows."""
    s = np.zeros((len(A), len(B)))
    for a, b in zip(A.T, B.T, strict=True):
        s += np.subtract.outer(a, b) ** 2
    return s


def _root(covariance: Array) -> Array:
    """Return L with L Lᵀ = covariance, adding the least jitter that makes it positive definite."""
    size = max(float(np.diag(covariance).max()), np.finfo(float).tiny)
    for jitter in 10.0 ** np.arange(-12, -3):
        try:
            return cholesky(covariance + jitter * size * np.eye(len(covariance)), lower=True)
        except np.linalg.LinAlgError:
            continue
    raise ValueError("the covariance is not positive semidefinite")


def _data(X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    try:
        X, y = finite_array("X", X).copy(), finite_array("y", y).copy()
    except ValueError as error:
        raise ValueError(f"{error}: leave failed trials out, or give them a large finite value") from None
    if X.ndim != 2 or not X.size or y.shape != X.shape[:1]:
        raise ValueError(f"X must have shape (n, d) and y (n,), n and d at least 1, got {X.shape} and {y.shape}")
    return X, y


def _points(at: ArrayLike, d: int) -> Array:
    at = finite_array("points", at)
    if at.ndim != 2 or at.shape[1] != d:
        raise ValueError(f"points must have shape (m, {d}), got {at.shape}")
    return at


def _mean_std(mean: ArrayLike, std: ArrayLike) -> tuple[Array, Array]:
    mean, std = np.asarray(mean, dtype=float), np.asarray(std, dtype=float)
    if np.isnan(mean).any() or not (std >= 0).all():
        raise ValueError("mean must be numbers, and std of at least 0")
    return mean, std


def _gain(
    mean: ArrayLike, std: ArrayLike, best: float, xi: float, maximize: bool
) -> tuple[Array, Array]:
    """Return the mean's advantage over best ∓ xi, and std, broadcast."""
    mean, std = _mean_std(mean, std)
    best, xi = finite("best", best), not_negative("xi", xi)
    gain, std = np.broadcast_arrays((mean - best if maximize else best - mean) - xi, std)
    return gain, std


def _box(bounds: ArrayLike) -> tuple[Array, Array]:
    bounds = finite_array("bounds", bounds)
    if bounds.ndim != 2 or bounds.shape[1] != 2 or not len(bounds):
        raise ValueError(f"bounds must have shape (d, 2), got {bounds.shape}")
    if not (bounds[:, 0] < bounds[:, 1]).all():
        raise ValueError(f"each low bound must be below its high one, got {bounds.tolist()}")
    return bounds[:, 0], bounds[:, 1]
