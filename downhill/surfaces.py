"""Two-dimensional test surfaces with their derivatives and their known critical points.

Every function takes an array of points whose last axis holds the two coordinates, so one call evaluates a
single point, a list of points or a whole grid::

    from downhill.surfaces import GALLERY

    himmelblau = GALLERY["himmelblau"]
    himmelblau((3.0, 2.0))              # 0.0
    X, Y, Z = himmelblau.grid(200)      # three (200, 200) arrays
    himmelblau.grad(points)             # (..., 2) -> (..., 2)

Coordinates and values are plain numbers without a unit. Every function accepts complex points too, so that
a derivative can be checked by a complex step, Im f(x + ih) / h, except at Ackley's tip and on Eggholder's
cusps.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from downhill.annotations import Array, ArrayLike
from downhill.arguments import finite_array, whole

__all__ = ["GALLERY", "Minimum", "Surface", "quadratic"]

Domain: TypeAlias = tuple[tuple[float, float], tuple[float, float]]
_Pair: TypeAlias = tuple[Any, Any]  # by x and by y: arrays, or numbers where one is constant
_Triple: TypeAlias = tuple[Any, Any, Any]


@dataclass(frozen=True)
class Minimum:
    """A known minimum of a surface over its domain.

    Attributes
    ----------
    point : tuple of two floats
        Where it is.
    value : float
        The surface there.
    kind : {"smooth", "cone", "boundary"}
        Which check applies. "smooth": inside the domain, the gradient is zero and the Hessian positive
        definite. "cone": inside the domain, the surface has a tip without a gradient and rises in every
        direction. "boundary": on an edge of the domain, the surface falls outwards across the edge and has a
        smooth minimum along it.
    is_global : bool
        Whether no point of the domain is lower.
    """

    point: tuple[float, float]
    value: float
    kind: str
    is_global: bool


@dataclass(frozen=True)
class Surface:
    """A function of two variables, with derivatives, a domain and known critical points.

    Attributes
    ----------
    name : str
        For titles and legends.
    value : callable
        Points (..., 2) to values (...).
    grad : callable
        Points (..., 2) to gradients (..., 2).
    hess : callable
        Points (..., 2) to Hessians (..., 2, 2).
    domain : ((x_lo, x_hi), (y_lo, y_hi))
        The rectangle that figures show and that searches stay in.
    minima : tuple of Minimum
        The known minima. What is listed, and what is not, is said where the surface is built.
    saddles : tuple of points
        The known saddle points; may be empty.
    """

    name: str
    value: Callable[[ArrayLike], Array]
    grad: Callable[[ArrayLike], Array]
    hess: Callable[[ArrayLike], Array]
    domain: Domain
    minima: tuple[Minimum, ...] = ()
    saddles: tuple[tuple[float, float], ...] = ()

    def __call__(self, points: ArrayLike) -> Array:
        """Return the values (...) at points (..., 2); the same as ``value``."""
        return self.value(points)

    def grid(self, n: int = 200) -> tuple[Array, Array, Array]:
        """Evaluate the surface on an n by n grid over its domain, in one call.

        Parameters
        ----------
        n : int
            Points a side, at least 2. The edges of the domain are on the grid.

        Returns
        -------
        X, Y, Z : ndarray, each (n, n)
            As ``contour`` and ``plot_surface`` want them: x varies along the second axis, y along the first.

        Raises
        ------
        ValueError
            If n is not a whole number of at least 2.
        """
        n = whole("n", n, 2)
        x, y = (np.linspace(low, high, n) for low, high in self.domain)
        # The coordinate is first in memory and last in the view, so that each is contiguous, which is faster.
        both = np.empty((2, n, n))
        both[0], both[1] = x, y[:, None]
        return both[0], both[1], self.value(np.moveaxis(both, 0, -1))


def quadratic(
    H: ArrayLike, name: str = "quadratic", domain: Domain = ((-3.0, 3.0), (-3.0, 3.0))
) -> Surface:
    """Return the surface ½ xᵀHx.

    Parameters
    ----------
    H : array_like, (2, 2)
        The Hessian: real, finite and symmetric, of any signature.
    name : str
        Name of the surface.
    domain : ((x_lo, x_hi), (y_lo, y_hi))
        Its domain.

    Returns
    -------
    Surface
        The origin is listed as the minimum if H is positive definite, and as a saddle if H has eigenvalues of
        both signs. A singular H has a line of critical points, of which none is listed.

    Raises
    ------
    ValueError
        If H has another shape, is not symmetric or is not finite.
    """
    H = finite_array("H", H)
    if H.shape != (2, 2):
        raise ValueError(f"H must have shape (2, 2), got {H.shape}")
    if not np.allclose(H, H.T, rtol=1e-12, atol=0):
        raise ValueError("H must be symmetric: use (H + H.T) / 2, which gives the same surface")
    a, b, c = (float(entry) for entry in (H[0, 0], H[0, 1], H[1, 1]))

    # Written out and not as a matrix product: a point then has the same bits alone and within a batch.
    def value(x: Any, y: Any) -> Any:
        return 0.5 * (x * (a * x + b * y) + y * (b * x + c * y))

    def grad(x: Any, y: Any) -> _Pair:
        return a * x + b * y, b * x + c * y

    def hess(x: Any, y: Any) -> _Triple:
        return a, b, c

    smallest, largest = np.linalg.eigvalsh(H)
    rounding = 4 * np.finfo(float).eps * max(abs(smallest), abs(largest))
    origin = ((0.0, 0.0),)
    return _surface(
        name,
        value,
        grad,
        hess,
        domain,
        minima=origin if smallest > rounding else (),
        saddles=origin if smallest < -rounding and largest > rounding else (),
    )


def _coordinates(points: ArrayLike) -> tuple[Array, Array]:
    """Split points (..., 2) into x (...) and y (...), as floating or complex numbers."""
    points = np.asarray(points)
    if points.ndim == 0 or points.shape[-1] != 2:
        raise ValueError(
            f"points need a last axis of length 2 that holds the coordinates (x, y), got shape {points.shape}"
        )
    if points.dtype.kind not in "fc":
        points = points.astype(float)
    return points[..., 0], points[..., 1]


def _surface(
    name: str,
    value: Callable[[Any, Any], Any],
    grad: Callable[[Any, Any], _Pair],
    hess: Callable[[Any, Any], _Triple],
    domain: Domain,
    *,
    minima: Iterable[tuple[float, float]] = (),
    saddles: Iterable[tuple[float, float]] = (),
    others: Iterable[Minimum] = (),
) -> Surface:
    """Build a surface from functions of two separate coordinates.

    ``value(x, y)`` returns values, ``grad(x, y)`` the pair (∂x, ∂y) and ``hess(x, y)`` the triple
    (∂xx, ∂xy, ∂yy). ``minima`` and ``saddles`` are smooth critical points known to a few digits, which Newton
    steps bring to full precision; ``others`` are minima of another kind, complete.
    """

    def value_at(points: ArrayLike) -> Array:
        return value(*_coordinates(points))

    def grad_at(points: ArrayLike) -> Array:
        x, y = _coordinates(points)
        out = np.empty((*x.shape, 2), x.dtype)
        out[..., 0], out[..., 1] = grad(x, y)
        return out

    def hess_at(points: ArrayLike) -> Array:
        x, y = _coordinates(points)
        out = np.empty((*x.shape, 2, 2), x.dtype)
        out[..., 0, 0], out[..., 0, 1], out[..., 1, 1] = hess(x, y)
        out[..., 1, 0] = out[..., 0, 1]
        return out

    def polish(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
        points = np.array(points, dtype=float).reshape(-1, 2)
        for _ in range(6):
            points = points - np.linalg.solve(hess_at(points), grad_at(points)[..., None])[..., 0]
        return [(float(x), float(y)) for x, y in points]

    others = tuple(others)
    smooth = [(point, float(value_at(point))) for point in polish(minima)]
    lowest = min([v for _, v in smooth] + [m.value for m in others], default=0.0)
    return Surface(
        name,
        value_at,
        grad_at,
        hess_at,
        domain,
        minima=tuple(Minimum(point, v, "smooth", v <= lowest + 1e-12) for point, v in smooth) + others,
        saddles=tuple(polish(saddles)),
    )


def _rosenbrock() -> Surface:
    """Return Rosenbrock's curved valley (1960): (1 − x)² + 100 (y − x²)², one minimum at (1, 1)."""

    def value(x: Any, y: Any) -> Any:
        u, v = 1 - x, y - x * x
        return u * u + 100 * v * v

    def grad(x: Any, y: Any) -> _Pair:
        v = y - x * x
        return -2 * (1 - x) - 400 * x * v, 200 * v

    def hess(x: Any, y: Any) -> _Triple:
        return 2 - 400 * (y - x * x) + 800 * x * x, -400 * x, 200.0

    return _surface("rosenbrock", value, grad, hess, ((-2.0, 2.0), (-1.0, 3.0)), minima=[(1, 1)])


