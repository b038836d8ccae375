"""The loop and its rules: closed forms, PyTorch and Optax, theory, one start against many, and refusals."""

import numpy as np
import pytest
from reference import make_trajectories

from downhill.optimizers import (
    Rule,
    adagrad,
    adam,
    adamw,
    amsgrad,
    descend,
    gradient_descent,
    heavy_ball,
    nesterov,
    rmsprop,
)
from downhill.schedules import cosine
from downhill.surfaces import GALLERY, quadratic

EPS = make_trajectories.EPS
RULES = {
    "gradient_descent": gradient_descent(),
    "heavy_ball": heavy_ball(),
    "heavy_ball_polyak": heavy_ball(form="polyak"),
    "nesterov": nesterov(),
    "nesterov_sutskever": nesterov(form="sutskever"),
    "adagrad": adagrad(),
    "rmsprop": rmsprop(),
    "adam": adam(),
    "amsgrad": amsgrad(),
    "amsgrad_correct_first": amsgrad(correct_first=True),
    "adamw": adamw(),
}
ADAPTIVE = [adagrad(), rmsprop(), adam(), amsgrad(), adamw()]
EVERY_RULE = pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
EVERY_ADAPTIVE_RULE = pytest.mark.parametrize("rule", ADAPTIVE, ids=lambda rule: rule.name)

# What of ours is the same as what of theirs; make_trajectories.py holds the other side.
LIBRARIES = {
    "torch": {
        "sgd": gradient_descent(),
        "momentum": heavy_ball(0.9),
        "nesterov": nesterov(0.9),
        "adagrad": adagrad(EPS),
        "adagrad_start": adagrad(EPS, initial_accumulator=0.1),
        "rmsprop": rmsprop(eps=EPS),
        "adam": adam(eps=EPS),
        "adam_betas": adam(0.7, 0.95, EPS),
        "adam_l2": adam(eps=EPS),
        "amsgrad": amsgrad(beta2=0.95, eps=EPS),
        "adamw": adamw(eps=EPS, weight_decay=0.3),
        "adamw_default": adamw(eps=EPS),
    },
    "optax": {
        "sgd": gradient_descent(),
        "momentum": heavy_ball(0.9),
        "nesterov": nesterov(0.9),
        "adagrad": adagrad(EPS, eps_inside=True, initial_accumulator=0.1),
        "rmsprop": rmsprop(0.9, EPS, eps_inside=True),
        "rmsprop_outside": rmsprop(0.9, EPS, initial_accumulator=0.1),
        "adam": adam(eps=EPS),
        "adam_root": adam(eps=EPS, eps_inside=True),
        "amsgrad": amsgrad(beta2=0.95, eps=EPS, correct_first=True),
        "amsgrad_paper": amsgrad(beta2=0.95, eps=EPS, bias_correction=False),
        "adamw": adamw(eps=EPS, weight_decay=0.3),
    },
}


