"""A small transformer that predicts the next symbol, and low-rank adapters for it.

The gradient is written out by hand. Parameters are one flat vector, as in ``downhill.networks``; its precision
(float32, float64) is the precision of the computation::

    from downhill.transformer import Adapter, Transformer

    model, rng = Transformer(n_symbols=98), np.random.default_rng(0)
    theta = model.init(rng)
    windows = rng.integers(98, size=(16, model.context + 1))
    loss, gradient = model.loss_and_grad(theta, windows)  # theta's gradient
    adapter = Adapter(model, rank=4)
    phi = adapter.init(rng)
    loss, gradient = adapter.loss_and_grad(theta, phi, windows)  # the adapter's gradient only

Text to train on, a trained model and a loop that tunes it are in ``downhill.language``.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["MATRICES", "Adapter", "Transformer"]

MATRICES = ("query", "key", "value", "output", "up", "down")
_EPS = 1e-6


@dataclass(frozen=True)
class Transformer:
    """An autoregressive transformer: at each position, logits for the symbol that comes next.

    Symbol and position are embedded and added. Each layer adds to that stream, first, causal attention, and then a
    two-layer relu network four times as wide; each of both reads the stream through an RMS norm of its own
    ("pre-norm"). A last norm leads to the logits. There are no biases.

    The object holds no parameters; every method takes them as one vector ``theta`` of length ``n_params``, and
    computes in its precision. ``windows`` are arrays (n, t) of whole numbers below ``n_symbols``. A complex
    ``theta`` is accepted, so that gradients can be checked by a complex step.

    Parameters
    ----------
    n_symbols : int
        Size of the alphabet, at least 2.
    width : int
        Length of a position's vector, a multiple of ``heads``.
    layers, heads : int
    context : int
        How many symbols a prediction may see.
    tied : bool
        Whether the embedding, transposed, also makes the logits.

    Raises
    ------
    ValueError
        If a size is not a positive whole number, or ``heads`` does not divide ``width``.

    References
    ----------
    A. Vaswani et al. (2017), Attention is all you need. B. Zhang, R. Sennrich (2019), Root mean square layer
    normalization.
    """

    n_symbols: int
    width: int = 64
    layers: int = 2
    heads: int = 4
    context: int = 64
    tied: bool = True

    def __post_init__(self):
        for name, least in (("n_symbols", 2), ("width", 1), ("layers", 1), ("heads", 1), ("context", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or value != int(value) or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, got {self.width} and {self.heads}")

    @property
    def shapes(self):
        """Names and shapes of the parameters, in the order of the flat vector. A matrix is (d_in, d_out)."""
        d = self.width
        shapes = {"embedding": (self.n_symbols, d), "position": (self.context, d)}
        for i in range(self.layers):
            shapes[f"{i}.norm_attention"] = (d,)
            shapes |= {f"{i}.{name}": (d, d) for name in ("query", "key", "value", "output")}
            shapes |= {f"{i}.norm_network": (d,), f"{i}.up": (d, 4 * d), f"{i}.down": (4 * d, d)}
        shapes["norm"] = (d,)
        if not self.tied:
            shapes["readout"] = (d, self.n_symbols)
        return shapes

    @property
    def n_params(self):
        """Length of the parameter vector."""
        return sum(int(np.prod(shape)) for shape in self.shapes.values())

    def init(self, rng, dtype=np.float32):
        """Draw parameters: normal matrices with variance 1 / d_in, smaller where they add to the stream.

        Parameters
        ----------
        rng : numpy.random.Generator
        dtype : float32 or float64

        Returns
        -------
        theta : ndarray, (n_params,)
        """
        theta = np.ones(self.n_params, dtype)
        for name, part in self.unpack(theta).items():
            if part.ndim == 2:
                spread = 0.05 if name in ("embedding", "position") else 1 / np.sqrt(len(part))
                if name.endswith(("output", "down")):
                    spread /= np.sqrt(2 * self.layers)
                part[:] = spread * rng.standard_normal(part.shape)
        return theta

    def unpack(self, theta):
        """Return theta (n_params,) as a dict from name to array, in the order of ``shapes``: views, not copies."""
        theta = self._checked(theta)
        parts, start = {}, 0
        for name, shape in self.shapes.items():
            end = start + int(np.prod(shape))
            parts[name] = theta[start:end].reshape(shape)
            start = end
        return parts

    def pack(self, parts):
        """Return the vector (n_params,) of a dict from name to array; undoes ``unpack``."""
        if {name: np.shape(part) for name, part in parts.items()} != self.shapes:
            raise ValueError(f"parts must have the names and shapes {self.shapes}")
        return np.concatenate([np.ravel(parts[name]) for name in self.shapes])

    def forward(self, theta, windows):
        """Return the logits (n, t, n_symbols): row i, position j sees the symbols 0 … j of row i."""
        windows = self._checked_windows(windows, self.context)
        return self._forward(self.unpack(theta), windows)[0].reshape(*windows.shape, self.n_symbols)

    def loss(self, theta, windows):
        """Return the mean loss, in nats, of predicting windows[:, 1:] from what stands before, a number.

        Parameters
        ----------
        theta : ndarray, (n_params,)
        windows : array_like of int, (n, t)
            2 ≤ t ≤ context + 1.
        """
        windows = self._checked_windows(windows, self.context + 1, least=2)
        logits = self._forward(self.unpack(theta), windows[:, :-1])[0]
        return np.mean(_surprise(logits, windows[:, 1:].ravel()))

    def loss_and_grad(self, theta, windows):
        """Return the mean loss and its gradient (n_params,), by backpropagation."""
        loss, parts = self.loss_and_parts(theta, windows)
        return loss, self.pack(parts)

    def loss_and_parts(self, theta, windows, names=None):
        """Return the mean loss, and its gradient by the parameters in ``names`` as a dict from name to array.

        Parameters
        ----------
        theta, windows
            As for ``loss``.
        names : iterable of str, optional
            By default all. Fewer cost less: what is not asked for is not computed.

        Raises
        ------
        ValueError
            If a name is not in ``shapes``.
        """
        names = set(self.shapes) if names is None else set(names)
        if unknown := names - set(self.shapes):
            raise ValueError(f"no parameters are called {sorted(unknown)}; there are {list(self.shapes)}")
        windows = self._checked_windows(windows, self.context + 1, least=2)
        return self._loss_and_parts(self.unpack(theta), windows[:, :-1], windows[:, 1:].ravel(), names)

    def bits(self, theta, symbols, stride=None):
        """Return the bits per character of a text: the mean of −log₂ p(symbol | up to ``context`` before it).

        The text is cut into windows at fixed places, so the number is the same every time. A window advances by
        ``stride`` symbols and scores these, so that each symbol but the first few is predicted from at least
        context − stride others. The very first symbol is not scored.

        Parameters
        ----------
        theta : ndarray, (n_params,)
        symbols : array_like of int, (m,)
            At least two.
        stride : int, optional
            From 1 to ``context``; by default half the context. A smaller one costs more and gives a little less.

        Returns
        -------
        float
        """
        stride = (self.context + 1) // 2 if stride is None else stride
        if not 1 <= stride <= self.context:
            raise ValueError(f"stride must be from 1 to {self.context}, got {stride}")
        symbols = self._checked_windows(np.asarray(symbols)[None], None, least=2)[0]
        parts, total = self.unpack(theta), 0.0
        first = symbols[: self.context + 1]  # scored in full
        total += float(_surprise(self._forward(parts, first[None, :-1])[0], first[1:]).sum())
        scored = len(first)
        starts = np.arange(scored + stride - self.context - 1, len(symbols) - self.context, stride)
        for block in np.array_split(starts, max(1, -(-len(starts) // 32))):
            if len(block):
                windows = symbols[block[:, None] + np.arange(self.context + 1)]
                surprise = _surprise(self._forward(parts, windows[:, :-1])[0], windows[:, 1:].ravel())
                total += float(surprise.reshape(len(block), -1)[:, -stride:].sum())
        scored += stride * len(starts)
        if scored < len(symbols):  # the rest, shorter than a stride
            window = symbols[-self.context - 1 :]
            surprise = _surprise(self._forward(parts, window[None, :-1])[0], window[1:])
            total += float(surprise[scored - len(symbols) :].sum())
        return total / (len(symbols) - 1) / np.log(2)

    def sample(self, theta, symbols, length, rng, temperature=1.0):
        """Return symbols (m + length,): the given ones, at least one, and a drawn continuation.

        Parameters
        ----------
        theta : ndarray, (n_params,)
        symbols : array_like of int, (m,)
            How the text begins.
        length : int
            How many symbols to draw.
        rng : numpy.random.Generator
        temperature : float
            Divides the logits; below 1 the likely symbols become likelier.
        """
        if not temperature > 0:
            raise ValueError(f"temperature must be positive, got {temperature}")
        symbols = list(self._checked_windows(np.asarray(symbols)[None], None)[0])
        parts = self.unpack(theta)
        for _ in range(length):
            logits = self._forward(parts, np.array(symbols[-self.context :])[None])[0][-1].astype(float)
            logits = logits / temperature
            # The largest of the logits plus Gumbel noise is a draw from their softmax.
            symbols.append(int(np.argmax(logits + rng.gumbel(size=len(logits)))))
        return np.array(symbols)

    # ------------------------------------------------------------------------------------------ the computation

    def _forward(self, parts, windows):
        """Return the logits (n·t, n_symbols) and what the backward pass needs."""
        n, t = windows.shape
        d, size = self.width, self.width // self.heads
        x = (parts["embedding"][windows] + parts["position"][:t]).reshape(n * t, d)
        unseen = np.tril(np.full((t, t), -np.inf, x.real.dtype), -1)  # a key after the query
        scale = x.real.dtype.type(1 / np.sqrt(size))
        memory = []
        for i in range(self.layers):
            norm1, root1 = _normalise(x)
            a = norm1 * parts[f"{i}.norm_attention"]
            q, k, v = (
                (a @ parts[f"{i}.{name}"]).reshape(n, t, self.heads, size).swapaxes(1, 2)
                for name in ("query", "key", "value")
            )
            q = q * scale
            # Keys along the last axis but one, queries along the last: the maximum is three times faster so.
            weights = k @ q.swapaxes(2, 3)
            weights += unseen
            weights -= weights.real.max(axis=2, keepdims=True)
            np.exp(weights, out=weights)
            weights /= np.einsum("nhkq->nhq", weights)[:, :, None]
            seen = (weights.swapaxes(2, 3) @ v).swapaxes(1, 2).reshape(n * t, d)
            x = x + seen @ parts[f"{i}.output"]
            norm2, root2 = _normalise(x)
            b = norm2 * parts[f"{i}.norm_network"]
            hidden = _relu(b @ parts[f"{i}.up"])
            x = x + hidden @ parts[f"{i}.down"]
            memory.append((norm1, root1, a, q, k, v, weights, seen, norm2, root2, b, hidden))
        norm, root = _normalise(x)
        f = norm * parts["norm"]
        logits = f @ (parts["embedding"].T if self.tied else parts["readout"])
        return logits, (memory, norm, root, f)

    def _loss_and_parts(self, parts, windows, targets, names):
        n, t = windows.shape
        logits, (memory, norm, root, f) = self._forward(parts, windows)
        rows = np.arange(n * t)
        logits -= logits.real.max(axis=1, keepdims=True)
        right = logits[rows, targets]
        slope = np.exp(logits, out=logits)
        total = np.einsum("ij->i", slope)
        loss = (np.log(total) - right).mean()
        slope /= (n * t * total)[:, None]
        slope[rows, targets] -= slope.real.dtype.type(1 / (n * t))
        grads = {}
        # A name that starts with d is the derivative of the loss by what the name says.
        if self.tied:
            df = slope @ parts["embedding"]
            if "embedding" in names:
                grads["embedding"] = slope.T @ f
        else:
            df = slope @ parts["readout"].T
            if "readout" in names:
                grads["readout"] = f.T @ slope
        if "norm" in names:
            grads["norm"] = np.einsum("ij,ij->j", df, norm)
        dx = _back_normalise(df * parts["norm"], norm, root)
        embedded = bool(names & {"embedding", "position"})
        lowest = min((int(name.partition(".")[0]) for name in names if "." in name), default=self.layers)
        for i in range(self.layers - 1, -1 if embedded else lowest - 1, -1):
            self._back_layer(i, parts, memory[i], dx, grads, names, n, t)
        if embedded:
            if "position" in names:
                grads["position"] = np.zeros_like(parts["position"])
                grads["position"][:t] = np.einsum("ntd->td", dx.reshape(n, t, -1))
            if "embedding" in names:
                chosen = np.zeros((n * t, self.n_symbols), dx.dtype)
                chosen[rows, windows.ravel()] = 1
                inner = chosen.T @ dx
                grads["embedding"] = grads["embedding"] + inner if self.tied else inner
        return loss, grads

    def _back_layer(self, i, parts, memory, dx, grads, names, n, t):
        """Turn dx, by the stream above layer i, into that below it, in place, and note the layer's gradients."""
        norm1, root1, a, q, k, v, weights, seen, norm2, root2, b, hidden = memory
        d, size = self.width, self.width // self.heads
        scale = dx.real.dtype.type(1 / np.sqrt(size))

        def note(name, left, right):
            if f"{i}.{name}" in names:
                grads[f"{i}.{name}"] = left.T @ right

        note("down", hidden, dx)
        dhidden = dx @ parts[f"{i}.down"].T
        dhidden *= hidden.real > 0
        note("up", b, dhidden)
        db = dhidden @ parts[f"{i}.up"].T
        if f"{i}.norm_network" in names:
            grads[f"{i}.norm_network"] = np.einsum("ij,ij->j", db, norm2)
        dx += _back_normalise(db * parts[f"{i}.norm_network"], norm2, root2)

        note("output", seen, dx)
        dseen = (dx @ parts[f"{i}.output"].T).reshape(n, t, self.heads, size).swapaxes(1, 2)
        dv = weights @ dseen
        dweights = v @ dseen.swapaxes(2, 3)
        dweights -= np.einsum("nhkq,nhkq->nhq", dweights, weights)[:, :, None]
        dweights *= weights
        dq = dweights.swapaxes(2, 3) @ k
        dq *= scale
        dk = dweights @ q
        da = 0
        for name, part in (("query", dq), ("key", dk), ("value", dv)):
            part = part.swapaxes(1, 2).reshape(n * t, d)
            note(name, a, part)
            da = da + part @ parts[f"{i}.{name}"].T
        if f"{i}.norm_attention" in names:
            grads[f"{i}.norm_attention"] = np.einsum("ij,ij->j", da, norm1)
        dx += _back_normalise(da * parts[f"{i}.norm_attention"], norm1, root1)

    def _checked(self, theta):
        theta = np.asarray(theta)
        if theta.shape != (self.n_params,):
            raise ValueError(f"theta must have shape ({self.n_params},), got {theta.shape}")
        return theta if theta.dtype.kind in "fc" else theta.astype(np.float32)

    def _checked_windows(self, windows, most, least=1):
        windows = np.asarray(windows)
        if windows.ndim != 2 or windows.dtype.kind not in "iu":
            raise ValueError(f"symbols must be whole numbers in rows of equal length, got {windows.dtype} "
                             f"of shape {windows.shape}")  # fmt: skip
        if len(windows) < 1 or windows.shape[1] < least:
            raise ValueError(f"a window must hold at least {least} symbols, got shape {windows.shape}")
        if most is not None and windows.shape[1] > most:
            raise ValueError(f"a window holds at most {most} symbols (the context is {self.context}), "
                             f"got {windows.shape[1]}")  # fmt: skip
        if windows.min() < 0 or windows.max() >= self.n_symbols:
            raise ValueError(f"symbols must be from 0 to {self.n_symbols - 1}, "
                             f"got {windows.min()} to {windows.max()}")  # fmt: skip
        return windows