def _beale() -> Surface:
    """Return Beale's function (1958): Σ (cₖ − x + xyᵏ)², k = 1, 2, 3, c = 1.5, 2.25, 2.625.

    It has one minimum, at (3, ½), and two saddles, at (0, 1) and near (0.1005, −2.6445).
    """

    def residuals(x: Array, y: Array) -> _Triple:
        return 1.5 - x * (1 - y), 2.25 - x * (1 - y * y), 2.625 - x * (1 - y * y * y)

    def slopes(x: Array, y: Array) -> tuple[_Triple, _Triple]:
        y2 = y * y
        return (y - 1, y2 - 1, y2 * y - 1), (x, 2 * x * y, 3 * x * y2)

    def value(x: Any, y: Any) -> Any:
        return sum(r * r for r in residuals(x, y))

    def grad(x: Any, y: Any) -> _Pair:
        r = residuals(x, y)
        rx, ry = slopes(x, y)
        return (
            2 * sum(a * b for a, b in zip(r, rx, strict=True)),
            2 * sum(a * b for a, b in zip(r, ry, strict=True)),
        )

    def hess(x: Any, y: Any) -> _Triple:
        r = residuals(x, y)
        rx, ry = slopes(x, y)
        rxy = 1, 2 * y, 3 * y * y
        ryy = 0, 2 * x, 6 * x * y
        return (
            2 * sum(a * a for a in rx),
            2 * sum(a * b + c * d for a, b, c, d in zip(rx, ry, r, rxy, strict=True)),
            2 * sum(b * b + c * d for b, c, d in zip(ry, r, ryy, strict=True)),
        )

    return _surface(
        "beale",
        value,
        grad,
        hess,
        ((-4.5, 4.5), (-4.5, 4.5)),
        minima=[(3, 0.5)],
        saddles=[(0, 1), (0.1005, -2.6445)],
    )