def test_closed_form_on_a_quadratic():
    H = np.array([[3.0, 1.0], [1.0, 2.0]])
    run = descend(quadratic(H).grad, (1.3, -0.7), 0.21, 25)
    factor = np.eye(2) - 0.21 * H
    expected = [np.linalg.matrix_power(factor, k) @ (1.3, -0.7) for k in range(26)]
    np.testing.assert_allclose(run.path, expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(run.x, run.path[-1])
    assert run.nit == 25 and not run.diverged


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
    batch = descend(surface.grad, starts, rate, 60)
    # at these rates some starts diverge on the first two surfaces, and some do not
    assert batch.diverged.any() == (name != "ellipse") and not batch.diverged.all()
    assert batch.path.shape == (61, 3, 5, 2) and batch.diverged.shape == (3, 5)
    for index in np.ndindex(3, 5):
        alone = descend(surface.grad, starts[index], rate, 60)
        np.testing.assert_array_equal(alone.path, batch.path[:, *index])
        assert alone.diverged == batch.diverged[index]


def test_many_starts_reach_the_four_minima():
    surface = GALLERY["himmelblau"]
    starts = np.random.default_rng(1).uniform(-5, 5, (10_000, 2))
    run = descend(surface.grad, starts, 0.01, 300, record=False)
    minima = np.array([m.point for m in surface.minima])
    distance = np.linalg.norm(run.x[:, None] - minima, axis=-1)
    assert not run.diverged.any() and (distance.min(axis=1) < 1e-6).mean() > 0.99
    assert set(distance.argmin(axis=1)) == {0, 1, 2, 3}


def test_divergence_freezes_one_start_and_leaves_the_others():
    surface = GALLERY["himmelblau"]
    starts = np.array([(3.1, 2.1), (50.0, 50.0)])
    with np.errstate(all="raise"):  # an overflow is expected and must not warn
        run = descend(surface.grad, starts, 0.01, 200)
    np.testing.assert_array_equal(run.diverged, [False, True])
    np.testing.assert_allclose(run.x[0], (3, 2), atol=1e-8)
    assert np.isfinite(run.path).all()
    # it grows, and from the last finite point on it stays
    moved = (np.diff(run.path[:, 1], axis=0) != 0).any(axis=-1)
    last = moved.sum()
    assert 1 <= last < 20 and not moved[last:].any()
    np.testing.assert_array_equal(run.x[1], run.path[last, 1])


def test_arguments_are_not_changed():
    start = np.array([1.0, 2.0])
    run = descend(lambda x: x, start, 0.5, 3)
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
        ({"learning_rate": lambda k: -0.1 * k}, r"learning_rate\(1\) must be"),
        ({"learning_rate": lambda k: np.nan}, r"learning_rate\(0\) must be"),
        ({"learning_rate": lambda k: np.array([0.1])}, r"learning_rate\(0\) must be"),
        ({"rule": adam}, "rule must be a Rule"),
        ({"rule": "adam"}, "rule must be a Rule"),
    ],
)
def test_refusals(change, message):
    arguments = {"grad": lambda x: x, "start": (1.0, 2.0), "learning_rate": 0.1, "steps": 3, **change}
    with pytest.raises(ValueError, match=message):
        descend(**arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: heavy_ball(1), "beta must be"),
        (lambda: heavy_ball(-0.1), "beta must be"),
        (lambda: heavy_ball(np.nan), "beta must be"),
        (lambda: heavy_ball("0.9"), "beta must be"),
        (lambda: heavy_ball(form="ema"), "form must be one of 'pytorch', 'polyak', got 'ema'"),
        (lambda: nesterov(1.5), "beta must be"),
        (lambda: nesterov(form="polyak"), "form must be one of 'pytorch', 'sutskever'"),
        (lambda: adagrad(-1e-10), "eps must be"),
        (lambda: adagrad(initial_accumulator=-0.1), "initial_accumulator must be"),
        (lambda: rmsprop(1), "rho must be"),
        (lambda: rmsprop(eps=np.inf), "eps must be"),
        (lambda: rmsprop(initial_accumulator=np.nan), "initial_accumulator must be"),
        (lambda: adam(1.0), "beta1 must be"),
        (lambda: adam(beta2=-0.5), "beta2 must be"),
        (lambda: adam(beta2=np.array([0.9, 0.99])), "beta2 must be"),
        (lambda: adam(eps=-1e-8), "eps must be"),
        (lambda: amsgrad(beta2=1), "beta2 must be"),
        (lambda: adamw(beta1=2), "beta1 must be"),
        (lambda: adamw(weight_decay=-0.01), "weight_decay must be"),
    ],
)
def test_rules_refuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@EVERY_RULE
def test_a_step_refuses(rule):
    x = np.ones((3, 2))
    with pytest.raises(ValueError, match="grad must have the shape of x"):
        rule.step(x, np.ones((3, 1)), rule.init(x), 0.1)
    for rate in (-0.1, np.nan, [[0.1], [-0.1], [0.1]]):
        with pytest.raises(ValueError, match="learning_rate must be at least 0"):
            rule.step(x, x, rule.init(x), rate)
    with pytest.raises(ValueError, match="learning_rate must broadcast"):
        rule.step(x, x, rule.init(x), np.full((4, 3, 2), 0.1))


