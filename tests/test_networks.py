"""The network against complex steps, explicit Hessians and scikit-learn."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from downhill.networks import Network, all_digits, digits, sharpness

ARCHITECTURES = [
    Network((3, 4), "linear", "cross_entropy"),
    Network((4, 5, 3), "tanh", "cross_entropy"),
    Network((4, 5, 3), "relu", "cross_entropy"),
    Network((3, 4, 4, 2), "sigmoid", "cross_entropy"),
    Network((3, 4, 3, 4, 2), "tanh", "cross_entropy"),
    Network((3, 4, 3, 4, 2), "relu", "mse"),
    Network((3, 4, 3), "sigmoid", "mse"),
    Network((3, 4, 5, 1), "tanh", "mse"),
    Network((4, 3, 2), "linear", "mse"),
]
NETWORKS = pytest.mark.parametrize(
    "net", ARCHITECTURES, ids=lambda n: f"{'-'.join(map(str, n.sizes))}-{n.activation}-{n.objective}"
)


def problem(net, n=17, seed=0):
    """Return generic parameters (biases too) and data for a network."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, net.sizes[0]))
    if net.objective == "cross_entropy":
        y = rng.integers(net.sizes[-1], size=n)
    else:
        y = rng.standard_normal((n, net.sizes[-1]))
    return 0.7 * rng.standard_normal(net.n_params), X, y


def complex_step(function, theta, h=1e-30):
    """Derivatives of function(theta) along each parameter, as the last axis."""
    return np.stack([np.imag(function(theta + 1j * h * e)) / h for e in np.eye(len(theta))], axis=-1)


@NETWORKS
def test_gradient_by_complex_step(net):
    theta, X, y = problem(net)
    expected = complex_step(lambda t: net.loss(t, X, y), theta)
    np.testing.assert_allclose(net.grad(theta, X, y), expected, rtol=1e-10, atol=1e-14)


@NETWORKS
def test_gradient_by_central_difference(net):
    theta, X, y = problem(net, seed=1)
    steps = 1e-6 * np.eye(net.n_params)
    expected = [(net.loss(theta + s, X, y) - net.loss(theta - s, X, y)) / 2e-6 for s in steps]
    np.testing.assert_allclose(net.grad(theta, X, y), expected, rtol=1e-5, atol=1e-8)


