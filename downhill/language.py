"""The course's own text, a model trained on it, and a loop that tunes the model on other text.

The model is a ``downhill.transformer.Transformer`` of characters::

    from downhill.language import FineTuning, course_text, load_base

    model, theta, alphabet, about = load_base()  # trained on the course's prose
    code = {split: alphabet.encode(text) for split, text in course_text("code").items()}
    run = FineTuning(model, theta, code["train"], {"learning_rate": 1e-2, "rank": 4})
    run.train(20_000)  # so many characters
    run.bits(code["validation"])  # bits per character
"""

import hashlib
import json
from importlib.resources import files
from pathlib import Path

import numpy as np

from downhill.optimizers import adamw
from downhill.transformer import Adapter, Transformer

__all__ = ["Alphabet", "FineTuning", "course_text", "draw_windows", "load_base", "load_runs", "save_base"]

TABLES = files("downhill") / "tables"
# The snapshot of the course's own text, without what solutions say; the stored model belongs to it.
TEXT_SHA256 = {
    "prose": "3dd9009f5e5f42aebf3e4d84e2ac354f3fb471e8d699e143a7a3294306d1fcbf",
    "code": "68561ac3cd1fb6259980b8d50aa08769aea972a1e173e5f861cf927cf8830e9b",
}
_SPLITS = ("train", "validation", "test")


class FineTuning:
    """A run that tunes a model on a text, and can be stopped and taken up again.

    Each step draws a batch of windows and takes a step of AdamW. The step size rises linearly over the first
    ``warmup`` symbols and is constant from there, so that a run does not depend on how long it is meant to become.

    Parameters
    ----------
    model : Transformer
    theta : ndarray, (n_params,)
        Where it starts; it is left as it is.
    symbols : ndarray, (m,)
        The text to tune on.
    config : dict
        "learning_rate", and optionally "rank" (0, the default, tunes all of theta; otherwise an adapter of this
        rank), "batch" (windows a step, 16), "warmup" (symbols, 0), "weight_decay" (0), "bias_correction" (True),
        "matrices" and "alpha" (as for ``Adapter``).
    seed : int
        Decides the adapter's start and the batches.

    Attributes
    ----------
    seen, steps : int
        Symbols predicted so far, and steps taken.
    n_params : int
        How many numbers are trained.

    Raises
    ------
    ValueError
        For an unknown name in config, or a value that the adapter or AdamW refuses.
    """

    def __init__(self, model, theta, symbols, config, seed=0):
        defaults = {"rank": 0, "batch": 16, "warmup": 0, "weight_decay": 0.0, "bias_correction": True,
                    "matrices": ("query", "value"), "alpha": 8.0}  # fmt: skip
        if unknown := set(config) - {"learning_rate", *defaults}:
            raise ValueError(f"a configuration does not know {sorted(unknown)}")
        self.config = defaults | dict(config)
        if not self.config["learning_rate"] > 0 or self.config["batch"] < 1 or self.config["warmup"] < 0:
            raise ValueError(f"learning_rate and batch must be positive, warmup at least 0, got {config}")
        # Linux gives freed memory back and takes it anew at every step, which doubles the time; once an array of this
        # size has been freed, it keeps as much.
        np.empty(31_000_000, np.uint8)
        self.model, self._base, self._symbols = model, theta, symbols
        self._rng = np.random.default_rng(seed)
        rank = self.config["rank"]
        self.adapter = Adapter(model, rank, self.config["matrices"], self.config["alpha"]) if rank else None
        self._x = self.adapter.init(self._rng, theta.dtype) if rank else theta.copy()
        self.n_params = len(self._x)
        rule = adamw(weight_decay=self.config["weight_decay"], bias_correction=self.config["bias_correction"])
        self._rule, self._state = rule, rule.init(self._x)
        self.seen = self.steps = 0

    def train(self, symbols):
        """Go on for at least this many symbols, in whole steps; return the mean loss of these steps, in nats."""
        losses, until = [], self.seen + symbols
        while self.seen < until:
            windows = draw_windows(self._symbols, self.config["batch"], self.model.context + 1, self._rng)
            if self.adapter:
                loss, gradient = self.adapter.loss_and_grad(self._base, self._x, windows)
            else:
                loss, gradient = self.model.loss_and_grad(self._x, windows)
            self.seen += self.config["batch"] * self.model.context
            rate = self.config["learning_rate"] * min(1.0, self.seen / max(1, self.config["warmup"]))
            x, self._state = self._rule.step(self._x, gradient, self._state, rate)
            self._x = x.astype(self._x.dtype, copy=False)
            self.steps += 1
            losses.append(loss)
        return float(np.mean(losses))

    def theta(self):
        """Return the model's parameters as they are now (n_params of the model,), the adapter merged."""
        return self.adapter.merge(self._base, self._x) if self.adapter else self._x.copy()

    def bits(self, symbols):
        """Return the bits per character of a text under the model as it is now."""
        return self.model.bits(self.theta(), symbols)