def _himmelblau() -> Surface:
    """Return Himmelblau's function (1972): (x² + y − 11)² + (x + y² − 7)².

    It has four minima, all of value 0, four saddles, and one local maximum near (−0.2708, −0.9230).
    """

    def value(x: Any, y: Any) -> Any:
        u, v = x * x + y - 11, x + y * y - 7
        return u * u + v * v

    def grad(x: Any, y: Any) -> _Pair:
        u, v = x * x + y - 11, x + y * y - 7
        return 4 * x * u + 2 * v, 2 * u + 4 * y * v

    def hess(x: Any, y: Any) -> _Triple:
        return 12 * x * x + 4 * y - 42, 4 * (x + y), 12 * y * y + 4 * x - 26

    return _surface(
        "himmelblau",
        value,
        grad,
        hess,
        ((-6.0, 6.0), (-6.0, 6.0)),
        minima=[(3, 2), (-2.805118, 3.131313), (-3.779310, -3.283186), (3.584428, -1.848127)],
        saddles=[(0.086678, 2.884255), (-3.073026, -0.081353), (3.385154, 0.073852), (-0.127961, -1.953715)],
    )


def _rastrigin() -> Surface:
    """Return Rastrigin's function (1974): 20 + x² + y² − 10 cos 2πx − 10 cos 2πy.

    All 121 minima of the domain are listed: the function is a sum of one function of x and the same of y,
    each with a minimum near every whole number from −5 to 5. The saddles between them are not listed.
    """
    turn = 2 * np.pi

    def value(x: Any, y: Any) -> Any:
        return 20 + x * x + y * y - 10 * (np.cos(turn * x) + np.cos(turn * y))

    def grad(x: Any, y: Any) -> _Pair:
        return 2 * x + 10 * turn * np.sin(turn * x), 2 * y + 10 * turn * np.sin(turn * y)

    def hess(x: Any, y: Any) -> _Triple:
        return 2 + 10 * turn**2 * np.cos(turn * x), 0.0, 2 + 10 * turn**2 * np.cos(turn * y)

    # Near k, sin 2πx ≈ 2π(x − k): the zero of the slope so simplified starts Newton's method.
    near = np.arange(-5, 6) / (1 + 2 / (10 * turn**2))
    minima = [(x, y) for x in near for y in near]
    return _surface("rastrigin", value, grad, hess, ((-5.12, 5.12), (-5.12, 5.12)), minima=minima)