def test_a_gradient_that_changes_its_shape_is_refused():
    shapes = iter([(2,), (2,), (1,)])
    with pytest.raises(ValueError, match=r"grad must return shape \(2,\)"):
        descend(lambda x: np.ones(next(shapes)), (1.0, 2.0), 0.1, 3)


@EVERY_RULE
def test_every_rule_treats_starts_alone(rule):
    surface = GALLERY["himmelblau"]
    starts = np.random.default_rng(3).uniform(-4, 4, (3, 4, 2))
    starts[0, 0] = 60.0
    batch = descend(surface.grad, starts, cosine(0.03, 40), 40, rule=rule)
    assert np.isfinite(batch.path).all()
    np.testing.assert_array_equal(batch.path[0], starts)
    for index in np.ndindex(3, 4):
        alone = descend(surface.grad, starts[index], cosine(0.03, 40), 40, rule=rule)
        np.testing.assert_array_equal(alone.path, batch.path[:, *index])
        assert alone.diverged == batch.diverged[index]


@EVERY_RULE
def test_every_rule_takes_any_shape_and_changes_no_argument(rule):
    rng = np.random.default_rng(4)
    for shape in ((), (3,), (2, 3, 4)):
        x, grad = rng.standard_normal(shape), rng.standard_normal(shape)
        state = rule.init(x)
        kept = x.copy(), grad.copy()
        following, later = rule.step(x, grad, state, 0.1)
        again, _ = rule.step(following, grad, later, 0.1)
        assert following.shape == again.shape == shape
        np.testing.assert_array_equal(rule.step(x.tolist(), grad.tolist(), state, 0.1)[0], following)
        np.testing.assert_array_equal(rule.step(following, grad, later, 0.1)[0], again)
        np.testing.assert_array_equal((x, grad), kept)


@EVERY_RULE
def test_a_column_of_step_sizes_is_one_for_each_row(rule):
    rates = np.array([0.01, 0.1, 0.0])
    x = np.tile([1.5, -0.5], (3, 1))
    state = rule.init(x)
    rows = [(row, rule.init(row)) for row in x]
    for _ in range(5):
        x, state = rule.step(x, 3 * x, state, rates[:, None])
        rows = [rule.step(row, 3 * row, memory, rate) for (row, memory), rate in zip(rows, rates, strict=True)]
    np.testing.assert_array_equal(x, [row for row, _ in rows])


def test_ten_thousand_starts_with_adam():
    surface = GALLERY["himmelblau"]
    starts = np.random.default_rng(5).uniform(-5, 5, (10_000, 2))
    run = descend(surface.grad, starts, 0.3, 100, rule=adam(), record=False)
    assert not run.diverged.any() and (surface(run.x) < surface(starts)).mean() > 0.99


def test_a_schedule_gives_the_step_of_each_number():
    run = descend(np.ones_like, [0.0], lambda k: [0.5, 0.0, 0.25][k], 3)
    np.testing.assert_array_equal(run.path[:, 0], [0, -0.5, -0.5, -0.75])


def test_the_run_stops_when_every_start_has_diverged():
    calls = []
    run = descend(lambda x: calls.append(x) or x**3, [[4.0], [5.0]], 1.0, 1000)
    assert run.diverged.all() and len(calls) == run.nit < 20 and run.path.shape == (1001, 2, 1)
    np.testing.assert_array_equal(run.path[-1], run.x)
    np.testing.assert_array_equal(run.path[len(calls)], run.x)


@EVERY_ADAPTIVE_RULE
def test_squares_that_overflow_are_divergence_and_not_a_standstill(rule):
    run = descend(lambda x: np.where(x > 0, 1e200, -1.0), [-1e-3], 0.1, 5, rule=rule)
    assert run.diverged and run.x == run.path[1] > 0


def test_a_look_ahead_that_overflows_is_divergence():
    def grad(x):
        assert np.isfinite(x).all()
        return np.full_like(x, -1e308)

    run = descend(grad, [0.0], 1.0, 5, rule=nesterov(form="sutskever"))
    assert run.diverged and run.x == 1e308


