"""Schedules against PyTorch's and Optax's, their closed forms, and their refusals."""

import numpy as np
import pytest
from reference import make_trajectories

from downhill.optimizers import descend
from downhill.schedules import constant, cosine, exponential, step_decay, warmup_cosine, warmup_linear

SCHEDULES = {
    "constant": constant(0.5),
    "step_decay": step_decay(0.5, 30, 0.2),
    "exponential": exponential(0.5, 0.97),
    "cosine": cosine(0.5, 100, 0.01),
    "warmup_cosine": warmup_cosine(0.5, 10, 100, final=0.01),
    "warmup_linear": warmup_linear(0.5, 10, 100, final=0.01),
}
# Ours, theirs, and up to which step they agree: PyTorch's cosine climbs again.
LIBRARIES = {
    "torch_step": (step_decay(0.5, 30, 0.2), 120),
    "torch_exponential": (exponential(0.5, 0.97), 120),
    "torch_cosine": (cosine(0.5, 100, 0.01), 100),
    "torch_warmup_cosine": (warmup_cosine(0.5, 10, 100, initial=0.1, final=0.01), 100),
    "torch_warmup_linear": (warmup_linear(0.5, 10, 100, initial=0.1, final=0.01), 120),
    "optax_constant": (constant(0.5), 120),
    "optax_step": (step_decay(0.5, 30, 0.2), 120),
    "optax_exponential": (exponential(0.5, 0.3 ** (1 / 50)), 120),
    "optax_cosine": (cosine(0.5, 100, 0.01), 120),
    "optax_warmup_cosine": (warmup_cosine(0.5, 10, 100, initial=0.0, final=0.01), 120),
    "optax_warmup_linear": (warmup_linear(0.5, 10, 100, initial=0.0, final=0.01), 120),
}


def compare(name, theirs):
    schedule, last = LIBRARIES[name]
    np.testing.assert_allclose(schedule(np.arange(last + 1)), theirs[: last + 1], rtol=0, atol=1e-12)
    if last < len(theirs) - 1:
        assert theirs[-1] > schedule(120) + 0.01


@pytest.mark.parametrize("name", LIBRARIES)
def test_same_as_the_stored_schedule(name):
    with np.load(make_trajectories.FILE) as stored:
        compare(name, stored[f"schedule/{name}"])


@pytest.mark.parametrize("library", ["torch", "optax"])
def test_same_as_the_library_itself(library):
    pytest.importorskip(library, reason=f"{library} is not installed; its stored schedules were compared")
    live = getattr(make_trajectories, f"{library}_schedules")()
    assert set(live) == {name for name in LIBRARIES if name.startswith(library)}
    for name, theirs in live.items():
        compare(name, theirs)


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES.keys())
def test_a_number_gives_a_float_and_an_array_an_array(schedule):
    grid = np.arange(120).reshape(3, 4, 10)
    rates = schedule(grid)
    assert rates.shape == grid.shape and rates.flags.writeable
    for step in (0, 9, 10, 29, 30, 99, 100, 119):
        assert type(schedule(step)) is float and schedule(step) == rates.flat[step]
        assert schedule(np.int64(step)) == schedule(float(step)) == schedule(step)
    for step in (-1, 0.5, np.nan, np.inf, [3, -1], "3", None, True):
        with pytest.raises(ValueError, match="a step number must be a whole number of at least 0"):
            schedule(step)


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES.keys())
def test_descend_runs_it(schedule):
    run = descend(np.ones_like, [0.0], schedule, 100)
    np.testing.assert_allclose(-np.diff(run.path[:, 0]), schedule(np.arange(100)), rtol=0, atol=1e-13)


def test_cosine_in_the_mean_and_half_way():
    T = 1000
    rates = cosine(1.0, T)(np.arange(T))
    assert abs(rates.mean() - (T + 1) / (2 * T)) < 1e-12 and abs(rates[T // 2] - 0.5) < 1e-12
    assert cosine(1.0, T)(T) == cosine(1.0, T)(10 * T) == 0


@pytest.mark.parametrize("make", [warmup_cosine, warmup_linear])
def test_warmup(make):
    schedule = make(2.0, 10, 100, final=0.1)
    np.testing.assert_allclose(schedule(np.arange(10)), 0.2 * np.arange(1, 11), rtol=1e-15)
    assert schedule(9) == schedule(10) == 2.0 > schedule(11)
    np.testing.assert_allclose(schedule(np.array([100, 101, 5000])), 0.1, rtol=1e-14)
    from_zero = make(2.0, 10, 100, initial=0)
    np.testing.assert_allclose(from_zero(np.arange(11)), 0.2 * np.arange(11), rtol=1e-15)
    assert make(2.0, 0, 100)(0) == make(2.0, 0, 100, initial=0.3)(0) == 2.0


def test_warmup_and_linear_decay_in_the_mean():
    assert abs(warmup_linear(1.0, 10, 100)(np.arange(100)).mean() - 0.51) < 1e-12
    assert abs(warmup_linear(1.0, 10, 100, initial=0)(np.arange(100)).mean() - 0.50) < 1e-12


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: constant(0), "learning_rate must be"),
        (lambda: constant("0.1"), "learning_rate must be"),
        (lambda: step_decay(-0.1, 10), "learning_rate must be"),
        (lambda: step_decay(0.1, 0), "every must be"),
        (lambda: step_decay(0.1, 2.5), "every must be"),
        (lambda: step_decay(0.1, 10, 0), "factor must be"),
        (lambda: exponential(np.nan, 0.9), "learning_rate must be"),
        (lambda: exponential(0.1, -0.9), "factor must be"),
        (lambda: exponential(0.1, np.inf), "factor must be"),
        (lambda: cosine(np.inf, 10), "learning_rate must be"),
        (lambda: cosine(0.1, 0), "steps must be"),
        (lambda: cosine(0.1, 10, -0.1), "final must be"),
        (lambda: warmup_cosine(0.1, -1, 10), "warmup must be"),
        (lambda: warmup_cosine(0.1, 10, 10), "steps must be more than warmup"),
        (lambda: warmup_cosine(0.1, 1, np.inf), "steps must be"),
        (lambda: warmup_linear(0.1, 1.5, 10), "warmup must be"),
        (lambda: warmup_linear(0.1, 1, 10, initial=-0.1), "initial must be"),
        (lambda: warmup_linear(0.1, 1, 10, final=np.nan), "final must be"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()
