"""Descent over many starts at once."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Run", "descend"]


@dataclass(frozen=True)
class Run:
    """What a descent returns. The starts have shape (..., d); "(...)" below is their shape without d.

    Attributes
    ----------
    x : ndarray, (..., d)
        The last point of each start; always finite.
    path : ndarray, (steps + 1, ..., d), or None
        All points, the start first; None if they were not recorded.
    best_x : ndarray, (..., d), or None
        The point of lowest value that each start has visited; None if no value function was given.
    best_value : ndarray, (...), or None
        Its value.
    diverged : ndarray of bool, (...)
        Which starts ran into a point that is not finite.
    steps : int
        The number of steps.
    """

    x: np.ndarray
    path: np.ndarray | None
    best_x: np.ndarray | None
    best_value: np.ndarray | None
    diverged: np.ndarray
    steps: int


def descend(grad, start, learning_rate, steps, *, value=None, record=True):
    """Gradient descent, x ← x − learning_rate · grad(x), from one start or from many.

    Parameters
    ----------
    grad : callable
        Points (..., d) to gradients (..., d). It is called once a step, with all starts together.
    start : array_like, (..., d)
        One start (d,) or any array of them. They do not influence each other.
    learning_rate : float
        The step size, positive.
    steps : int
        How many steps, at least 1.
    value : callable, optional
        Points (..., d) to values (...). With it the run also reports the best point that each start visited,
        for one more evaluation a step.
    record : bool
        Whether to keep the path, which takes (steps + 1) times the memory of ``start``.

    Returns
    -------
    Run
        A start whose next point is not finite stays at its last finite point from then on and is marked as
        diverged; the others go on. Values that are not finite never count as best.

    Raises
    ------
    ValueError
        If the learning rate is not positive and finite, if ``steps`` is not a whole number of at least 1, if
        a start, its gradient or its value is not finite, or if ``grad`` or ``value`` returns another shape.

    References
    ----------
    A. Cauchy (1847), Méthode générale pour la résolution des systèmes d'équations simultanées.
    """
    x = np.array(start, dtype=float)
    if x.ndim == 0 or x.size == 0:
        raise ValueError(f"start must have shape (..., d) with at least one point, got {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError("start must be finite")
    if not (np.ndim(learning_rate) == 0 and 0 < learning_rate < np.inf):
        raise ValueError(f"learning_rate must be one positive finite number, got {learning_rate}")
    if steps != int(steps) or steps < 1:
        raise ValueError(f"steps must be a whole number of at least 1, got {steps}")
    steps = int(steps)

    path = best_x = best_value = None
    if record:
        path = np.empty((steps + 1, *x.shape))
        path[0] = x
    if value is not None:
        best_x, best_value = x, np.array(value(x), dtype=float)
        _check(best_value, x.shape[:-1], "value")

    diverged = np.zeros(x.shape[:-1], dtype=bool)
    # A start that runs away overflows in grad and value: that is expected here, and reported in the result.
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(1, steps + 1):
            slope = grad(x)
            if k == 1:
                _check(slope, x.shape, "grad")
            proposal = x - learning_rate * slope
            diverged = diverged | ~np.isfinite(proposal).all(axis=-1)
            x = np.where(diverged[..., None], x, proposal)
            if record:
                path[k] = x
            if value is not None:
                seen = value(x)
                better = np.isfinite(seen) & (seen < best_value)
                best_x = np.where(better[..., None], x, best_x)
                best_value = np.where(better, seen, best_value)
    return Run(x, path, best_x, best_value, diverged, steps)


def _check(result, shape, name):
    """Refuse a first gradient or value of the wrong shape, or one that is not finite."""
    if np.shape(result) != shape:
        raise ValueError(f"{name} must return shape {shape} for these starts, got {np.shape(result)}")
    if not np.isfinite(result).all():
        raise ValueError(f"{name} is not finite at the start")
