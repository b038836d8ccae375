"""Schedules: functions from the number of a step to its step size.

The first step has number 0, as in Optax, and as in PyTorch when ``scheduler.step()`` follows
``optimizer.step()``::

    from downhill.schedules import warmup_cosine

    schedule = warmup_cosine(0.1, warmup=10, steps=100)
    schedule(0)                 # 0.01
    schedule(np.arange(100))    # an array of 100 step sizes, to plot

Every schedule takes one number, and gives a float, or an array of any shape, and gives an array of
that shape; it raises ValueError for what is not a whole number of at least 0. ``descend(...,
learning_rate=schedule)`` runs it.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from downhill.annotations import Array, ArrayLike
from downhill.arguments import not_negative, positive, whole

__all__ = ["constant", "cosine", "exponential", "step_decay", "warmup_cosine", "warmup_linear"]

Schedule: TypeAlias = Callable[[ArrayLike], Any]  # a number to a float, an array to an array


def constant(learning_rate: float) -> Schedule:
    """Return the schedule that is always ``learning_rate``.

    ``optax.constant_schedule`` is the same. PyTorch needs no scheduler for it; its ``ConstantLR``
    is another thing, which multiplies by 1/3 for the first five steps unless it is told otherwise.

    Parameters
    ----------
    learning_rate : float
        The step size, positive.

    Returns
    -------
    callable
        Step numbers to step sizes.

    Raises
    ------
    ValueError
        If learning_rate is not a positive finite number.
    """
    always = positive("learning_rate", learning_rate)
    return _schedule(lambda t: always)


def step_decay(learning_rate: float, every: int, factor: float = 0.1) -> Schedule:
    """Return learning_rate · factor^⌊t / every⌋: constant, with a drop after every so many steps.

    ``torch.optim.lr_scheduler.StepLR(optimizer, every, factor)`` is the same, and so is
    ``optax.exponential_decay(learning_rate, every, factor, staircase=True)``.

    Parameters
    ----------
    learning_rate : float
        The first step size, positive.
    every : int
        How many steps there are between drops, at least 1.
    factor : float
        What each drop multiplies by, positive.

    Returns
    -------
    callable
        Step numbers to step sizes.

    Raises
    ------
    ValueError
        If learning_rate or factor is not a positive finite number, or every not a whole number of
        at least 1.
    """
    first, factor = positive("learning_rate", learning_rate), positive("factor", factor)
    every = whole("every", every, 1)
    return _schedule(lambda t: first * factor ** (t // every))


def exponential(learning_rate: float, factor: float) -> Schedule:
    """Return learning_rate · factorᵗ: each step size is ``factor`` times the one before.

    A factor above 1 makes the sweep of a learning-rate finder.
    ``torch.optim.lr_scheduler.ExponentialLR`` is the same. ``optax.exponential_decay(learning_rate,
    transition_steps, decay_rate)`` is it with factor = decay_rate^(1 / transition_steps).

    Parameters
    ----------
    learning_rate : float
        The first step size, positive.
    factor : float
        The ratio of each step size to the one before, positive.

    Returns
    -------
    callable
        Step numbers to step sizes.

    Raises
    ------
    ValueError
        If learning_rate or factor is not a positive finite number.
    """
    first, factor = positive("learning_rate", learning_rate), positive("factor", factor)
    return _schedule(lambda t: first * factor**t)


def cosine(learning_rate: float, steps: int, final: float = 0.0) -> Schedule:
    """Return half a cosine from ``learning_rate`` at step 0 to ``final`` at ``steps``, then ``final``.

    It is final + (learning_rate − final) (1 + cos(πt / steps)) / 2.
    ``optax.cosine_decay_schedule(learning_rate, steps, alpha=final / learning_rate)`` is the same:
    its alpha is a share, not a step size. ``torch.optim.lr_scheduler.CosineAnnealingLR(optimizer,
    steps, eta_min=final)`` is the same up to ``steps`` and climbs again afterwards, back at
    ``learning_rate`` at 2 · steps.

    Parameters
    ----------
    learning_rate : float
        The first step size, positive.
    steps : int
        The step at which it ends, at least 1.
    final : float
        The last step size, at least 0.

    Returns
    -------
    callable
        Step numbers to step sizes.

    Raises
    ------
    ValueError
        If learning_rate is not a positive finite number, final not a finite number of at least 0,
        or steps not a whole number of at least 1.

    References
    ----------
    I. Loshchilov, F. Hutter (2017), SGDR: stochastic gradient descent with warm restarts, Eq. 5, one cycle.
    """
    return warmup_cosine(learning_rate, 0, steps, final=final)


def warmup_cosine(
    learning_rate: float,
    warmup: int,
    steps: int,
    *,
    initial: float | None = None,
    final: float = 0.0,
) -> Schedule:
    """Return a linear rise to ``learning_rate`` over ``warmup`` steps, then half a cosine to ``final``.

    Without ``initial`` the rise is learning_rate · (t + 1) / warmup: the first step is
    learning_rate / warmup and not 0, which would waste a gradient, and ``learning_rate`` is reached
    at step warmup − 1 and held for one more. With ``initial`` it is the straight line from
    ``initial`` at step 0 to ``learning_rate`` at step ``warmup``, as in the libraries.

    ``optax.warmup_cosine_decay_schedule(initial, learning_rate, warmup, steps, final)`` is the same
    with ``initial``; there too ``steps`` includes the warmup. PyTorch has no single scheduler for
    it: ``SequentialLR`` of ``LinearLR(start_factor=initial / learning_rate, total_iters=warmup)``
    and ``CosineAnnealingLR(T_max=steps − warmup)`` is the same up to ``steps``. ``LinearLR`` starts
    at a third unless it is told otherwise, and cannot start at 0.

    Parameters
    ----------
    learning_rate : float
        The largest step size, positive.
    warmup : int
        How many steps the rise takes, at least 0.
    steps : int
        The step at which it ends, counted from the beginning of the rise, more than ``warmup``.
    initial : float, optional
        The step size at step 0, at least 0.
    final : float
        The last step size, at least 0.

    Returns
    -------
    callable
        Step numbers to step sizes.

    Raises
    ------
    ValueError
        If learning_rate is not a positive finite number, if initial or final is not a finite number
        of at least 0, if warmup or steps is not a whole number, or if 0 ≤ warmup < steps does not
        hold.

    References
    ----------
    P. Goyal et al. (2017), Accurate, large minibatch SGD: training ImageNet in 1 hour, for the warmup.
    I. Loshchilov, F. Hutter (2017), SGDR: stochastic gradient descent with warm restarts, for the cosine.
    """
    half_cosine = lambda done: (1 + np.cos(np.pi * done)) / 2
    return _with_warmup(learning_rate, warmup, steps, initial, final, half_cosine)


def warmup_linear(
    learning_rate: float,
    warmup: int,
    steps: int,
    *,
    initial: float | None = None,
    final: float = 0.0,
) -> Schedule:
    """Return a linear rise to ``learning_rate`` over ``warmup`` steps, then a straight line to ``final``.

    The rise is that of ``warmup_cosine``, which says what ``initial`` does. In Optax, with
    ``initial``, it is ``join_schedules([linear_schedule(initial, learning_rate, warmup),
    linear_schedule(learning_rate, final, steps − warmup)], [warmup])``; in PyTorch ``SequentialLR``
    of two ``LinearLR``, the second with ``start_factor=1``, ``end_factor=final / learning_rate``
    and ``total_iters=steps − warmup``. BERT's own code is another thing: it rises from 0, and its
    descent is the line from ``learning_rate`` at step 0, which it joins at learning_rate · (1 −
    warmup / steps).

    Parameters
    ----------
    learning_rate, warmup, steps, initial, final
        As for ``warmup_cosine``.

    Returns
    -------
    callable
        Step numbers to step sizes.

    Raises
    ------
    ValueError
        As for ``warmup_cosine``.

    References
    ----------
    J. Devlin, M.-W. Chang, K. Lee, K. Toutanova (2019), BERT: pre-training of deep bidirectional transformers for
    language understanding, which made the two lines common.
    """
    return _with_warmup(learning_rate, warmup, steps, initial, final, lambda done: 1 - done)


def _with_warmup(
    learning_rate: float,
    warmup: int,
    steps: int,
    initial: float | None,
    final: float,
    left: Callable[[Array], Array],
) -> Schedule:
    """Return the schedule of a warmup and a decay; ``left`` maps the share done to the height left."""
    peak = positive("learning_rate", learning_rate)
    warmup, steps = whole("warmup", warmup, 0), whole("steps", steps, 1)
    initial = None if initial is None else not_negative("initial", initial)
    final = not_negative("final", final)
    if not warmup < steps:
        raise ValueError(
            f"steps must be more than warmup, which it includes, got {steps} and {warmup}"
        )

    def rise(t: Array) -> Array:
        if initial is None:
            return peak * (t + 1) / warmup
        return initial + (peak - initial) * (t / warmup)

    def formula(t: Array) -> Array:
        decay = final + (peak - final) * left(np.clip((t - warmup) / (steps - warmup), 0, 1))
        return np.where(t < warmup, rise(t), decay) if warmup else decay

    return _schedule(formula)


def _schedule(formula: Callable[[Array], Any]) -> Schedule:
    """Return the formula as a function of step numbers of any shape, which it checks."""

    def schedule(step: ArrayLike) -> Any:
        t = np.asarray(step)
        if t.dtype.kind not in "iuf" or not ((t >= 0) & (t == np.floor(t)) & (t < np.inf)).all():
            raise ValueError(f"a step number must be a whole number of at least 0, got {step!r}")
        rates = np.broadcast_to(np.asarray(formula(t.astype(float)), dtype=float), t.shape)
        return rates.copy() if t.ndim else float(rates)

    return schedule
