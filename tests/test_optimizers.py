"""Gradient descent against its closed form on quadratics, one start against many, and its refusals."""

import numpy as np
import pytest

from downhill.optimizers import descend
from downhill.surfaces import GALLERY, quadratic


def test_closed_form_on_a_quadratic():
    H = np.array([[3.0, 1.0], [1.0, 2.0]])
    run = descend(quadratic(H).grad, (1.3, -0.7), 0.21, 25)
    factor = np.eye(2) - 0.21 * H
    expected = [np.linalg.matrix_power(factor, k) @ (1.3, -0.7) for k in range(26)]
    np.testing.assert_allclose(run.path, expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(run.x, run.path[-1])
    assert run.steps == 25 and not run.diverged and run.best_x is None and run.best_value is None


def test_any_dimension():
    eigenvalues = np.array([0.3, 1.0, 2.5, 4.0, 0.0])
    start = np.arange(1.0, 6.0)
    run = descend(lambda x: eigenvalues * x, start, 0.4, 10, record=False)
    np.testing.assert_allclose(run.x, (1 - 0.4 * eigenvalues) ** 10 * start, rtol=1e-13)
    assert run.path is None


@pytest.mark.parametrize(("name", "rate"), [("himmelblau", 0.035), ("beale", 0.02), ("ellipse", 0.02)])
def test_starts_are_independent_to_the_bit(name, rate):
    surface = GALLERY[name]
    starts = np.random.default_rng(0).uniform(-4, 4, (3, 5, 2))
    batch = descend(surface.grad, starts, rate, 60, value=surface)
    # at these rates some starts diverge on the first two surfaces, and some do not
    assert batch.diverged.any() == (name != "ellipse") and not batch.diverged.all()
    assert batch.path.shape == (61, 3, 5, 2) and batch.diverged.shape == batch.best_value.shape == (3, 5)
    for index in np.ndindex(3, 5):
        alone = descend(surface.grad, starts[index], rate, 60, value=surface)
        np.testing.assert_array_equal(alone.path, batch.path[:, *index])
        np.testing.assert_array_equal(alone.best_x, batch.best_x[index])
        assert alone.best_value == batch.best_value[index] and alone.diverged == batch.diverged[index]


def test_many_starts_reach_the_four_minima():
    surface = GALLERY["himmelblau"]
    starts = np.random.default_rng(1).uniform(-5, 5, (10_000, 2))
    run = descend(surface.grad, starts, 0.01, 300, value=surface, record=False)
    minima = np.array([m.point for m in surface.minima])
    distance = np.linalg.norm(run.x[:, None] - minima, axis=-1)
    assert not run.diverged.any() and (distance.min(axis=1) < 1e-6).mean() > 0.99
    assert set(distance.argmin(axis=1)) == {0, 1, 2, 3}


def test_divergence_freezes_one_start_and_leaves_the_others():
    surface = GALLERY["himmelblau"]
    starts = np.array([(3.1, 2.1), (50.0, 50.0)])
    with np.errstate(all="raise"):  # an overflow is expected and must not warn
        run = descend(surface.grad, starts, 0.01, 200, value=surface)
    np.testing.assert_array_equal(run.diverged, [False, True])
    np.testing.assert_allclose(run.x[0], (3, 2), atol=1e-8)
    assert np.isfinite(run.path).all() and np.isfinite(run.best_value).all()
    # it grows, and from the last finite point on it stays
    moved = (np.diff(run.path[:, 1], axis=0) != 0).any(axis=-1)
    last = moved.sum()
    assert 1 <= last < 20 and not moved[last:].any()
    np.testing.assert_array_equal(run.x[1], run.path[last, 1])
    # its best is where it began, and not where it ended
    np.testing.assert_array_equal(run.best_x[1], starts[1])
    assert run.best_value[1] == surface(starts[1])


def test_best_is_not_last():
    surface = GALLERY["rastrigin"]
    run = descend(surface.grad, [(0.4, 1.3), (2.2, -0.1)], 0.02, 40, value=surface)
    values = surface(run.path)
    best = values.argmin(axis=0)
    np.testing.assert_array_equal(run.best_value, values.min(axis=0))
    np.testing.assert_array_equal(run.best_x, run.path[best, [0, 1]])
    assert (values[-1] > run.best_value).any()


def test_a_value_that_is_not_finite_is_never_best():
    run = descend(np.ones_like, [1.5], 1.0, 4, value=lambda x: np.where(x[..., 0] < 0, -np.inf, x[..., 0]))
    assert run.best_value == 0.5 and run.x == -2.5


def test_arguments_are_not_changed():
    start = np.array([1.0, 2.0])
    run = descend(lambda x: x, start, 0.5, 3, value=lambda x: (x * x).sum(axis=-1))
    np.testing.assert_array_equal(start, (1, 2))
    np.testing.assert_array_equal(run.path[0], start)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": (np.nan, 1)}, "start must be finite"),
        ({"start": (np.inf, 1)}, "start must be finite"),
        ({"start": 1.0}, "shape"),
        ({"start": np.empty((0, 2))}, "at least one point"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": -0.1}, "learning_rate"),
        ({"learning_rate": np.nan}, "learning_rate"),
        ({"learning_rate": np.inf}, "learning_rate"),
        ({"learning_rate": np.array([0.1, 0.2])}, "learning_rate"),
        ({"steps": 0}, "steps"),
        ({"steps": 2.5}, "steps"),
        ({"grad": lambda x: x[..., :1]}, r"grad must return shape \(2,\)"),
        ({"grad": lambda x: np.full_like(x, np.nan)}, "grad is not finite at the start"),
        ({"value": lambda x: x}, r"value must return shape \(\)"),
        ({"value": lambda x: np.nan}, "value is not finite at the start"),
    ],
)
def test_refusals(change, message):
    arguments = {"grad": lambda x: x, "start": (1.0, 2.0), "learning_rate": 0.1, "steps": 3, **change}
    with pytest.raises(ValueError, match=message):
        descend(**arguments)
