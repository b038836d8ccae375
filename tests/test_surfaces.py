"""The surfaces against differences, SciPy, and their own list of critical points."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar, rosen, rosen_der, rosen_hess

from downhill.surfaces import GALLERY, Surface, quadratic

SKEWED = quadratic([[3.0, -1.2], [-1.2, 0.4]], "skewed")
SURFACES = pytest.mark.parametrize("surface", [*GALLERY.values(), SKEWED], ids=lambda s: s.name)


def inside(surface, n, seed=0):
    """Return n random points of the domain."""
    (x_lo, x_hi), (y_lo, y_hi) = surface.domain
    return np.random.default_rng(seed).uniform((x_lo, y_lo), (x_hi, y_hi), (n, 2))


def central(function, points, h):
    """Differentiate along each coordinate, which becomes the last axis."""
    steps = h * np.eye(2)
    return np.stack([(function(points + s) - function(points - s)) / (2 * h) for s in steps], axis=-1)


def complex_step(function, points, h=1e-30):
    """The same by a complex step, which has no cancellation."""
    return np.stack([function(points + 1j * h * s).imag / h for s in np.eye(2)], axis=-1)


def newton_points(surface, n, steps=80):
    """Critical points inside the domain that n damped Newton searches end in, without repetition.

    A Newton step is shortened to a fiftieth of the domain's width and goes to any kind of critical point.
    """
    points = inside(surface, n, seed=1)
    longest = (surface.domain[0][1] - surface.domain[0][0]) / 50
    for _ in range(steps):
        step = np.linalg.solve(surface.hess(points), surface.grad(points)[..., None])[..., 0]
        length = np.linalg.norm(step, axis=1, keepdims=True)
        points = points - step * np.minimum(1, longest / np.maximum(length, 1e-300))
    low, high = np.array(surface.domain).T
    found = np.linalg.norm(surface.grad(points), axis=1) < 1e-8
    found &= ((low <= points) & (points <= high)).all(axis=1)
    return np.unique(points[found].round(5), axis=0)


def matches(found, listed):
    """Whether two sets of points agree to five digits, in any order."""
    listed = np.reshape(listed, (-1, 2))
    distance = np.linalg.norm(found[:, None] - listed, axis=-1)
    return distance.min(axis=0).max() < 3e-5 and distance.min(axis=1).max() < 3e-5


def test_the_gallery_holds_the_surfaces_of_the_course():
    assert list(GALLERY) == [
        *("sphere", "ellipse", "rosenbrock", "saddle", "beale"),
        *("himmelblau", "rastrigin", "ackley", "eggholder", "gaussians"),
    ]
    assert all(isinstance(s, Surface) and s.name == name for name, s in GALLERY.items())


@SURFACES
def test_gradient_by_complex_step(surface):
    points = inside(surface, 500)
    expected = complex_step(surface, points)
    scale = 1 + np.abs(expected).max()
    np.testing.assert_allclose(surface.grad(points), expected, rtol=1e-9, atol=1e-13 * scale)


@SURFACES
def test_gradient_by_central_difference(surface):
    points = inside(surface, 500, seed=3)
    if surface.name == "eggholder":  # stay off the cusps, where a difference across them means nothing
        x, y = points.T
        points = points[(np.abs(x / 2 + y + 47) > 1) & (np.abs(x - y - 47) > 1)]
    expected = surface.grad(points)
    scale = 1 + np.abs(expected).max()
    np.testing.assert_allclose(central(surface, points, 1e-5), expected, rtol=1e-5, atol=1e-7 * scale)


@SURFACES
def test_hessian_by_complex_step_of_the_gradient(surface):
    points = inside(surface, 500, seed=4)
    expected = complex_step(surface.grad, points)
    H = surface.hess(points)
    np.testing.assert_array_equal(H, H.swapaxes(-1, -2))
    np.testing.assert_allclose(H, expected, rtol=1e-8, atol=1e-12 * (1 + np.abs(expected).max()))


@SURFACES
def test_listed_minima(surface):
    (x_lo, x_hi), (y_lo, y_hi) = surface.domain
    for minimum in surface.minima:
        point = np.array(minimum.point)
        assert x_lo <= point[0] <= x_hi and y_lo <= point[1] <= y_hi
        assert minimum.value == surface(point)
        if minimum.kind == "smooth":
            H = surface.hess(point)
            assert np.linalg.eigvalsh(H)[0] > 0
            # the point is right to the last few bits: the Newton step from it is a rounding error
            step = np.linalg.solve(H, surface.grad(point))
            assert np.abs(step).max() <= 1e-14 * max(1, np.abs(point).max())
        elif minimum.kind == "cone":
            angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
            ring = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
            for radius in (1e-2, 1e-5, 1e-8):
                rise = (surface(point + radius * ring) - minimum.value) / radius
                assert rise.min() > 1  # a slope that does not vanish with the radius: no smooth minimum
                outwards = (surface.grad(point + radius * ring) * ring).sum(axis=-1)
                assert outwards.min() > 1
        else:
            assert minimum.kind == "boundary" and point[0] == x_hi
            across, along = surface.grad(point)
            # the surface falls outwards: the edge, and not the slope, stops the descent
            assert across < -1e-3
            assert abs(along) < 1e-9 and surface.hess(point)[1, 1] > 1e-3


@SURFACES
def test_global_minima_are_not_undercut(surface):
    lowest = [m.value for m in surface.minima if m.is_global]
    if not surface.minima:
        assert surface.name in ("saddle", "skewed")
        return
    assert max(lowest) - min(lowest) < 1e-12
    assert all(m.is_global == (m.value <= min(lowest) + 1e-12) for m in surface.minima)
    assert surface(inside(surface, 200_000, seed=5)).min() >= min(lowest)


@SURFACES
def test_listed_saddles_have_curvatures_of_both_signs(surface):
    for saddle in surface.saddles:
        H = surface.hess(saddle)
        low, high = np.linalg.eigvalsh(H)
        assert low < -0.05 and high > 0.05
        assert np.abs(np.linalg.solve(H, surface.grad(saddle))).max() < 1e-14


def test_rosenbrock_is_scipys():
    points = inside(GALLERY["rosenbrock"], 50)
    surface = GALLERY["rosenbrock"]
    np.testing.assert_allclose(surface(points), rosen(points.T), rtol=1e-13)
    np.testing.assert_allclose(surface.grad(points), rosen_der(points.T).T, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(surface.hess(points), [rosen_hess(p) for p in points], rtol=1e-12, atol=1e-11)


def test_no_critical_point_of_himmelblau_is_missed():
    surface = GALLERY["himmelblau"]
    found = newton_points(surface, 2000)
    low, high = np.linalg.eigvalsh(surface.hess(found)).T
    assert matches(found[low > 0], [m.point for m in surface.minima])
    assert matches(found[low * high < 0], surface.saddles)
    np.testing.assert_allclose(found[high < 0], [(-0.270845, -0.923039)], atol=1e-5)
    assert len(surface.minima) == len(surface.saddles) == 4


def test_beale_has_one_minimum_and_two_saddles():
    surface = GALLERY["beale"]
    found = newton_points(surface, 2000)
    assert [m.point for m in surface.minima] == [(3.0, 0.5)]
    assert matches(found, [(3.0, 0.5), (0.0, 1.0), (0.10053794, -2.64451359)])
    assert matches(found, [(3.0, 0.5), *surface.saddles])


def test_rastrigin_lists_every_minimum_of_its_domain():
    surface = GALLERY["rastrigin"]
    found = newton_points(surface, 8000, steps=40)
    found = found[np.linalg.eigvalsh(surface.hess(found))[:, 0] > 0]
    assert len(surface.minima) == 121 and matches(found, [m.point for m in surface.minima])
    assert [m.point for m in surface.minima if m.is_global] == [(0.0, 0.0)]


def test_gaussians_list_every_minimum_and_saddle_of_the_domain():
    surface = GALLERY["gaussians"]
    found = newton_points(surface, 3000)
    low, high = np.linalg.eigvalsh(surface.hess(found)).T
    # far out on the plain the gradient is below the tolerance although nothing is critical there
    steep = np.maximum(np.abs(low), np.abs(high)) > 0.1
    assert matches(found[steep & (low > 0)], [m.point for m in surface.minima])
    assert matches(found[steep & (low * high < 0)], surface.saddles)
    assert all(m.value < 0 for m in surface.minima) and surface.grid(100)[2].max() > 0.9


def test_eggholder_edge_minimum():
    (minimum,) = GALLERY["eggholder"].minima
    assert minimum.value == pytest.approx(-959.6406627, abs=1e-7)  # the published value
    edge = minimize_scalar(lambda y: GALLERY["eggholder"]((512, y)), bounds=(395, 412), method="bounded")
    assert minimum.point[1] == pytest.approx(edge.x, abs=1e-4) and minimum.value <= edge.fun


def test_points_without_a_derivative():
    ackley, eggholder = GALLERY["ackley"], GALLERY["eggholder"]
    assert ackley((0, 0)) == 0
    np.testing.assert_array_equal(ackley.grad((0, 0)), (0, 0))
    assert np.isnan(ackley.hess((0, 0))).all()
    for cusp in ((100.0, 53.0), (100.0, -97.0)):
        assert np.isfinite(eggholder(cusp)) and np.isfinite(eggholder.grad(cusp)).all()
        assert np.isnan(eggholder.hess(cusp)).any()


def test_known_values():
    assert GALLERY["himmelblau"]((0, 0)) == 170
    assert GALLERY["beale"]((0, 0)) == 1.5**2 + 2.25**2 + 2.625**2
    assert GALLERY["rastrigin"]((1, 2)) == pytest.approx(5)
    assert GALLERY["sphere"]((3, 4)) == 25 and GALLERY["saddle"]((3, 4)) == -7
    assert np.linalg.cond(GALLERY["ellipse"].hess((1, 1))) == pytest.approx(25)
    assert GALLERY["eggholder"]((0, 0)) == pytest.approx(-25.460337185, abs=1e-8)
    # Ackley in its textbook form, at (1, 2)
    textbook = -20 * np.exp(-0.2 * np.sqrt(2.5)) - np.exp(1) + 20 + np.e
    assert GALLERY["ackley"]((1, 2)) == pytest.approx(textbook, rel=1e-14)


@SURFACES
def test_shapes_and_batches(surface):
    points = inside(surface, 24).reshape(2, 3, 4, 2)
    assert surface(points).shape == (2, 3, 4)
    assert surface.grad(points).shape == (2, 3, 4, 2)
    assert surface.hess(points).shape == (2, 3, 4, 2, 2)
    assert np.shape(surface(points[0, 0, 0])) == () and surface.grad(points[0, 0, 0]).shape == (2,)
    assert surface(np.empty((0, 2))).shape == (0,)
    assert surface([1, 2]) == surface((1.0, 2.0)) == surface.value(np.array([1, 2]))
    np.testing.assert_allclose(surface.hess(points)[1, 2, 3], surface.hess(points[1, 2, 3]), rtol=1e-12)


@SURFACES
def test_grid_is_one_call_and_equals_the_double_loop(surface):
    calls = []

    def counted(points):
        calls.append(np.shape(points))
        return surface.value(points)

    X, Y, Z = Surface(surface.name, counted, surface.grad, surface.hess, surface.domain).grid(12)
    assert calls == [(12, 12, 2)]
    (x_lo, x_hi), (y_lo, y_hi) = surface.domain
    xs, ys = np.linspace(x_lo, x_hi, 12), np.linspace(y_lo, y_hi, 12)
    loop = [[surface((x, y)) for x in xs] for y in ys]
    np.testing.assert_allclose(Z, loop, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(X, np.tile(xs, (12, 1)))
    np.testing.assert_array_equal(Y, np.tile(ys, (12, 1)).T)


@pytest.mark.parametrize("bad", [1.0, [1.0, 2.0, 3.0], np.zeros((2, 3)), np.zeros((5, 2, 1))])
def test_a_wrong_last_axis_is_refused(bad):
    for surface in GALLERY.values():
        for function in (surface, surface.grad, surface.hess):
            with pytest.raises(ValueError, match="last axis of length 2"):
                function(bad)


def test_quadratic():
    assert SKEWED.saddles == ((0.0, 0.0),) and not SKEWED.minima
    assert quadratic([[1, 1], [1, 1]]).minima == quadratic([[1, 1], [1, 1]]).saddles == ()
    assert quadratic([[-1, 0], [0, -2]]).minima == quadratic([[-1, 0], [0, -2]]).saddles == ()
    points = inside(SKEWED, 20)
    H = SKEWED.hess((0, 0))
    np.testing.assert_allclose(SKEWED(points), 0.5 * np.einsum("ni,ij,nj->n", points, H, points), rtol=1e-12)
    for bad, message in [
        (np.eye(3), "shape"),
        ([[1, 2], [0, 1]], "symmetric"),
        ([[1, np.nan], [np.nan, 1]], "finite"),
    ]:
        with pytest.raises(ValueError, match=message):
            quadratic(bad)
    with pytest.raises(ValueError, match="at least 2"):
        SKEWED.grid(1)
