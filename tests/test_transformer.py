"""The transformer and its adapters against complex steps and a plain rewriting."""

import itertools

import numpy as np
import pytest

from downhill.networks import Network
from downhill.transformer import MATRICES, Adapter, Transformer

MODELS = pytest.mark.parametrize(
    "model",
    [Transformer(5, 4, 2, 2, 4), Transformer(4, 6, 1, 3, 3, tied=False), Transformer(4, 2, 3, 1, 3)],
    ids=["tied", "untied", "three-layers"],
)


def problem(model, seed=0, length=None, n=3):
    """Return generic float64 parameters and windows of full length, or shorter."""
    rng = np.random.default_rng(seed)
    theta = model.init(rng, np.float64) + 0.3 * rng.standard_normal(model.n_params)
    return theta, rng.integers(model.n_symbols, size=(n, length or model.context + 1))


def complex_step(function, x, h=1e-30):
    return np.array([np.imag(function(x + 1j * h * e)) / h for e in np.eye(len(x))])


# ------------------------------------------------------------------------------------------------ the gradient


@MODELS
def test_every_group_of_the_gradient_by_complex_step(model):
    for length in (model.context + 1, 3):  # a short window leaves late positions without a gradient
        theta, windows = problem(model, length=length)
        loss, gradient = model.loss_and_grad(theta, windows)
        assert loss == model.loss(theta, windows)
        expected = model.unpack(complex_step(lambda t, w=windows: model.loss(t, w), theta))
        for name, part in model.unpack(gradient).items():
            np.testing.assert_allclose(part, expected[name], rtol=1e-9, atol=1e-14, err_msg=name)
            assert np.any(part), name


def test_gradient_by_central_difference():
    model = Transformer(4, 4, 2, 2, 3)
    theta, windows = problem(model, seed=1)
    steps = 1e-6 * np.eye(model.n_params)
    expected = [(model.loss(theta + s, windows) - model.loss(theta - s, windows)) / 2e-6 for s in steps]
    np.testing.assert_allclose(model.loss_and_grad(theta, windows)[1], expected, rtol=1e-6, atol=1e-8)


@MODELS
def test_asking_for_some_parameters_gives_these(model):
    theta, windows = problem(model, seed=2)
    loss, whole = model.loss_and_parts(theta, windows)
    for name in model.shapes:
        one, part = model.loss_and_parts(theta, windows, [name])
        assert one == loss and list(part) == [name]
        np.testing.assert_allclose(part[name], whole[name], rtol=1e-12, atol=1e-15)


@MODELS
@pytest.mark.parametrize("matrices", [("query", "value"), MATRICES, ("down",)])
def test_adapters_gradient_by_complex_step(model, matrices):
    adapter = Adapter(model, 2, matrices, alpha=3.0)
    theta, windows = problem(model, seed=3)
    phi = adapter.init(np.random.default_rng(4), np.float64)
    phi += 0.3 * np.random.default_rng(5).standard_normal(adapter.n_params)
    loss, gradient = adapter.loss_and_grad(theta, phi, windows)
    assert loss == adapter.loss(theta, phi, windows)
    expected = complex_step(lambda p: adapter.loss(theta, p, windows), phi)
    np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-14)


def test_single_precision_agrees_with_double_and_stays_single():
    model = Transformer(11, 16, 2, 4, 12)
    theta, windows = problem(model)
    loss, gradient = model.loss_and_grad(theta.astype(np.float32), windows)
    assert gradient.dtype == np.float32
    loss64, gradient64 = model.loss_and_grad(theta, windows)
    assert loss == pytest.approx(loss64, rel=1e-5)
    np.testing.assert_allclose(gradient, gradient64, atol=1e-5 * np.abs(gradient64).max())


# ------------------------------------------------------------------------------------------------ the model


@MODELS
def test_logits_are_those_of_a_plain_rewriting(model):
    """The same model with loops over rows, positions and heads."""
    theta, windows = problem(model, seed=6, length=model.context)
    p, d = model.unpack(theta), model.width
    size = d // model.heads
    rms = lambda x: x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-6)
    logits = model.forward(theta, windows)
    for row, found in zip(windows, logits, strict=True):
        x = np.array([p["embedding"][s] + p["position"][j] for j, s in enumerate(row)])
        for i in range(model.layers):
            a = rms(x) * p[f"{i}.norm_attention"]
            q, k, v = (a @ p[f"{i}.{name}"] for name in ("query", "key", "value"))
            seen = np.zeros_like(x)
            for j, head in itertools.product(range(len(row)), range(model.heads)):
                part = slice(head * size, (head + 1) * size)
                weights = np.exp(k[: j + 1, part] @ q[j, part] / np.sqrt(size))
                seen[j, part] = weights @ v[: j + 1, part] / weights.sum()
            x = x + seen @ p[f"{i}.output"]
            b = rms(x) * p[f"{i}.norm_network"]
            x = x + np.maximum(b @ p[f"{i}.up"], 0) @ p[f"{i}.down"]
        expected = rms(x) * p["norm"] @ (p["embedding"].T if model.tied else p["readout"])
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@MODELS
def test_no_prediction_sees_what_comes_later(model):
    theta, windows = problem(model, seed=7, length=model.context)
    before = model.forward(theta, windows)
    for j in range(1, model.context):
        changed = windows.copy()
        changed[:, j] = (changed[:, j] + 1) % model.n_symbols
        after = model.forward(theta, changed)
        np.testing.assert_array_equal(after[:, :j], before[:, :j])
        assert np.all(np.abs(after[:, j] - before[:, j]).max(axis=1) > 1e-6)