def _ackley() -> Surface:
    """Return Ackley's function (1987) with its usual constants 20, 0.2 and 2π.

    −20 exp(−0.2 √((x² + y²)/2)) − exp((cos 2πx + cos 2πy)/2) + 20 + e. Its global minimum, at the origin, is
    the tip of a cone; the many local minima around it are not listed. At the tip itself ``grad`` returns
    zeros, the mean of the slopes on its two sides, and ``hess`` returns NaN.
    """
    turn = 2 * np.pi

    def waves(x: Array, y: Array) -> Array:
        return (np.cos(turn * x) + np.cos(turn * y)) / 2

    def value(x: Any, y: Any) -> Any:
        # Both terms as e^u − 1, so that the tip is 0 exactly and not the rounding error of 20 + e.
        radius = np.sqrt((x * x + y * y) / 2)
        return -20 * np.expm1(-radius / 5) - np.e * np.expm1(waves(x, y) - 1)

    def grad(x: Any, y: Any) -> _Pair:
        radius = np.sqrt((x * x + y * y) / 2)
        tip = radius == 0
        pull = np.where(tip, 0, 2 * np.exp(-radius / 5) / np.where(tip, 1, radius))
        ripple = np.pi * np.exp(waves(x, y))
        return pull * x + ripple * np.sin(turn * x), pull * y + ripple * np.sin(turn * y)

    def hess(x: Any, y: Any) -> _Triple:
        radius = np.sqrt((x * x + y * y) / 2)
        radius = np.where(radius == 0, np.nan, radius)
        pull = 2 * np.exp(-radius / 5) / radius
        bend = -pull * (0.2 + 1 / radius) / (2 * radius)
        ripple = np.pi * np.exp(waves(x, y))
        sin_x, sin_y = np.sin(turn * x), np.sin(turn * y)
        return (
            pull + bend * x * x + ripple * (turn * np.cos(turn * x) - np.pi * sin_x * sin_x),
            bend * x * y - ripple * np.pi * sin_x * sin_y,
            pull + bend * y * y + ripple * (turn * np.cos(turn * y) - np.pi * sin_y * sin_y),
        )

    tip = Minimum((0.0, 0.0), 0.0, "cone", True)
    return _surface("ackley", value, grad, hess, ((-5.0, 5.0), (-5.0, 5.0)), others=[tip])