@pytest.mark.parametrize("eps_inside", [False, True])
@pytest.mark.parametrize("make", [adagrad, rmsprop, adam, amsgrad, adamw])
def test_no_gradient_and_no_epsilon_is_no_step(make, eps_inside):
    run = descend(lambda x: [0.0, 1.0], [0.0, 0.0], 0.1, 3, rule=make(eps=0, eps_inside=eps_inside))
    assert run.x[0] == 0 and run.x[1] < -0.1 and not run.diverged


# PyTorch and Optax


def ours(library, name):
    """Return the path of our counterpart, (101, 4)."""
    start, gradients = make_trajectories.problem()
    gradients = iter(gradients)
    penalty = make_trajectories.L2 if name == "adam_l2" else 0.0
    return descend(
        lambda x: next(gradients) + penalty * x,
        start,
        lambda k: make_trajectories.RATES[k],
        make_trajectories.STEPS,
        rule=LIBRARIES[library][name],
    ).path


@pytest.fixture(scope="module")
def stored():
    with np.load(make_trajectories.FILE) as file:
        return dict(file)


def test_the_stored_problem_is_ours(stored):
    start, gradients = make_trajectories.problem()
    np.testing.assert_allclose(stored["start"], start, rtol=0, atol=1e-15)
    np.testing.assert_allclose(stored["gradients"], gradients, rtol=0, atol=1e-14)
    names = {key.removeprefix("path/") for key in stored if key.startswith("path/")}
    assert names == {f"{library}_{name}" for library, rules in LIBRARIES.items() for name in rules}