def test_sizes():
    model = Transformer(98)
    d, v, t = 64, 98, 64
    assert model.n_params == v * d + t * d + 2 * (12 * d * d + 2 * d) + d
    assert Transformer(98, tied=False).n_params == model.n_params + v * d
    theta = model.init(np.random.default_rng(0))
    assert theta.dtype == np.float32 and theta.shape == (model.n_params,)
    np.testing.assert_array_equal(model.pack(model.unpack(theta)), theta)
    assert all(np.shares_memory(part, theta) for part in model.unpack(theta).values())


def test_bits_of_a_uniform_model_and_by_hand():
    model = Transformer(8, 4, 1, 1, 5)
    theta = model.init(np.random.default_rng(0), np.float64)
    model.unpack(theta)["norm"][:] = 0  # all logits are zero
    symbols = np.random.default_rng(1).integers(8, size=23)
    assert model.bits(theta, symbols) == pytest.approx(3, rel=1e-12)
    theta, _ = problem(model)
    for m, stride in itertools.product((2, 5, 6, 7, 12, 13, 23), (1, 2, 3, 5)):
        text, surprise = symbols[:m], []
        for j in range(1, m):  # who predicts symbol j: the first window, or one that ends a stride
            first = model.context
            end = j if j <= first else min(m - 1, first + -(-(j - first) // stride) * stride)
            end = min(max(end, first), m - 1)
            start = max(0, end - model.context)
            logits = model.forward(theta, text[None, start:j])[0, -1]
            surprise.append(np.log2(np.exp(logits).sum()) - logits[text[j]] / np.log(2))
        assert model.bits(theta, text, stride) == pytest.approx(np.mean(surprise), rel=1e-10), (m, stride)


def test_sampling_follows_the_model():
    model = Transformer(4, 8, 1, 2, 3)
    theta, _ = problem(model)
    rng = np.random.default_rng(0)
    drawn = [model.sample(theta, [2, 1], 1, rng)[2] for _ in range(1500)]
    logits = model.forward(theta, np.array([[2, 1]]))[0, -1]
    p = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 1500, p, atol=0.05)
    again = [model.sample(theta, [0], 9, np.random.default_rng(3)) for _ in range(2)]  # beyond the context too
    np.testing.assert_array_equal(*again)
    assert len(again[0]) == 10
    cold = model.sample(theta, [2, 1], 1, rng, temperature=1e-4)
    assert cold[2] == p.argmax()


@pytest.mark.parametrize("tied", [True, False])
def test_torch_has_the_same_loss_and_gradient(tied):
    """Its own attention, norm and cross entropy, and its automatic gradient."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    model = Transformer(17, 24, 3, 4, 10, tied)
    theta, windows = problem(model, n=5)
    flat = torch.tensor(theta, requires_grad=True)
    sizes = [int(np.prod(shape)) for shape in model.shapes.values()]
    part = {name: p.reshape(shape) for (name, shape), p in zip(model.shapes.items(), flat.split(sizes), strict=True)}
    inputs, targets = torch.tensor(windows[:, :-1]), torch.tensor(windows[:, 1:])
    norm = lambda x, gain: functional.rms_norm(x, (24,), part[gain], 1e-6)
    x = part["embedding"][inputs] + part["position"]
    for i in range(3):
        a = norm(x, f"{i}.norm_attention")
        q, k, v = ((a @ part[f"{i}.{n}"]).view(5, 10, 4, 6).transpose(1, 2) for n in ("query", "key", "value"))
        seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(5, 10, 24)
        x = x + seen @ part[f"{i}.output"]
        x = x + functional.relu(norm(x, f"{i}.norm_network") @ part[f"{i}.up"]) @ part[f"{i}.down"]
    logits = norm(x, "norm") @ (part["embedding"].T if tied else part["readout"])
    expected = functional.cross_entropy(logits.reshape(50, 17), targets.reshape(50))
    expected.backward()
    loss, gradient = model.loss_and_grad(theta, windows)
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(gradient, flat.grad.numpy(), atol=1e-12)


# ------------------------------------------------------------------------------------------------ adapters


def test_a_fresh_adapter_changes_nothing_and_a_merged_one_gives_the_same_logits():
    model = Transformer(7, 8, 2, 2, 6)
    theta, windows = problem(model, length=6)
    for matrices in (("query", "value"), MATRICES):
        adapter = Adapter(model, 3, matrices, alpha=6.0)
        phi = adapter.init(np.random.default_rng(0), np.float64)
        np.testing.assert_array_equal(adapter.merge(theta, phi), theta)
        np.testing.assert_array_equal(adapter.forward(theta, phi, windows), model.forward(theta, windows))
        phi += 0.2
        merged, parts = model.unpack(adapter.merge(theta, phi)), model.unpack(theta)
        for name, (A, B) in adapter.unpack(phi).items():
            x = np.random.default_rng(1).standard_normal((4, len(A)))
            beside = x @ parts[name] + 2.0 * (x @ A) @ B
            np.testing.assert_allclose(x @ merged.pop(name), beside, rtol=1e-12)
        assert all(np.array_equal(part, parts[name]) for name, part in merged.items())
        assert not np.allclose(adapter.forward(theta, phi, windows), model.forward(theta, windows))


def test_number_of_trainable_parameters():
    model = Transformer(98)
    assert Adapter(model, 1).n_params == 2 * 2 * (64 + 64)
    assert Adapter(model, 4, MATRICES).n_params == 2 * 4 * (4 * 128 + 2 * 320)
    # GPT-3 175B, 96 layers of width 12288, query and value (Hu et al. 2021, table 4)
    assert [r * 96 * 2 * 2 * 12288 for r in (1, 8)] == [4718592, 37748736]


def test_an_adapter_of_full_rank_can_be_any_change():
    model = Transformer(7, 8, 2, 2, 6)
    theta, _ = problem(model)
    adapter = Adapter(model, 8, alpha=8.0)
    phi = adapter.init(np.random.default_rng(0), np.float64)
    wanted = np.random.default_rng(1).standard_normal((8, 8))
    for A, B in adapter.unpack(phi).values():
        B[:] = np.linalg.solve(A, wanted)
    merged, parts = model.unpack(adapter.merge(theta, phi)), model.unpack(theta)
    np.testing.assert_allclose(merged["1.value"] - parts["1.value"], wanted, rtol=1e-9)


# ------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    "sizes", [(1,), (5, 6, 1, 4), (5, 0), (5, 8, 0), (5, 8, 1, 0), (5, 8, 1, 2, 0), (5.5,), (True,)]
)
def test_bad_sizes(sizes):
    with pytest.raises(ValueError, match="must be"):
        Transformer(*sizes)


def test_bad_arguments():
    model = Transformer(7, 8, 2, 2, 6)
    theta, windows = problem(model)
    with pytest.raises(ValueError, match="context is 6"):
        model.forward(theta, windows)  # seven symbols
    with pytest.raises(ValueError, match="context is 6"):
        model.loss(theta, np.zeros((1, 8), int))
    with pytest.raises(ValueError, match="at least 2"):
        model.loss(theta, np.zeros((1, 1), int))
    with pytest.raises(ValueError, match="from 0 to 6"):
        model.loss(theta, np.full((1, 4), 7))
    with pytest.raises(ValueError, match="whole numbers"):
        model.loss(theta, np.zeros((1, 4)))
    with pytest.raises(ValueError, match="theta must have shape"):
        model.loss(theta[:-1], windows)
    with pytest.raises(ValueError, match="no parameters are called"):
        model.loss_and_parts(theta, windows, ["0.quary"])
    with pytest.raises(ValueError, match="stride must be"):
        model.bits(theta, windows[0], 0)
    with pytest.raises(ValueError, match="temperature"):
        model.sample(theta, [0], 1, np.random.default_rng(0), 0)
    with pytest.raises(ValueError, match="names and shapes"):
        model.pack({"embedding": np.zeros((7, 8))})


@pytest.mark.parametrize(
    "arguments", [(0,), (9,), (2.5,), (2, ("query", "query")), (2, ("head",)), (2, ()), (2, ("key",), 0)]
)
def test_bad_adapters(arguments):
    with pytest.raises(ValueError, match="must be"):
        Adapter(Transformer(7, 8, 2, 2, 6), *arguments)


def test_bad_phi():
    adapter = Adapter(Transformer(7, 8, 2, 2, 6), 2)
    with pytest.raises(ValueError, match="phi must have shape"):
        adapter.merge(np.zeros(adapter.model.n_params), np.zeros(3))


def test_cross_entropy_is_that_of_the_other_network():
    model = Transformer(5, 4, 1, 1, 3)
    theta, windows = problem(model)
    logits = model.forward(theta, windows[:, :-1]).reshape(-1, 5)
    linear = Network((5, 5))
    same = linear.loss(linear.pack([(np.eye(5), np.zeros(5))]), logits, windows[:, 1:].ravel())
    assert model.loss(theta, windows) == pytest.approx(same, rel=1e-12)