def _eggholder() -> Surface:
    """Return the Eggholder function (Whitley et al. 1996).

    −(y + 47) sin √|x/2 + y + 47| − x sin √|x − y − 47|. Its global minimum lies on the edge x = 512 of the
    domain; its many local minima are not listed. On the two lines where an absolute value is 0 the surface
    has a cusp: there ``grad`` leaves out the term that has no slope (the mean of its two sides), and ``hess``
    returns NaN.
    """

    def root_of(u: Array) -> Array:
        # √|u|, with a sign in place of the absolute value so that a complex step passes through.
        return np.sqrt(u * np.sign(np.real(u)))

    def wave(u: Array) -> Array:
        return np.sin(root_of(u))

    def wave_slope(u: Array) -> Array:
        root = root_of(u)
        return np.sign(np.real(u)) * np.cos(root) / (2 * np.where(root == 0, 1, root))

    def wave_bend(u: Array) -> Array:
        root = root_of(u)
        root = np.where(root == 0, np.nan, root)
        return -(np.sin(root) + np.cos(root) / root) / (4 * root * root)

    def value(x: Any, y: Any) -> Any:
        a = y + 47
        return -a * wave(x / 2 + a) - x * wave(x - a)

    def grad(x: Any, y: Any) -> _Pair:
        a = y + 47
        u, v = x / 2 + a, x - a
        along_u, along_v = a * wave_slope(u), x * wave_slope(v)
        return -along_u / 2 - wave(v) - along_v, -wave(u) - along_u + along_v

    def hess(x: Any, y: Any) -> _Triple:
        a = y + 47
        u, v = x / 2 + a, x - a
        slope_u, slope_v = wave_slope(u), wave_slope(v)
        bend_u, bend_v = a * wave_bend(u), x * wave_bend(v)
        return (
            -bend_u / 4 - 2 * slope_v - bend_v,
            -slope_u / 2 - bend_u / 2 + slope_v + bend_v,
            -2 * slope_u - bend_u - bend_v,
        )

    # Newton's method along the edge brings the textbook's four decimals to full precision.
    y = 404.2318
    for _ in range(6):
        y -= grad(512.0, y)[1] / hess(512.0, y)[2]
    edge = Minimum((512.0, float(y)), float(value(512.0, y)), "boundary", True)
    return _surface("eggholder", value, grad, hess, ((-512.0, 512.0), (-512.0, 512.0)), others=[edge])


def _gaussians() -> Surface:
    """Return a sum of Gaussians: three wells and a hill, our own, on a plain that is almost flat.

    Σ hₖ exp(−‖p − cₖ‖² / 2wₖ²). The deepest well is the narrowest, so most descents end elsewhere, and far
    from all of them the gradient is almost zero. The minima and saddles inside the domain are listed.
    """
    # height, width, centre
    bumps = [
        (-3.0, 0.5, (2.0, 1.5)),
        (-2.0, 1.3, (-2.0, -1.0)),
        (-1.2, 0.8, (-1.0, 2.5)),
        (1.0, 1.0, (1.5, -2.0)),
    ]

    def terms(x: Array, y: Array) -> Iterator[tuple[Array, float, Array, Array]]:
        for height, width, (cx, cy) in bumps:
            u, v = (x - cx) / width, (y - cy) / width
            yield height * np.exp(-(u * u + v * v) / 2), width, u, v

    def value(x: Any, y: Any) -> Any:
        return sum(bump for bump, *_ in terms(x, y))

    def grad(x: Any, y: Any) -> _Pair:
        parts = [(-bump * u / width, -bump * v / width) for bump, width, u, v in terms(x, y)]
        return sum(gx for gx, _ in parts), sum(gy for _, gy in parts)

    def hess(x: Any, y: Any) -> _Triple:
        parts = [(bump / width**2, u, v) for bump, width, u, v in terms(x, y)]
        return (
            sum(c * (u * u - 1) for c, u, v in parts),
            sum(c * u * v for c, u, v in parts),
            sum(c * (v * v - 1) for c, u, v in parts),
        )

    return _surface(
        "gaussians",
        value,
        grad,
        hess,
        ((-5.0, 5.0), (-5.0, 5.0)),
        minima=[bump[2] for bump in bumps if bump[0] < 0],
        saddles=[(-1.378531, 1.177109), (0.627377, 1.824249)],
    )


_SURFACES = (
    quadratic([[2, 0], [0, 2]], "sphere"),  # x² + y²
    quadratic([[1, 0], [0, 25]], "ellipse"),  # condition number 25
    _rosenbrock(),
    quadratic([[2, 0], [0, -2]], "saddle"),  # x² − y²
    _beale(),
    _himmelblau(),
    _rastrigin(),
    _ackley(),
    _eggholder(),
    _gaussians(),
)

#: The surfaces of the course by name.
#:
#: :meta hide-value:
GALLERY: dict[str, Surface] = {surface.name: surface for surface in _SURFACES}
