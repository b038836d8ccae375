"""Step rules, and one loop that lets them descend from many starts at once.

A step rule turns gradients into steps. ``descend`` runs one; without a ``rule`` it is plain gradient descent::

    from downhill.optimizers import adam, descend
    from downhill.schedules import cosine
    from downhill.surfaces import GALLERY

    himmelblau = GALLERY["himmelblau"]
    starts = np.random.default_rng(0).uniform(-5, 5, (10_000, 2))
    run = descend(himmelblau.grad, starts, cosine(0.1, 300), 300, rule=adam())
    run.x           # (10_000, 2): where each start has come to

In a loop of your own, over mini-batches for instance, a rule is used directly; ``Rule`` shows how.

The defaults are PyTorch's. Each rule says where Optax differs and which arguments give that. In both libraries
the step size multiplies the finished direction, and is not part of what the rule remembers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from downhill.annotations import Array, ArrayLike
from downhill.arguments import finite_array, not_negative, one_of, positive, share, whole

__all__ = [
    "Rule",
    "Run",
    "adagrad",
    "adam",
    "adamw",
    "amsgrad",
    "descend",
    "gradient_descent",
    "heavy_ball",
    "nesterov",
    "rmsprop",
]

State: TypeAlias = tuple[Any, ...]  # what a rule remembers: arrays shaped like x, and numbers
Schedule: TypeAlias = Callable[[int], float]  # from the number of a step to its step size


@dataclass(frozen=True)
class Rule:
    """A step rule. It treats every coordinate by itself, so x may have any shape.

    Rules come from ``gradient_descent()``, ``heavy_ball()``, ``nesterov()``, ``adagrad()``, ``rmsprop()``,
    ``adam()``, ``amsgrad()`` and ``adamw()``. They hold no state, and change no array that they are given::

        rule = adam(beta1=0.8)
        state = rule.init(x)
        for batch in batches:
            x, state = rule.step(x, gradient(x, batch), state, learning_rate)

    Attributes
    ----------
    name : str
        For titles and legends.
    init : callable
        Points x to the state before the first step, a tuple.
    update : callable
        (x, grad, state, learning_rate) to (x, state); the formula behind ``step``, which also checks.
    look_ahead : callable, or None
        (x, state) to the points, shaped like x, at which the next gradient must be taken; None if that is x
        itself, as it is for every rule but ``nesterov(form="sutskever")``.
    """

    name: str
    init: Callable[[ArrayLike], State]
    update: Callable[[Array, Array, State, Any], tuple[Array, State]]
    look_ahead: Callable[[Array, State], Array] | None = None

    def step(
        self, x: ArrayLike, grad: ArrayLike, state: State, learning_rate: ArrayLike
    ) -> tuple[Array, State]:
        """Take one step.

        Parameters
        ----------
        x : array_like, any shape
            Where to step from.
        grad : array_like, the shape of x
            The gradient there, or where ``look_ahead`` says.
        state : tuple
            From ``init`` or from the step before.
        learning_rate : float or array_like
            The step size, at least 0: a number, or an array that broadcasts against x, such as one column that
            gives each row of x a step size of its own.

        Returns
        -------
        x : ndarray, the shape of x
            The next points.
        state : tuple
            For the next step.

        Raises
        ------
        ValueError
            If x and grad differ in shape, or if a step size is negative or NaN or does not broadcast.
        """
        x, grad = np.asarray(x, dtype=float), np.asarray(grad, dtype=float)
        if grad.shape != x.shape:
            raise ValueError(f"grad must have the shape of x, {x.shape}, got {grad.shape}")
        if not np.all(np.greater_equal(learning_rate, 0)):
            raise ValueError(f"learning_rate must be at least 0, got {learning_rate!r}")
        stepped, state = self.update(x, grad, state, learning_rate)
        if stepped.shape != x.shape:
            raise ValueError(f"learning_rate must broadcast against x, {x.shape}, got {np.shape(learning_rate)}")
        return stepped, state


def gradient_descent() -> Rule:
    """Return the rule x ← x − η g, η being the step size and g the gradient.

    The same as ``torch.optim.SGD`` and ``optax.sgd`` without momentum.

    Returns
    -------
    Rule

    References
    ----------
    A. Cauchy (1847), Méthode générale pour la résolution des systèmes d'équations simultanées.
    """
    return Rule("gradient descent", lambda x: (), lambda x, grad, state, rate: (x - rate * grad, state))


def heavy_ball(beta: float = 0.9, *, form: str = "pytorch") -> Rule:
    """Return gradient descent with momentum, in one of two forms.

    - "pytorch": b ← βb + g, x ← x − ηb. The same as ``torch.optim.SGD(momentum=β)`` and
      ``optax.sgd(momentum=β)``.
    - "polyak": v ← βv − ηg, x ← x + v, which is x ← x − ηg + β (x − x_before). The step size is part of what
      is remembered.

    At a constant step size both are the same path, for v = −ηb. When η is lowered, "pytorch" shrinks the next
    step at once, while "polyak" coasts on its old velocity. A third form found in books averages:
    b ← βb + (1 − β) g. It is "pytorch" with η multiplied by 1 − β, ten times smaller at β = 0.9. (PyTorch's
    ``dampening=β`` differs from that in its first step, where b = g.)

    Parameters
    ----------
    beta : float
        β, the share of the past that is kept, 0 ≤ β < 1.
    form : {"pytorch", "polyak"}
        Which form.

    Returns
    -------
    Rule

    Raises
    ------
    ValueError
        If beta is outside [0, 1), or the form is unknown.

    References
    ----------
    B. T. Polyak (1964), Some methods of speeding up the convergence of iteration methods.
    I. Sutskever, J. Martens, G. Dahl, G. Hinton (2013), On the importance of initialization and momentum in
    deep learning.
    """
    beta = share("beta", beta)

    def pytorch(x: Array, grad: Array, state: State, rate: Any) -> tuple[Array, State]:
        buffer = beta * state[0] + grad
        return x - rate * buffer, (buffer,)

    def polyak(x: Array, grad: Array, state: State, rate: Any) -> tuple[Array, State]:
        velocity = beta * state[0] - rate * grad
        return x + velocity, (velocity,)

    forms = {"pytorch": pytorch, "polyak": polyak}
    return Rule("heavy ball", _zeros, forms[one_of("form", form, forms)])


def nesterov(beta: float = 0.9, *, form: str = "pytorch") -> Rule:
    """Return Nesterov's momentum, in one of two forms.

    - "pytorch": b ← βb + g(x), x ← x − η (g(x) + βb). The same as ``torch.optim.SGD(momentum=β,
      nesterov=True)`` and ``optax.sgd(momentum=β, nesterov=True)``.
    - "sutskever": v ← βv − η g(x + βv), x ← x + v, the gradient being taken at the look-ahead point x + βv.
      Nesterov's own way to write it, y = x + β (x − x_before), x ← y − η g(y), is this one.

    At a constant step size both are the same path in other variables: the x of "pytorch" is the look-ahead
    point x + βv of "sutskever", and v = −ηb. They begin at the same point and then differ by βv, so their
    values, and their best points, differ too.

    Parameters
    ----------
    beta : float
        β, the share of the past that is kept, 0 ≤ β < 1.
    form : {"pytorch", "sutskever"}
        Which form.

    Returns
    -------
    Rule

    Raises
    ------
    ValueError
        If beta is outside [0, 1), or the form is unknown.

    References
    ----------
    Y. Nesterov (1983), A method of solving a convex programming problem with convergence rate O(1/k²).
    I. Sutskever, J. Martens, G. Dahl, G. Hinton (2013), On the importance of initialization and momentum in
    deep learning.
    Y. Bengio, N. Boulanger-Lewandowski, R. Pascanu (2013), Advances in optimizing recurrent networks: the form
    that PyTorch uses.
    """
    beta = share("beta", beta)

    def pytorch(x: Array, grad: Array, state: State, rate: Any) -> tuple[Array, State]:
        buffer = beta * state[0] + grad
        return x - rate * (grad + beta * buffer), (buffer,)

    def sutskever(x: Array, grad: Array, state: State, rate: Any) -> tuple[Array, State]:
        velocity = beta * state[0] - rate * grad
        return x + velocity, (velocity,)

    forms = {"pytorch": pytorch, "sutskever": sutskever}
    update = forms[one_of("form", form, forms)]
    return Rule("Nesterov", _zeros, update, (lambda x, state: x + beta * state[0]) if form == "sutskever" else None)


def adagrad(
    eps: float = 1e-10, *, eps_inside: bool = False, initial_accumulator: float = 0.0
) -> Rule:
    """Return AdaGrad: s ← s + g², x ← x − η g / (√s + ε).

    ``torch.optim.Adagrad`` is the default. ``optax.adagrad`` divides by √(s + ε), begins at s = 0.1 and has
    ε = 1e-7: ``adagrad(1e-7, eps_inside=True, initial_accumulator=0.1)``.

    Parameters
    ----------
    eps : float
        ε, at least 0.
    eps_inside : bool
        Whether ε stands inside the root.
    initial_accumulator : float
        s before the first step, at least 0.

    Returns
    -------
    Rule
        Where s and ε are both 0 it does not move (PyTorch divides 0 by 0 there).

    Raises
    ------
    ValueError
        If eps or initial_accumulator is negative or not finite.

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer (2011), Adaptive subgradient methods for online learning and stochastic
    optimization.
    """
    eps = not_negative("eps", eps)
    initial_accumulator = not_negative("initial_accumulator", initial_accumulator)

    def update(x: Array, grad: Array, state: State, rate: Any) -> tuple[Array, State]:
        total = state[0] + grad * grad
        return x - rate * _over_root(grad, total, eps, eps_inside), (total,)

    return Rule("AdaGrad", lambda x: (np.full(np.shape(x), float(initial_accumulator)),), update)


def rmsprop(
    rho: float = 0.99,
    eps: float = 1e-08,
    *,
    eps_inside: bool = False,
    initial_accumulator: float = 0.0,
) -> Rule:
    """Return RMSprop: s ← ρs + (1 − ρ) g², x ← x − η g / (√s + ε).

    There is no bias correction: the first step is η / √(1 − ρ), ten times η at ρ = 0.99.
    ``torch.optim.RMSprop`` (where ρ is ``alpha``) is the default. ``optax.rmsprop`` divides by √(s + ε) and has
    ρ = 0.9: ``rmsprop(0.9, eps_inside=True)``; with its ``eps_in_sqrt=False`` it has PyTorch's ε, and its
    ``initial_scale`` is our ``initial_accumulator``. Neither library's momentum or centring is here.

    Parameters
    ----------
    rho : float
        ρ, the share of the past that is kept, 0 ≤ ρ < 1.
    eps : float
        ε, at least 0.
    eps_inside : bool
        Whether ε stands inside the root.
    initial_accumulator : float
        s before the first step, at least 0.

    Returns
    -------
    Rule
        Where s and ε are both 0 it does not move (PyTorch divides 0 by 0 there).

    Raises
    ------
    ValueError
        If rho is outside [0, 1), or if eps or initial_accumulator is negative or not finite.

    References
    ----------
    T. Tieleman, G. Hinton (2012), Neural networks for machine learning, lecture 6e.
    """
    rho = share("rho", rho)
    eps = not_negative("eps", eps)
    initial_accumulator = not_negative("initial_accumulator", initial_accumulator)

    def update(x: Array, grad: Array, state: State, rate: Any) -> tuple[Array, State]:
        mean_square = rho * state[0] + (1 - rho) * (grad * grad)
        return x - rate * _over_root(grad, mean_square, eps, eps_inside), (mean_square,)

    return Rule("RMSprop", lambda x: (np.full(np.shape(x), float(initial_accumulator)),), update)


def adam(
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-08,
    *,
    eps_inside: bool = False,
    bias_correction: bool = True,
) -> Rule:
    """Return Adam: m ← β₁m + (1 − β₁) g, v ← β₂v + (1 − β₂) g², x ← x − η m̂ / (√v̂ + ε).

    m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ) at the t-th step, t = 1, 2, …; ε is added after that correction.
    So it is in the paper's Algorithm 1, in ``torch.optim.Adam`` and in ``optax.adam``. Optax's ``eps_root=ε``
    with ``eps=0`` is ``eps_inside=True``: √(v̂ + ε). TensorFlow and Keras add their ε to √v before the correction
    (the paper's ε̂), which is ε = ε̂ / √(1 − β₂ᵗ) here, and larger in the first steps.

    For weight decay take ``adamw``. PyTorch's ``Adam(weight_decay=λ)`` is another thing, an L2 penalty: add λx to
    the gradient.

    Parameters
    ----------
    beta1, beta2 : float
        β₁ and β₂, the shares of the past that are kept, at least 0 and below 1.
    eps : float
        ε, at least 0.
    eps_inside : bool
        Whether ε stands inside the root.
    bias_correction : bool
        Whether m and v are corrected. Without it the first step is (1 − β₁) / √(1 − β₂) = 3.16 times as large.

    Returns
    -------
    Rule
        Where v and ε are both 0, m̂ is left undivided (PyTorch divides 0 by 0 there).

    Raises
    ------
    ValueError
        If beta1 or beta2 is outside [0, 1), or if eps is negative or not finite.

    References
    ----------
    D. P. Kingma, J. Ba (2015), Adam: a method for stochastic optimization.
    """
    return _adam("Adam", beta1, beta2, eps, eps_inside, bias_correction)


def amsgrad(
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-08,
    *,
    eps_inside: bool = False,
    bias_correction: bool = True,
    correct_first: bool = False,
) -> Rule:
    """Return AMSGrad: Adam that divides by the root of the largest v so far.

    Three versions are in use. PyTorch's ``Adam(amsgrad=True)``, the default here, takes the largest v and
    corrects that: √(max v / (1 − β₂ᵗ)). ``optax.amsgrad`` takes the largest of the corrected v̂:
    ``correct_first=True``. The paper corrects nothing: ``bias_correction=False``, where the former two agree.

    Parameters
    ----------
    beta1, beta2, eps, eps_inside, bias_correction
        As for ``adam``.
    correct_first : bool
        Whether v is corrected before the maximum is taken, and not after.

    Returns
    -------
    Rule

    Raises
    ------
    ValueError
        If beta1 or beta2 is outside [0, 1), or if eps is negative or not finite.

    References
    ----------
    S. J. Reddi, S. Kale, S. Kumar (2018), On the convergence of Adam and beyond.
    """
    largest = "corrected" if correct_first else "raw"
    return _adam("AMSGrad", beta1, beta2, eps, eps_inside, bias_correction, largest=largest)


def adamw(
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-08,
    *,
    weight_decay: float = 0.01,
    eps_inside: bool = False,
    bias_correction: bool = True,
) -> Rule:
    """Return AdamW: Adam with decoupled weight decay, x ← (1 − ηλ) x − η m̂ / (√v̂ + ε).

    The decay does not pass through m and v, so it is not divided by √v̂ as the gradient of an L2 penalty would be.
    It is multiplied by the step size, as in ``torch.optim.AdamW`` (default λ = 0.01) and in ``optax.adamw``
    (default λ = 1e-4). The paper does not multiply its λ by η: its 0.001 is our 0.1 at η = 0.01.

    Parameters
    ----------
    beta1, beta2, eps, eps_inside, bias_correction
        As for ``adam``.
    weight_decay : float
        λ, at least 0.

    Returns
    -------
    Rule

    Raises
    ------
    ValueError
        If beta1 or beta2 is outside [0, 1), or if eps or weight_decay is negative or not finite.

    References
    ----------
    I. Loshchilov, F. Hutter (2019), Decoupled weight decay regularization.
    """
    weight_decay = not_negative("weight_decay", weight_decay)
    return _adam("AdamW", beta1, beta2, eps, eps_inside, bias_correction, weight_decay=weight_decay)


def _adam(
    name: str,
    beta1: float,
    beta2: float,
    eps: float,
    eps_inside: bool,
    bias_correction: bool,
    *,
    weight_decay: float = 0.0,
    largest: str | None = None,
) -> Rule:
    """Return Adam and its relatives. ``largest``: of which v the maximum is kept, "raw", "corrected" or none."""
    beta1, beta2 = share("beta1", beta1), share("beta2", beta2)
    eps = not_negative("eps", eps)

    def init(x: ArrayLike) -> State:
        zeros = np.zeros(np.shape(x))
        return 0, zeros, zeros, zeros

    def update(x: Array, grad: Array, state: State, rate: Any) -> tuple[Array, State]:
        t, m, v, peak = state
        t += 1
        m = beta1 * m + (1 - beta1) * grad
        v = beta2 * v + (1 - beta2) * (grad * grad)
        weight1, weight2 = (1 - beta1**t, 1 - beta2**t) if bias_correction else (1, 1)
        if largest is None:
            v_hat = v / weight2
        elif largest == "raw":
            peak = np.maximum(peak, v)
            v_hat = peak / weight2
        else:
            v_hat = peak = np.maximum(peak, v / weight2)
        direction = _over_root(m / weight1, v_hat, eps, eps_inside)
        return (1 - rate * weight_decay) * x - rate * direction, (t, m, v, peak)

    return Rule(name, init, update)


def _over_root(direction: Array, square: Array, eps: float, eps_inside: bool) -> Array:
    """Return direction / (√square + ε), or direction / √(square + ε)."""
    root = np.sqrt(square + eps) if eps_inside else np.sqrt(square) + eps
    # An infinite root would end a run-away in a quiet standstill: NaN shows it. A root of 0 has met no gradient.
    return np.where(root < np.inf, direction / np.where(root == 0, 1, root), np.nan)


def _zeros(x: ArrayLike) -> State:
    """Return the state of a rule that remembers one array, shaped like x."""
    return (np.zeros(np.shape(x)),)


@dataclass(frozen=True)
class Run:
    """What a descent returns. The starts have shape (..., d); "(...)" below is their shape without d.

    Attributes
    ----------
    x : ndarray, (..., d)
        The last point of each start; always finite.
    path : ndarray, (steps + 1, ..., d), or None
        All points, the start first; None if they were not recorded.
    diverged : ndarray of bool, (...)
        Which starts ran into a point that is not finite.
    nit : int
        How many steps were taken: fewer than asked for if every start has diverged.
    """

    x: Array
    path: Array | None
    diverged: Array
    nit: int


def descend(
    grad: Callable[[Array], ArrayLike],
    start: ArrayLike,
    learning_rate: float | Schedule,
    steps: int,
    *,
    rule: Rule | None = None,
    record: bool = True,
) -> Run:
    """Descend from one start or from many: plain gradient descent, x ← x − learning_rate · grad(x), or another rule.

    Parameters
    ----------
    grad : callable
        Points (..., d) to gradients (..., d). It is called once a step, with all starts together.
    start : array_like, (..., d)
        One start (d,) or any array of them. They do not influence each other.
    learning_rate : float or callable
        The step size, positive; or a schedule, from the number of the step, 0 first, to a step size of at least
        0. A schedule is asked for every step before the first is taken.
    steps : int
        How many steps, at least 1.
    rule : Rule, optional
        How gradients become steps: ``adam()``, ``heavy_ball(0.8)``, …; ``gradient_descent()`` if it is not given.
    record : bool
        Whether to keep the path, which takes (steps + 1) times the memory of ``start``.

    Returns
    -------
    Run
        A start whose next point is not finite stays at its last finite point from then on and is marked as
        diverged; the others go on. The same if the rule looks ahead to a point that is not finite, or if the
        squares that it sums overflow.

    Raises
    ------
    ValueError
        If a step size is not a finite number or has the wrong sign, if ``steps`` is not a whole number of at
        least 1, if ``rule`` is not a Rule, if a start or its gradient is not finite, or if ``grad`` returns
        another shape.
    """
    x = finite_array("start", start).copy()
    if x.ndim == 0 or x.size == 0:
        raise ValueError(f"start must have shape (..., d) with at least one point, got {x.shape}")
    steps = whole("steps", steps, 1)
    rates = _rates(learning_rate, steps)
    rule = gradient_descent() if rule is None else rule
    if not isinstance(rule, Rule):
        raise ValueError(f"rule must be a Rule, such as adam() with its parentheses, got {rule!r}")

    path = np.empty((steps + 1, *x.shape)) if record else None
    if path is not None:
        path[0] = x
    state = rule.init(x)
    diverged = np.zeros(x.shape[:-1], dtype=bool)
    # A start that runs away overflows in grad: that is expected here, and reported in the result.
    with np.errstate(over="ignore", invalid="ignore"):
        for k, rate in enumerate(rates, start=1):
            at = x
            if rule.look_ahead is not None:
                ahead = rule.look_ahead(x, state)
                diverged = diverged | ~np.isfinite(ahead).all(axis=-1)
                at = np.where(diverged[..., None], x, ahead)
            slope = np.asarray(grad(at), dtype=float)
            if slope.shape != x.shape:
                raise ValueError(f"grad must return shape {x.shape} for these starts, got {slope.shape}")
            if k == 1 and not np.isfinite(slope).all():
                raise ValueError("grad is not finite at the start")
            proposal, state = rule.update(x, slope, state, rate)
            diverged = diverged | ~np.isfinite(proposal).all(axis=-1)
            x = np.where(diverged[..., None], x, proposal)
            if path is not None:
                path[k] = x
            if diverged.all():
                if path is not None:
                    path[k:] = x
                break
    return Run(x, path, diverged, k)


def _rates(learning_rate: float | Schedule, steps: int) -> list[float]:
    """Return the step size of every step, refusing those that are none."""
    if not callable(learning_rate):
        return [positive("learning_rate", learning_rate)] * steps
    return [not_negative(f"learning_rate({k})", learning_rate(k)) for k in range(steps)]