@pytest.mark.parametrize(
    ("library", "name"), [(library, name) for library, rules in LIBRARIES.items() for name in rules]
)
def test_same_as_the_stored_path(stored, library, name):
    np.testing.assert_allclose(ours(library, name), stored[f"path/{library}_{name}"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("library", LIBRARIES)
def test_same_as_the_library_itself(library):
    pytest.importorskip(library, reason=f"{library} is not installed; its stored trajectories were compared")
    for name, path in getattr(make_trajectories, f"{library}_trajectories")().items():
        np.testing.assert_allclose(
            ours(library, name.removeprefix(f"{library}_")), path, rtol=0, atol=1e-12, err_msg=name
        )


def test_the_comparison_can_tell_the_variants_apart(stored):
    """What is said to differ does, by far more than the tolerance."""
    start, gradients = make_trajectories.problem()

    def path(rule):
        rest = iter(gradients)
        return descend(lambda x: next(rest), start, lambda k: make_trajectories.RATES[k], 100, rule=rule).path

    for key, wrong in {
        "torch_momentum": heavy_ball(0.9, form="polyak"),
        "torch_nesterov": nesterov(0.9, form="sutskever"),
        "torch_adagrad": adagrad(EPS, eps_inside=True),
        "optax_adagrad": adagrad(EPS, eps_inside=True),
        "optax_rmsprop": rmsprop(0.9, EPS),
        "torch_adam": adam(eps=EPS, eps_inside=True),
        "optax_adam": adam(eps=EPS, bias_correction=False),
        "torch_amsgrad": amsgrad(beta2=0.95, eps=EPS, correct_first=True),
        "optax_amsgrad": amsgrad(beta2=0.95, eps=EPS),
        "torch_adam_l2": adamw(eps=EPS, weight_decay=make_trajectories.L2),
    }.items():
        assert np.abs(path(wrong) - stored[f"path/{key}"]).max() > 1e-3, key


# Theory


def radius(rule, rate, curvatures):
    """Spectral radius of one step of a rule with one memory on ½ Σ h x², the curvatures being h."""
    largest = 0.0
    for h in curvatures:
        x, state = np.array([1.0, 0.0]), (np.array([0.0, 1.0]),)
        at = x if rule.look_ahead is None else rule.look_ahead(x, state)
        following, (memory,) = rule.step(x, h * at, state, rate)
        largest = max(largest, *np.abs(np.linalg.eigvals([following, memory])))
    return largest


L, MU = 100.0, 1.0
CURVATURES = np.linspace(MU, L, 200)
ROOT = np.sqrt(L / MU)


@pytest.mark.parametrize(
    ("rules", "rate", "expected"),
    [
        ([heavy_ball(0)], 2 / (L + MU), (L - MU) / (L + MU)),
        (
            [heavy_ball(((ROOT - 1) / (ROOT + 1)) ** 2, form=form) for form in ("pytorch", "polyak")],
            4 / (np.sqrt(L) + np.sqrt(MU)) ** 2,
            9 / 11,
        ),
        ([nesterov((ROOT - 1) / (ROOT + 1), form=form) for form in ("pytorch", "sutskever")], 1 / L, 0.9),
        (
            [
                nesterov((np.sqrt(3 * L + MU) - 2) / (np.sqrt(3 * L + MU) + 2), form=form)
                for form in ("pytorch", "sutskever")
            ],
            4 / (3 * L + MU),
            0.884722,
        ),
    ],
    ids=["gradient descent", "heavy ball", "Nesterov", "Nesterov tuned"],
)
def test_spectral_radius_at_condition_100(rules, rate, expected):
    for rule in rules:
        assert abs(radius(rule, rate, CURVATURES) - expected) < 1e-6


def test_measured_rates_at_condition_100():
    surface = quadratic(np.diag([MU, L]))
    for rule, rate, expected in (
        (gradient_descent(), 2 / (L + MU), 99 / 101),
        (nesterov(9 / 11), 1 / L, 0.9),
        (heavy_ball((9 / 11) ** 2), 4 / 11**2, 9 / 11),
    ):
        size = np.abs(descend(surface.grad, (1, 1), rate, 3000, rule=rule).path).max(axis=-1)
        # the slowest double root of momentum multiplies its power by the number of steps
        measured = (size[3000] / size[2000]) ** (1 / 1000)
        assert abs(measured - expected) < 5e-4


@pytest.mark.parametrize(
    ("make", "bound"),
    [
        (lambda beta: heavy_ball(beta), lambda beta: (2 + 2 * beta) / L),
        (lambda beta: nesterov(beta), lambda beta: (2 + 2 * beta) / (L * (1 + 2 * beta))),
    ],
    ids=["heavy ball", "Nesterov"],
)
@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_largest_stable_step(make, bound, beta):
    assert radius(make(beta), 0.999 * bound(beta), CURVATURES) < 1 < radius(make(beta), 1.001 * bound(beta), [L])


def test_two_over_l_from_both_sides():
    surface = quadratic(np.diag([MU, L]))
    below, above = (descend(surface.grad, (1, 1), rate / L, 2000).x for rate in (1.99, 2.01))
    np.testing.assert_allclose([np.linalg.norm(below), np.linalg.norm(above)], [0.99**2000, 1.01**2000], rtol=1e-8)


def test_momentum_forms_are_one_path_at_a_constant_rate_and_part_when_it_changes():
    grad = GALLERY["himmelblau"].grad
    pytorch, polyak = (heavy_ball(form=form) for form in ("pytorch", "polyak"))
    same = [descend(grad, (0.5, -1.0), 0.001, 200, rule=rule).path for rule in (pytorch, polyak)]
    np.testing.assert_allclose(*same, rtol=0, atol=1e-10)

    def drop(k):
        return 0.001 if k < 20 else 0.0001

    parted = [descend(grad, (0.5, -1.0), drop, 25, rule=rule).x for rule in (pytorch, polyak)]
    assert np.abs(parted[0] - parted[1]).max() > 0.1


def test_nesterov_forms_are_one_path_in_other_variables():
    grad, beta, rate = GALLERY["himmelblau"].grad, 0.8, 0.002
    ahead = descend(grad, (0.5, -1.0), rate, 200, rule=nesterov(beta)).path
    path = descend(grad, (0.5, -1.0), rate, 200, rule=nesterov(beta, form="sutskever")).path
    velocity = np.diff(path, axis=0)
    np.testing.assert_allclose(ahead[1:], path[1:] + beta * velocity, rtol=0, atol=1e-11)
    assert np.abs(ahead - path).max() > 0.01
    # Nesterov's own notation: y = x + β (x − x_before), x ← y − η g(y)
    x = before = np.array([0.5, -1.0])
    for point in path[1:]:
        y = x + beta * (x - before)
        x, before = y - rate * grad(y), x
        np.testing.assert_allclose(point, x, rtol=0, atol=1e-11)


def steps(rule, gradients, rate=0.1):
    """Return the steps that one coordinate takes from 0 at these gradients."""
    rest = iter(gradients)
    return np.diff(descend(lambda x: [next(rest)], [0.0], rate, len(gradients), rule=rule).path[:, 0])


def test_terminal_velocity_of_momentum():
    assert abs(steps(heavy_ball(0.9), np.ones(400))[-1] / -0.1 - 10) < 1e-12


def test_adagrad_at_a_constant_gradient():
    taken = -steps(adagrad(), np.full(100, 7.0))
    np.testing.assert_allclose(taken, 0.1 / np.sqrt(np.arange(1, 101)), rtol=1e-9)
    assert abs(taken.sum() - 1.8590) < 5e-5


@pytest.mark.parametrize(("rho", "times"), [(0.9, 10**0.5), (0.99, 10)])
def test_first_step_of_rmsprop(rho, times):
    np.testing.assert_allclose(steps(rmsprop(rho), [-5.0]), 0.1 * times, rtol=1e-7)


@pytest.mark.parametrize("rule", [adam(), amsgrad(), amsgrad(correct_first=True), adamw()], ids=lambda r: r.name)
def test_first_step_of_adam(rule):
    for size in (1e-4, 1.0, 1e4):
        for sign in (-1, 1):
            np.testing.assert_allclose(steps(rule, [sign * size]), -0.1 * sign, rtol=1.01e-4)
    np.testing.assert_allclose(steps(rule, [1e-8]), -0.05, rtol=1e-12)


def test_adam_without_bias_correction_and_its_largest_step():
    bound = 0.1 * (1 - 0.9) / np.sqrt(1 - 0.999)
    np.testing.assert_allclose(steps(adam(bias_correction=False), [3.0]), -bound, rtol=1e-6)
    np.testing.assert_allclose(steps(adam(), [*np.zeros(10_000), 3.0])[-1], -bound, rtol=1e-4)


def test_epsilon_inside_the_root_and_outside():
    g = 0.01
    np.testing.assert_allclose(steps(adagrad(EPS), [g]), -0.1 * g / (g + EPS), rtol=1e-14)
    np.testing.assert_allclose(steps(adagrad(EPS, eps_inside=True), [g]), -0.1 * g / np.sqrt(g * g + EPS), rtol=1e-14)


@pytest.mark.parametrize(
    ("rule", "end"),
    [
        (adam(0, 0.1), 1),
        (adam(0, 0.1, bias_correction=False), 1),
        (amsgrad(0, 0.1), -1),
        (amsgrad(0, 0.1, correct_first=True), -1),
        (amsgrad(0, 0.1, bias_correction=False), -1),
    ],
    ids=lambda value: value.name if isinstance(value, Rule) else "",
)
def test_counterexample_to_adam(rule, end):
    """Reddi, Kale and Kumar (2018), theorem 1: the sum of the losses is least at −1, where AMSGrad ends."""
    x, state = np.array(0.0), rule.init(0.0)
    for t in range(1, 6001):
        x, state = rule.step(x, 3.0 if t % 3 == 1 else -1.0, state, 0.1 / np.sqrt(t))
        x = np.clip(x, -1, 1)
    assert abs(x - end) < 1.5e-3


def test_decay_in_adamw_and_in_an_l2_penalty():
    """One step from w = 2 where the loss has no gradient: in Adam the strength of an L2 penalty vanishes."""
    for decay, expected in ((1e-4, 1.99998), (1e-2, 1.998), (1.0, 1.8)):
        penalised = descend(lambda w, decay=decay: decay * w, [2.0], 0.1, 1, rule=adam()).x
        decayed = descend(np.zeros_like, [2.0], 0.1, 1, rule=adamw(weight_decay=decay)).x
        np.testing.assert_allclose(penalised, 1.9, atol=1e-5)
        np.testing.assert_allclose(decayed, expected, rtol=1e-14)


def test_adam_with_no_decay_is_adamw_with_none():
    gradients = np.random.default_rng(6).standard_normal(50)
    np.testing.assert_array_equal(steps(adam(), gradients), steps(adamw(weight_decay=0), gradients))