class Alphabet:
    """The characters that a model knows, numbered in their order.

    Parameters
    ----------
    characters : str
        Each once, at most 256.

    Raises
    ------
    ValueError
        If there is none, or one is there twice.
    """

    def __init__(self, characters):
        if not 1 <= len(characters) <= 256 or len(set(characters)) < len(characters):
            raise ValueError("an alphabet needs 1 to 256 different characters")
        self.characters = characters
        self._number = {character: number for number, character in enumerate(characters)}

    def __len__(self):
        return len(self.characters)

    def encode(self, text):
        """Return a text as an array of uint8, (len(text),).

        Raises
        ------
        ValueError
            At a character that is not in the alphabet, with its place.
        """
        try:
            return np.fromiter((self._number[c] for c in text), np.uint8, len(text))
        except KeyError:
            place, odd = next((i, c) for i, c in enumerate(text) if c not in self._number)
            raise ValueError(f"the character {odd!r} at place {place} is not in the alphabet") from None

    def decode(self, symbols):
        """Return the text of symbols."""
        return "".join(self.characters[s] for s in symbols)


def draw_windows(symbols, n, length, rng):
    """Return n windows (n, length) that start at random places of a long array of symbols.

    Parameters
    ----------
    symbols : ndarray, (m,)
    n, length : int
        length ≤ m. For training, context + 1.
    rng : numpy.random.Generator
    """
    if not 1 <= length <= len(symbols):
        raise ValueError(f"a window of length {length} does not fit into {len(symbols)} symbols")
    starts = rng.integers(len(symbols) - length + 1, size=n)
    return symbols[starts[:, None] + np.arange(length)]


def course_text(kind):
    """Return the stored snapshot of the course's own text; nothing is downloaded.

    Parameters
    ----------
    kind : {"prose", "code"}

    Returns
    -------
    dict of str to str
        "train", "validation" and "test". Whole lessons are held out, and no 60 characters in a row of one split
        stand in another, or in another of the other kind.

    Raises
    ------
    ValueError
        If the kind is another, or the file is not the one this version of the course was made with.
    """
    if kind not in TEXT_SHA256:
        raise ValueError(f"kind must be 'prose' or 'code', got {kind!r}")
    path = TABLES / f"course_{kind}.txt"
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != TEXT_SHA256[kind]:
        raise ValueError(f"{path.name} is not the text that this version of the course was made with: "
                         f"get it back with `git checkout -- downhill/tables`")  # fmt: skip
    return dict(zip(_SPLITS, content.decode("utf-8").split("\f"), strict=True))


def save_base(path, model, theta, alphabet, about):
    """Store a model: theta as float16, and what it is as JSON, in one .npz file."""
    shape = {name: getattr(model, name) for name in ("n_symbols", "width", "layers", "heads", "context", "tied")}
    record = {"model": shape, "alphabet": alphabet.characters, **about}
    np.savez_compressed(path, theta=theta.astype(np.float16), about=json.dumps(record))


def load_base(path=None):
    """Return the stored base model, trained on the course's prose by ``make language-model``.

    Parameters
    ----------
    path : path, optional
        Of a file that ``save_base`` wrote; by default the course's own.

    Returns
    -------
    model : Transformer
    theta : ndarray of float32, (n_params,)
    alphabet : Alphabet
    about : dict
        How it was trained and on how many characters of prose, the hash of the text, and the bits per character that
        it should have.

    Raises
    ------
    ValueError
        If it belongs to another text than the stored one.
    """
    path = TABLES / "base_model.npz" if path is None else Path(path)
    with path.open("rb") as file, np.load(file) as stored:
        theta, about = stored["theta"].astype(np.float32), json.loads(str(stored["about"]))
    if path == TABLES / "base_model.npz" and about["text_sha256"] != TEXT_SHA256:
        raise ValueError("base_model.npz belongs to another text than the one beside it: "
                         "`git checkout -- downhill/tables` gets both back, `make language-model` trains")  # fmt: skip
    return Transformer(**about.pop("model")), theta, Alphabet(about.pop("alphabet")), about


def load_runs():
    """Return the stored table of fine-tuning runs that `make language-model` measured, a dict of arrays (n,).

    "group" says what a run belongs to: "full" and "adapter" are random configurations, "grid" is learning rate by
    method, "start" is bias correction by warmup. "bits" (n, 4) are the bits per character of code after 1, 3, 9 and 27
    units of 2048 characters, "prose" those of prose at the end; "warmup" is a share of the 27 units. The other names
    are those of ``FineTuning``.
    """
    with (TABLES / "fine_tuning.npz").open("rb") as file, np.load(file) as stored:
        return dict(stored)