@dataclass(frozen=True)
class Adapter:
    """Low-rank adapters: chosen matrices W (d_in, d_out) become W + (alpha / rank) A B, and only A, B are trained.

    A is (d_in, rank), B is (rank, d_out). The parameters ``phi`` are one vector of length ``n_params``: A row by
    row and then B, matrix after matrix. (Hu et al. write column vectors; their B A is our A B, transposed.)

    Parameters
    ----------
    model : Transformer
    rank : int
        From 1 to the smaller side of every chosen matrix.
    matrices : tuple of str
        Which, in every layer, out of query, key, value, output, up and down.
    alpha : float
        Size of the change, positive.

    Raises
    ------
    ValueError
        If rank, matrices or alpha are not of this kind.

    References
    ----------
    E. J. Hu et al. (2021), LoRA: Low-rank adaptation of large language models.
    """

    model: Transformer
    rank: int
    matrices: tuple[str, ...] = ("query", "value")
    alpha: float = 8.0

    def __post_init__(self):
        object.__setattr__(self, "matrices", tuple(self.matrices))
        if not self.matrices or set(self.matrices) - set(MATRICES) or len(set(self.matrices)) < len(self.matrices):
            raise ValueError(f"matrices must be some of {MATRICES}, each once, got {self.matrices}")
        most = min(min(shape) for shape in self._adapted().values())
        if isinstance(self.rank, bool) or self.rank != int(self.rank) or not 1 <= self.rank <= most:
            raise ValueError(f"rank must be a whole number from 1 to {most}, got {self.rank!r}")
        if not (np.isfinite(self.alpha) and self.alpha > 0):
            raise ValueError(f"alpha must be positive, got {self.alpha!r}")

    def _adapted(self):
        shapes = self.model.shapes
        return {f"{i}.{name}": shapes[f"{i}.{name}"] for i in range(self.model.layers) for name in self.matrices}

    @property
    def n_params(self):
        """Length of phi: rank (d_in + d_out), summed over the adapted matrices."""
        return sum(self.rank * sum(shape) for shape in self._adapted().values())

    def init(self, rng, dtype=np.float32):
        """Draw phi (n_params,): A normal with variance 1 / d_in, B zero, so that nothing has changed yet."""
        phi = np.zeros(self.n_params, dtype)
        for A, _ in self.unpack(phi).values():
            A[:] = rng.standard_normal(A.shape) / np.sqrt(len(A))
        return phi

    def unpack(self, phi):
        """Return phi as a dict from the matrix's name to (A (d_in, rank), B (rank, d_out)): views, not copies."""
        phi = np.asarray(phi)
        if phi.shape != (self.n_params,):
            raise ValueError(f"phi must have shape ({self.n_params},), got {phi.shape}")
        pairs, start = {}, 0
        for name, (d_in, d_out) in self._adapted().items():
            middle, end = start + d_in * self.rank, start + (d_in + d_out) * self.rank
            pairs[name] = phi[start:middle].reshape(d_in, self.rank), phi[middle:end].reshape(self.rank, d_out)
            start = end
        return pairs

    def merge(self, theta, phi):
        """Return a copy of theta (n_params,) into whose matrices the adapters are added."""
        merged = np.array(theta, np.result_type(theta, phi))
        parts = self.model.unpack(merged)
        for name, (A, B) in self.unpack(phi).items():
            parts[name] += merged.real.dtype.type(self.alpha / self.rank) * (A @ B)
        return merged

    def forward(self, theta, phi, windows):
        """Return the logits (n, t, n_symbols) of the adapted model: xW + (alpha/rank)(xA)B."""
        return self.model.forward(self.merge(theta, phi), windows)

    def loss(self, theta, phi, windows):
        """Return the mean loss of the adapted model, as ``Transformer.loss``."""
        return self.model.loss(self.merge(theta, phi), windows)

    def loss_and_grad(self, theta, phi, windows):
        """Return the mean loss and its gradient by phi (n_params,): theta is frozen.

        By the chain rule, from dW, the gradient by an adapted matrix: dA = s dW Bᵀ and dB = s Aᵀ dW with
        s = alpha / rank.
        """
        pairs = self.unpack(phi)
        loss, dW = self.model.loss_and_parts(self.merge(theta, phi), windows, pairs)
        gradient = np.empty(self.n_params, next(iter(dW.values())).dtype)
        scale = gradient.real.dtype.type(self.alpha / self.rank)
        for name, (dA, dB) in self.unpack(gradient).items():
            A, B = pairs[name]
            dA[:] = scale * (dW[name] @ B.T)
            dB[:] = scale * (A.T @ dW[name])
        return loss, gradient


def _relu(x):
    return np.maximum(x, 0, out=x) if x.dtype.kind == "f" else x * (x.real > 0)


def _normalise(x):
    """Return x with every row divided by its root mean square, and the reciprocal of that (n, 1)."""
    root = 1 / np.sqrt(np.einsum("ij,ij->i", x, x) / x.shape[1] + _EPS)[:, None]
    root = root.astype(x.dtype, copy=False)
    return x * root, root


def _back_normalise(dnorm, norm, root):
    """Return the derivative by x, given the one by norm = x · root."""
    along = (np.einsum("ij,ij->i", dnorm, norm) / norm.shape[1])[:, None].astype(norm.dtype, copy=False)
    return root * (dnorm - norm * along)


def _surprise(logits, targets):
    """Return −log softmax(logits)[target] for every row."""
    shifted = logits - logits.real.max(axis=1, keepdims=True)
    return np.log(np.einsum("ij->i", np.exp(shifted))) - shifted[np.arange(len(targets)), targets]
