"""A small fully connected network whose parameters are one flat vector, and the digits to train it on.

The gradient and the Hessian-vector product are written out by hand::

    from downhill.networks import Network, digits

    X, y, X_test, y_test = digits(1000)
    net = Network((64, 16, 10))
    theta = net.init(np.random.default_rng(0))
    for _ in range(100):
        theta = theta - 0.5 * net.grad(theta, X, y)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from downhill.annotations import Array, ArrayLike
from downhill.arguments import finite_array, generator, not_negative, one_of, whole

__all__ = ["Network", "all_digits", "digits", "sharpness"]

# For each activation: its value at z, and its first and second derivative written in its value a.
# The sigmoid is written with tanh, which neither overflows nor refuses a complex number.
_ACTIVATIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "tanh": (np.tanh, lambda a: 1 - a * a, lambda a: -2 * a * (1 - a * a)),
    "sigmoid": (
        lambda z: 0.5 + 0.5 * np.tanh(0.5 * z),
        lambda a: a * (1 - a),
        lambda a: a * (1 - a) * (1 - 2 * a),
    ),
    "relu": (lambda z: np.where(z.real > 0, z, 0), lambda a: a.real > 0, np.zeros_like),
    "linear": (lambda z: z, np.ones_like, np.zeros_like),
}
_OBJECTIVES = ("cross_entropy", "mse")


@dataclass(frozen=True)
class Network:
    """A fully connected network: layers of z = aW + b, with one activation between them.

    The last layer has no activation: its outputs are logits for cross entropy, values for the squared error.
    The object holds no parameters; every method takes them as one vector ``theta`` of length ``n_params``,
    which holds W (n_in, n_out) row by row and then b (n_out,), layer after layer.

    In the methods below X is (n, sizes[0]). For cross entropy y is (n,), whole numbers from 0 to
    sizes[-1] − 1; for the squared error it is (n, sizes[-1]), or (n,) if there is a single output. They raise
    ValueError if theta, X or y has another shape or is not finite, or if a label is out of range.

    A complex ``theta`` is accepted by ``forward``, ``loss`` and ``grad``, so that both derivatives can be
    checked by a complex step.

    Parameters
    ----------
    sizes : tuple of int
        Width of the input, of each hidden layer, and of the output. Two sizes make a linear model.
    activation : {"tanh", "relu", "sigmoid", "linear"}
        Of the hidden layers. The derivative of relu at 0 is taken as 0.
    objective : {"cross_entropy", "mse"}
        The loss, a mean over the rows: −log softmax(logits)[label], in nats, or ½ ‖output − y‖².

    Raises
    ------
    ValueError
        If the sizes, the activation or the objective are not of this kind.
    """

    sizes: tuple[int, ...] = (64, 16, 10)
    activation: str = "tanh"
    objective: str = "cross_entropy"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(whole("each of the sizes", size, 1) for size in self.sizes))
        if len(self.sizes) < 2:
            raise ValueError(f"sizes must be at least two, of the input and of the output, got {self.sizes}")
        one_of("activation", self.activation, _ACTIVATIONS)
        one_of("objective", self.objective, _OBJECTIVES)
        if self.objective == "cross_entropy" and self.sizes[-1] < 2:
            raise ValueError("cross entropy needs at least two outputs, one for each class")

    @property
    def n_params(self) -> int:
        """Length of the parameter vector."""
        return sum((n_in + 1) * n_out for n_in, n_out in pairwise(self.sizes))

    def init(self, rng: np.random.Generator, scale: float | None = None) -> Array:
        """Draw parameters: normal weights of mean 0, biases of 0.

        Parameters
        ----------
        rng : numpy.random.Generator
            The source of randomness.
        scale : float, optional
            Standard deviation of the weights of every layer. By default it is chosen for each layer:
            √(2 / n_in) for relu (He et al. 2015), √(2 / (n_in + n_out)) otherwise (Glorot & Bengio 2010).

        Returns
        -------
        theta : ndarray, (n_params,)
        """
        layers, rng = [], generator("rng", rng)
        scale = None if scale is None else not_negative("scale", scale)
        for n_in, n_out in pairwise(self.sizes):
            fan = n_in if self.activation == "relu" else n_in + n_out
            spread = np.sqrt(2 / fan) if scale is None else scale
            layers.append((spread * rng.standard_normal((n_in, n_out)), np.zeros(n_out)))
        return self.pack(layers)

    def unpack(self, theta: ArrayLike) -> list[tuple[Array, Array]]:
        """Return theta (n_params,) as a list of (W (n_in, n_out), b (n_out,)): views, not copies."""
        return _split(self._checked(theta), self.sizes)

    def pack(self, layers: Sequence[tuple[ArrayLike, ArrayLike]]) -> Array:
        """Return the vector (n_params,) of a list of (W (n_in, n_out), b (n_out,)); undoes ``unpack``."""
        shapes = [(np.shape(W), np.shape(b)) for W, b in layers]
        wanted = [((n_in, n_out), (n_out,)) for n_in, n_out in pairwise(self.sizes)]
        if shapes != wanted:
            raise ValueError(f"layers must have the shapes {wanted}, got {shapes}")
        return np.concatenate([np.ravel(part) for layer in layers for part in layer])

    def forward(self, theta: ArrayLike, X: ArrayLike) -> Array:
        """Return the outputs (n, sizes[-1]): logits for cross entropy, values for the squared error."""
        return self._layers(self._checked(theta), self._checked_inputs(X))[-1]

    def loss(self, theta: ArrayLike, X: ArrayLike, y: ArrayLike) -> float:
        """Return the mean loss over the rows, a number."""
        theta, X, y = self._checked(theta), self._checked_inputs(X), self._checked_targets(X, y)
        return self._loss_and_slope(self._layers(theta, X)[-1], y)[0]

    def grad(self, theta: ArrayLike, X: ArrayLike, y: ArrayLike) -> Array:
        """Return the gradient (n_params,) of the mean loss."""
        return self.loss_and_grad(theta, X, y)[1]

    def loss_and_grad(self, theta: ArrayLike, X: ArrayLike, y: ArrayLike) -> tuple[float, Array]:
        """Return the mean loss and its gradient (n_params,), by backpropagation."""
        theta, X, y = self._checked(theta), self._checked_inputs(X), self._checked_targets(X, y)
        slope_of = _ACTIVATIONS[self.activation][1]
        layers = _split(theta, self.sizes)
        outputs = self._layers(theta, X)
        loss, delta = self._loss_and_slope(outputs[-1], y)
        gradient = np.empty(self.n_params, delta.dtype)
        slots = _split(gradient, self.sizes)
        # delta is the derivative of the loss by z, the input of a layer's activation.
        for k in reversed(range(len(layers))):
            slots[k][0][:] = outputs[k].T @ delta
            slots[k][1][:] = np.einsum("ij->j", delta)
            if k > 0:
                delta = delta @ layers[k][0].T * slope_of(outputs[k])
        return loss, gradient

    def hvp(self, theta: ArrayLike, X: ArrayLike, y: ArrayLike, v: ArrayLike) -> Array:
        """Return the exact product of the Hessian of the mean loss with v, without forming the Hessian.

        The gradient's own computation is differentiated along v (the R-operator), at two to three times its
        cost.

        Parameters
        ----------
        theta, X, y
            As everywhere; theta real.
        v : array_like, (n_params,) or (n_params, k)
            One direction, or k of them as columns; the memory grows with k.

        Returns
        -------
        ndarray
            Of the shape of v.

        References
        ----------
        B. A. Pearlmutter (1994), Fast exact multiplication by the Hessian, Neural Computation 6.
        """
        theta, X, y = self._checked(theta), self._checked_inputs(X), self._checked_targets(X, y)
        v = np.asarray(v, dtype=float)
        if v.ndim not in (1, 2) or len(v) != self.n_params:
            raise ValueError(f"v must have shape ({self.n_params},) or ({self.n_params}, k), got {v.shape}")
        _, slope_of, bend_of = _ACTIVATIONS[self.activation]
        layers = _split(theta, self.sizes)
        # The k directions are a leading axis; a name that starts with d is a derivative along them.
        d_layers = _split(np.ascontiguousarray(np.atleast_2d(v.T)), self.sizes)

        outputs = self._layers(theta, X)
        d_outputs, d_inputs = [np.zeros((1, 1, X.shape[1]))], [np.empty(0)]  # X is no layer's output
        for k, ((W, _), (dW, db)) in enumerate(zip(layers, d_layers, strict=True)):
            dz = outputs[k] @ dW + db[:, None, :]
            if k > 0:
                dz += d_outputs[k] @ W
            d_inputs.append(dz)
            d_outputs.append(slope_of(outputs[k + 1]) * dz if k + 1 < len(layers) else dz)

        delta = self._loss_and_slope(outputs[-1], y)[1]
        d_delta = d_outputs[-1] / len(X)
        if self.objective == "cross_entropy":
            p = _softmax(outputs[-1])
            d_delta = p * (d_delta - (p * d_delta).sum(axis=-1, keepdims=True))

        product = np.empty((len(d_delta), self.n_params))
        slots = _split(product, self.sizes)
        for k in reversed(range(len(layers))):
            slots[k][0][:] = outputs[k].T @ d_delta
            slots[k][1][:] = d_delta.sum(axis=1)
            if k > 0:
                slots[k][0][:] += d_outputs[k].swapaxes(1, 2) @ delta
                (W, _), (dW, _) = layers[k], d_layers[k]
                back, slope = delta @ W.T, slope_of(outputs[k])
                d_back = d_delta @ W.T + delta @ dW.swapaxes(1, 2)
                d_delta = d_back * slope + back * bend_of(outputs[k]) * d_inputs[k]
                delta = back * slope
        return product[0] if v.ndim == 1 else product.T

    def hess(self, theta: ArrayLike, X: ArrayLike, y: ArrayLike) -> Array:
        """Return the Hessian (n_params, n_params) of the mean loss, symmetric; meant for small networks."""
        X = self._checked_inputs(X)
        identity = np.eye(self.n_params)
        # So many columns at a time that an intermediate array stays near 16 MB.
        block = max(1, 2_000_000 // (len(X) * max(self.sizes)))
        starts = range(0, self.n_params, block)
        columns = [self.hvp(theta, X, y, identity[:, start : start + block]) for start in starts]
        hessian = np.concatenate(columns, axis=1)
        return (hessian + hessian.T) / 2

    def accuracy(self, theta: ArrayLike, X: ArrayLike, y: ArrayLike) -> float:
        """Return the share of rows whose largest output is the one of the label y (n,)."""
        outputs = self.forward(theta, X)
        return float(np.mean(outputs.argmax(axis=1) == _labels(y, *outputs.shape)))

    def _layers(self, theta: Array, X: Array) -> list[Array]:
        """Return X and the output of every layer after it."""
        activate = _ACTIVATIONS[self.activation][0]
        outputs = [X]
        for W, b in _split(theta, self.sizes):
            z = outputs[-1] @ W
            z += b
            outputs.append(activate(z) if len(outputs) + 1 < len(self.sizes) else z)
        return outputs

    def _loss_and_slope(self, outputs: Array, y: Array) -> tuple[Any, Array]:
        """Return the mean loss and its derivative by the outputs."""
        n = len(outputs)
        if self.objective == "mse":
            residuals = outputs - y
            return 0.5 * (residuals * residuals).sum() / n, residuals / n
        rows = np.arange(n)
        # Along a short axis a maximum is faster in column order, and a sum by einsum: three times here.
        shifted = outputs - np.asfortranarray(outputs.real).max(axis=1)[:, None]
        slope = np.exp(shifted)
        total = np.einsum("ij->i", slope)
        loss = (np.log(total).sum() - shifted[rows, y].sum()) / n
        slope /= (n * total)[:, None]
        slope[rows, y] -= 1 / n
        return loss, slope

    def _checked(self, theta: ArrayLike) -> Array:
        theta = np.asarray(theta)
        if theta.shape != (self.n_params,):
            raise ValueError(f"theta must have shape ({self.n_params},) for {self.sizes}, got {theta.shape}")
        if not np.isfinite(theta).all():
            raise ValueError("theta holds values that are not finite: has a descent diverged?")
        return theta if theta.dtype.kind in "fc" else theta.astype(float)

    def _checked_inputs(self, X: ArrayLike) -> Array:
        X = finite_array("X", X)
        if X.ndim != 2 or len(X) == 0 or X.shape[1] != self.sizes[0]:
            raise ValueError(f"X must have shape (n, {self.sizes[0]}) with n at least 1, got {X.shape}")
        return X

    def _checked_targets(self, X: Array, y: ArrayLike) -> Array:
        n, n_out = len(X), self.sizes[-1]
        if self.objective == "cross_entropy":
            return _labels(y, n, n_out)
        y = finite_array("y", y)
        if y.shape == (n,) and n_out == 1:
            y = y[:, None]
        if y.shape != (n, n_out):
            raise ValueError(f"y must have shape ({n}, {n_out}), got {y.shape}")
        return y


def sharpness(
    net: Network,
    theta: ArrayLike,
    X: ArrayLike,
    y: ArrayLike,
    *,
    v0: ArrayLike | None = None,
    tol: float = 1e-06,
    return_vector: bool = False,
) -> float | tuple[float, Array]:
    """Return the largest eigenvalue of the Hessian of the mean loss, by the Lanczos method.

    Only Hessian-vector products are used. The eigenvalue is the largest in sign, not in magnitude.

    Parameters
    ----------
    net : Network
        The network.
    theta, X, y
        As in its methods; theta real.
    v0 : array_like, (n_params,), optional
        Where to start, such as the eigenvector of a nearby theta. By default one random vector, the same
        in every call.
    tol : float
        Relative accuracy of the eigenvalue.
    return_vector : bool
        Whether to return the eigenvector too.

    Returns
    -------
    eigenvalue : float
    vector : ndarray, (n_params,)
        Of length 1, of either sign; only if asked for.

    Raises
    ------
    ValueError
        If theta, X, y or v0 has a wrong shape or is not finite.
    scipy.sparse.linalg.ArpackNoConvergence
        If the iteration does not converge.
    """
    p = net.n_params
    if v0 is None:
        v0 = np.random.default_rng(0).standard_normal(p)
    v0 = finite_array("v0", v0)
    if v0.shape != (p,) or not v0.any():
        raise ValueError(f"v0 must be a vector of shape ({p},) that is not zero, got shape {v0.shape}")
    operator = LinearOperator((p, p), matvec=lambda v: net.hvp(theta, X, y, v.ravel()), dtype=float)
    values, vectors = eigsh(operator, k=1, which="LA", v0=v0, tol=tol)
    return (float(values[0]), vectors[:, 0]) if return_vector else float(values[0])


def digits(n: int | None = None) -> tuple[Array, Array, Array, Array]:
    """Return scikit-learn's handwritten digits, shuffled and split; nothing is downloaded.

    1797 images of 8 by 8 pixels; 397 of them are the test set. The order is the same in every call and for every n.

    Parameters
    ----------
    n : int, optional
        Number of training images, from 1 to 1400; by default all 1400. A smaller set is the beginning of a
        larger one.

    Returns
    -------
    X_train : ndarray, (n, 64)
        Pixels, scaled from 0…16 to 0…1.
    y_train : ndarray of int, (n,)
        The digit, 0 to 9.
    X_test, y_test : ndarray, (397, 64) and (397,)
        The same for the test set.

    Raises
    ------
    ValueError
        If n is not from 1 to 1400.
    """
    X, y = all_digits()
    order = np.random.default_rng(0).permutation(len(X))
    test, train = order[:397], order[397:]
    n = len(train) if n is None else whole("n", n, 1, len(train))
    return X[train[:n]] / 16, y[train[:n]], X[test] / 16, y[test]


@cache
def all_digits() -> tuple[Array, Array]:
    """Return scikit-learn's digits, 0 to 16 a pixel, as arrays (1797, 64) and (1797,) that cannot be changed."""
    # Its own file: importing scikit-learn takes two seconds, and the networks need nothing else of it.
    if (package := find_spec("sklearn")) is None or package.origin is None:
        raise ModuleNotFoundError("the digits come with scikit-learn: python -m pip install scikit-learn")
    table = np.loadtxt(Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    X, y = table[:, :-1].copy(), table[:, -1].astype(int)
    X.setflags(write=False)
    y.setflags(write=False)
    return X, y


def _split(flat: Array, sizes: tuple[int, ...]) -> list[tuple[Array, Array]]:
    """Return views (W, b) of each layer into a flat array (..., n_params)."""
    layers, start = [], 0
    for n_in, n_out in pairwise(sizes):
        middle, end = start + n_in * n_out, start + (n_in + 1) * n_out
        W = flat[..., start:middle].reshape(*flat.shape[:-1], n_in, n_out)
        layers.append((W, flat[..., middle:end]))
        start = end
    return layers


def _softmax(logits: Array) -> Array:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _labels(y: ArrayLike, n: int, n_classes: int) -> Array:
    """Return y as an integer array (n,) with values from 0 to n_classes − 1."""
    y = np.asarray(y)
    if y.shape != (n,):
        raise ValueError(f"y must hold one label for each of the {n} rows, got shape {y.shape}")
    if y.dtype.kind not in "iu":
        raise ValueError(f"labels must be whole numbers, got an array of {y.dtype}")
    if y.min() < 0 or y.max() >= n_classes:
        raise ValueError(f"labels must be from 0 to {n_classes - 1}, got {y.min()} to {y.max()}")
    return y