@NETWORKS
def test_hessian_and_its_products_by_complex_step_of_the_gradient(net):
    theta, X, y = problem(net, seed=2)
    expected = complex_step(lambda t: net.grad(t, X, y), theta)
    np.testing.assert_allclose(net.hess(theta, X, y), expected, rtol=1e-9, atol=1e-13)
    V = np.random.default_rng(3).standard_normal((net.n_params, 4))
    np.testing.assert_allclose(net.hvp(theta, X, y, V), expected @ V, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(net.hvp(theta, X, y, V[:, 0]), expected @ V[:, 0], rtol=1e-9, atol=1e-12)


@NETWORKS
def test_loss_is_the_one_returned_with_the_gradient_and_a_mean_over_rows(net):
    theta, X, y = problem(net)
    loss, gradient = net.loss_and_grad(theta, X, y)
    assert loss == net.loss(theta, X, y) and gradient.shape == (net.n_params,)
    rows = [net.loss_and_grad(theta, X[i : i + 1], y[i : i + 1]) for i in range(len(X))]
    assert loss == pytest.approx(np.mean([row[0] for row in rows]), rel=1e-13)
    np.testing.assert_allclose(gradient, np.mean([row[1] for row in rows], axis=0), atol=1e-14)
    doubled = net.loss(theta, np.concatenate([X, X]), np.concatenate([y, y]))
    assert doubled == pytest.approx(loss, rel=1e-13)


@NETWORKS
def test_pack_undoes_unpack_and_unpack_gives_views(net):
    theta, X, _ = problem(net)
    layers = net.unpack(theta)
    assert [W.shape for W, _ in layers] == list(pairwise(net.sizes))
    assert [b.shape for _, b in layers] == [(n,) for n in net.sizes[1:]]
    np.testing.assert_array_equal(net.pack(layers), theta)
    assert all(np.shares_memory(part, theta) for layer in layers for part in layer)
    # the forward pass written out
    activation = {
        "tanh": np.tanh,
        "relu": lambda z: np.maximum(z, 0),
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
        "linear": lambda z: z,
    }[net.activation]
    a = X
    for W, b in layers[:-1]:
        a = activation(a @ W + b)
    W, b = layers[-1]
    np.testing.assert_allclose(net.forward(theta, X), a @ W + b, rtol=1e-12, atol=1e-14)


def test_sizes():
    assert Network((5, 20, 1), "tanh", "mse").n_params == 141
    assert Network().n_params == Network([64, 16, 10]).n_params == 64 * 16 + 16 + 16 * 10 + 10
    assert Network((4, 3)) == Network([4, 3]) and hash(Network((4, 3)))


def test_initial_weights():
    wide = Network((400, 300, 10), "tanh")
    W, b = wide.unpack(wide.init(np.random.default_rng(0)))[0]
    assert W.std() == pytest.approx(np.sqrt(2 / 700), rel=0.01) and abs(W.mean()) < 5e-4 and not b.any()
    relu = Network((400, 300, 10), "relu")
    W, _ = relu.unpack(relu.init(np.random.default_rng(0)))[0]
    assert W.std() == pytest.approx(np.sqrt(2 / 400), rel=0.01)
    for W, b in wide.unpack(wide.init(np.random.default_rng(0), scale=0.3)):
        assert W.std() == pytest.approx(0.3, rel=0.03) and not b.any()
    repeated = [wide.init(np.random.default_rng(7)) for _ in range(2)]
    np.testing.assert_array_equal(*repeated)


def test_cross_entropy_is_scikit_learns():
    net = Network((4, 5, 3), "relu")
    theta, X, y = problem(net, n=40)
    logits = net.forward(theta, X)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert net.loss(theta, X, y) == pytest.approx(log_loss(y, p, labels=[0, 1, 2]), rel=1e-12)


def test_linear_model_is_scikit_learns_logistic_regression():
    X, y, _, _ = digits(400)
    model = LogisticRegression(C=1.0, tol=1e-10, max_iter=5000).fit(X, y)
    net = Network((64, 10))
    W = model.coef_.T
    gradient = net.grad(net.pack([(W, model.intercept_)]), X, y)
    # scikit-learn minimises the sum of the losses plus ½‖W‖²; the biases carry no penalty
    (dW, db), *_ = net.unpack(gradient)
    np.testing.assert_allclose(dW + W / len(X), 0, atol=1e-6)
    np.testing.assert_allclose(db, 0, atol=1e-6)
    assert np.abs(dW).max() > 1e-4


def test_first_loss_is_the_logarithm_of_the_number_of_classes():
    X, y, _, _ = digits(100)
    assert Network().loss(np.zeros(1210), X, y) == pytest.approx(np.log(10), rel=1e-14)


def test_mse_is_half_the_mean_squared_distance():
    net = Network((2, 2), "linear", "mse")
    theta = net.pack([(np.eye(2), np.zeros(2))])
    assert net.loss(theta, [[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [0.0, 4.0]]) == (4 + 9) / 2 / 2
    single = Network((3, 4, 1), "tanh", "mse")
    theta, X, y = problem(single)
    assert single.loss(theta, X, y[:, 0]) == single.loss(theta, X, y)


def test_large_logits_do_not_overflow():
    net = Network((1, 2))
    theta = net.pack([(np.array([[1000.0, -1000.0]]), np.zeros(2))])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss, gradient = net.loss_and_grad(theta, [[1.0]], [1])
    assert loss == 2000 and np.isfinite(gradient).all()
    sigmoid = Network((1, 1, 1), "sigmoid", "mse")
    with np.errstate(over="raise"):
        assert sigmoid.forward(np.array([-1000.0, 0, 1, 0]), [[1.0]]) == 0


@pytest.mark.parametrize("net", [Network((6, 5, 3)), Network((5, 20, 1), "tanh", "mse")], ids=str)
def test_sharpness(net):
    theta, X, y = problem(net, n=50)
    values, vectors = np.linalg.eigh(net.hess(theta, X, y))
    value, vector = sharpness(net, theta, X, y, return_vector=True)
    assert value == pytest.approx(values[-1], rel=1e-6)
    assert abs(vector @ vectors[:, -1]) == pytest.approx(1, abs=1e-5)
    assert sharpness(net, theta, X, y) == value  # the same start, the same bits
    for v0 in (vector, vectors[:, 0] + 1e-3 * vectors[:, -1]):
        assert sharpness(net, theta, X, y, v0=v0) == pytest.approx(values[-1], rel=1e-6)


def test_sharpness_is_the_largest_in_sign():
    # ½(1 − ab)² at the origin: eigenvalues −1 and 1 in a and b
    net = Network((1, 1, 1), "linear", "mse")
    values = np.linalg.eigvalsh(net.hess(np.zeros(4), [[1.0]], [1.0]))
    assert values[0] < 0
    assert sharpness(net, np.zeros(4), [[1.0]], [1.0]) == pytest.approx(values[-1], rel=1e-6)


def test_digits():
    theirs = load_digits()
    for ours, expected in zip(all_digits(), (theirs.data, theirs.target), strict=True):
        np.testing.assert_array_equal(ours, expected, strict=True)
    X, y, X_test, y_test = digits()
    assert X.shape == (1400, 64) and X_test.shape == (397, 64)
    assert X.min() == 0 and X.max() == 1 and set(y) == set(y_test) == set(range(10))
    few = digits(1000)
    np.testing.assert_array_equal(few[0], X[:1000])
    np.testing.assert_array_equal(few[1], y[:1000])
    np.testing.assert_array_equal(few[2], X_test)
    for n in (0, 1401):
        with pytest.raises(ValueError, match="from 1 to 1400"):
            digits(n)


def test_descent_learns_the_digits():
    X, y, X_test, y_test = digits(1000)
    net = Network((64, 16, 10))
    theta = net.init(np.random.default_rng(0))
    for _ in range(300):
        theta = theta - 0.5 * net.grad(theta, X, y)
    assert net.accuracy(theta, X, y) > 0.97 and net.accuracy(theta, X_test, y_test) > 0.92
    predicted = net.forward(theta, X_test).argmax(axis=1)
    assert net.accuracy(theta, X_test, y_test) == np.mean(predicted == y_test)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"theta": np.zeros(42)}, r"theta must have shape \(43,\)"),
        ({"theta": np.zeros((1, 43))}, r"theta must have shape \(43,\)"),
        ({"theta": np.full(43, np.nan)}, "theta holds values that are not finite"),
        ({"X": np.zeros((2, 5))}, r"X must have shape \(n, 4\)"),
        ({"X": np.zeros(4)}, r"X must have shape \(n, 4\)"),
        ({"X": np.zeros((0, 4))}, "n at least 1"),
        ({"X": np.full((2, 4), np.inf)}, "X must be finite, got"),
        ({"y": [0, 3]}, "labels must be from 0 to 2"),
        ({"y": [-1, 0]}, "labels must be from 0 to 2"),
        ({"y": [0.0, 1.0]}, "labels must be whole numbers"),
        ({"y": [0, 1, 2]}, "one label for each"),
    ],
)
def test_bad_inputs(change, message):
    net = Network((4, 5, 3))
    arguments = {"theta": np.zeros(43), "X": np.zeros((2, 4)), "y": [0, 1], **change}
    for method in (net.loss, net.grad, net.loss_and_grad, net.hess, net.accuracy):
        with pytest.raises(ValueError, match=message):
            method(**arguments)
    with pytest.raises(ValueError, match=message):
        net.hvp(**arguments, v=np.ones(43))
    with pytest.raises(ValueError, match=message):
        sharpness(net, **arguments)


def test_bad_targets_vectors_and_networks():
    mse = Network((4, 5, 3), "tanh", "mse")
    theta, X = np.zeros(43), np.zeros((2, 4))
    with pytest.raises(ValueError, match=r"y must have shape \(2, 3\)"):
        mse.loss(theta, X, [0.0, 1.0])
    with pytest.raises(ValueError, match="y must be finite, got"):
        mse.loss(theta, X, np.full((2, 3), np.nan))
    with pytest.raises(ValueError, match="v must have shape"):
        mse.hvp(theta, X, np.zeros((2, 3)), np.ones(42))
    with pytest.raises(ValueError, match="v0"):
        sharpness(mse, theta, X, np.zeros((2, 3)), v0=np.zeros(43))
    with pytest.raises(ValueError, match="layers must have the shapes"):
        mse.pack([(np.zeros((4, 5)), np.zeros(5))])
    for arguments, message in [
        (((4,),), "sizes"),
        (((4, 0, 2),), "sizes"),
        (((4, 2.5),), "sizes"),
        (((4, 2), "swish"), "activation"),
        (((4, 2), "tanh", "hinge"), "objective"),
        (((4, 1),), "two outputs"),
    ]:
        with pytest.raises(ValueError, match=message):
            Network(*arguments)
