"""The real objective of part 3: a small scikit-learn network on the handwritten digits, and its stored results.

Eight hyperparameters, two of which exist only under one solver; the score is the share of wrong answers on the
validation set, after each pass over the training set::

    from downhill.tuning import SPACE, Trainer, load_table

    config = SPACE.sample(1, np.random.default_rng(0))[0]
    trainer = Trainer(config, seed=0)
    trainer.train(3)            # validation errors of epochs 1 to 3, each from 0 to 1
    trainer.train(6)            # goes on: epochs 4 to 9
    table = load_table()        # learning curves over 81 epochs of random configurations

``make tables`` computes the tables again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

from downhill.annotations import Array, Config
from downhill.arguments import one_of, whole
from downhill.networks import all_digits
from downhill.spaces import Choice, Float, Integer, Space

__all__ = ["EPOCHS", "SPACE", "Split", "Table", "Trainer", "cost", "load_digits_split", "load_table"]

EPOCHS = 81
"""Epochs of a full run, 3⁴, so that successive halving by 3 ends on it."""

SPACE = Space(
    {
        "learning_rate": Float(1e-4, 10.0, log=True),
        "hidden": Integer(4, 128, log=True),
        "batch_size": Integer(16, 256, log=True),
        "alpha": Float(1e-6, 10.0, log=True),
        "activation": Choice(("relu", "tanh")),
        "solver": Choice(("sgd", "adam")),
        "momentum": Float(0.0, 0.99),
        "one_minus_beta_2": Float(1e-4, 0.5, log=True),
    },
    only_if={"momentum": ("solver", "sgd"), "one_minus_beta_2": ("solver", "adam")},
)
"""The hyperparameters of the network.

learning_rate
    Step size, wide enough to fail at both ends.
hidden
    Units of the one hidden layer.
batch_size
    Training images for each step.
alpha
    Strength of the L2 penalty ½ α ‖W‖² / batch size, as scikit-learn has it.
activation
    Of the hidden layer.
solver, momentum, one_minus_beta_2
    Stochastic gradient descent with Nesterov's momentum, or Adam, for which 1 − β₂ is searched instead of β₂, since
    what matters is the distance from 1.

:meta hide-value:
"""

# Images in each of the three sets: a third of 1797.
_SET_SIZE = 599

class Split(NamedTuple):
    """Digits for training, validation and test: X (599, 64), pixels from 0 to 1; y (599,), labels from 0 to 9."""

    X_train: Array
    y_train: Array
    X_validation: Array
    y_validation: Array
    X_test: Array
    y_test: Array


@cache
def load_digits_split() -> Split:
    """Return scikit-learn's 1797 digits in three stratified sets of 599, always the same; nothing is downloaded.

    Returns
    -------
    Split
        Arrays that cannot be written to, since every caller gets the same ones.
    """
    X, y = all_digits()
    shuffled = np.random.default_rng(0).permutation(len(y))
    by_class = shuffled[np.argsort(y[shuffled], kind="stable")]
    # Every third image of each class goes to the same set.
    parts = [np.sort(by_class[start::3]) for start in range(3)]
    arrays = [array for part in parts for array in (X[part] / 16, y[part])]
    for array in arrays:
        array.setflags(write=False)
    return Split(*arrays)


class Trainer:
    """A run of training that can be continued, copied and pickled.

    The same configuration and seed give the same run on the same machine, however the epochs are divided over calls
    of ``train``. A run whose weights or loss are no longer finite has diverged: from that epoch on its errors are
    those of guessing, 0.9 (539 of 599).

    Parameters
    ----------
    config : dict
        A configuration of SPACE.
    seed : int
        Number of the run, at least 0: it decides the initial weights and the order of the training images.

    Attributes
    ----------
    config : dict
        A copy of the configuration.
    diverged : bool
        Whether the weights or the loss are not finite.
    model : sklearn.neural_network.MLPClassifier
        The network; fitted after the first epoch.

    Raises
    ------
    ValueError
        If config is not a configuration of SPACE, or seed not a whole number of at least 0.
    """

    def __init__(self, config: Config, seed: int) -> None:
        from sklearn.neural_network import MLPClassifier

        SPACE.validate(config)
        seed = whole("seed", seed, 0, 2**32 - 1)
        self.config = dict(config)
        self.diverged = False
        self._counts = np.zeros((0, 2), dtype=int)
        # partial_fit with shuffle=True would begin each epoch with the same random state, and so have one order of the
        # images for all. Here the order is ours.
        self._rng = np.random.default_rng(seed)
        self.model = MLPClassifier(random_state=seed, shuffle=False, **_settings(config))

    @property
    def epoch(self) -> int:
        """Epochs trained so far."""
        return len(self._counts)

    @property
    def validation(self) -> Array:
        """The share of wrong answers on the validation set after each epoch, from 0 to 1, (epoch,)."""
        return self._counts[:, 0] / _SET_SIZE

    @property
    def test(self) -> Array:
        """The share of wrong answers on the test set after each epoch, from 0 to 1, (epoch,)."""
        return self._counts[:, 1] / _SET_SIZE

    def train(self, epochs: int) -> Array:
        """Train so many epochs more and return their validation errors (epochs,).

        Raises
        ------
        ValueError
            If epochs is not a whole number of at least 1.
        """
        epochs = whole("epochs", epochs, 1)
        for _ in range(epochs):
            if not self.diverged:
                self._train_epoch()
            self._counts = np.concatenate([self._counts, [self._count_errors()]])
        return self.validation[-epochs:]

    def _train_epoch(self) -> None:
        from sklearn import config_context

        split = load_digits_split()
        order = self._rng.permutation(len(split.y_train))
        classes = np.arange(10) if self.epoch == 0 else None
        # The arguments are known to be right; checking them again takes a tenth of the time.
        quick = config_context(assume_finite=True, skip_parameter_validation=True)
        with quick, np.errstate(all="ignore"):
            try:
                self.model.partial_fit(split.X_train[order], split.y_train[order], classes=classes)
            except ValueError:  # scikit-learn refuses weights that are not finite
                if _is_finite(self.model):
                    raise
        self.diverged = not (_is_finite(self.model) and np.isfinite(self.model.loss_))

    def _count_errors(self) -> list[int]:
        """Return the numbers of wrong answers on the validation set and on the test set."""
        split = load_digits_split()
        pairs = [(split.X_validation, split.y_validation), (split.X_test, split.y_test)]
        if self.diverged:
            return [round(0.9 * _SET_SIZE)] * 2
        return [int(np.sum(self._predict(X) != y)) for X, y in pairs]

    def _predict(self, X: Array) -> Array:
        """Return what model.predict does, without its checks, which would take a sixth of the time."""
        (W, V), (b, c) = self.model.coefs_, self.model.intercepts_
        with np.errstate(all="ignore"):
            z = X @ W + b
            hidden = np.maximum(z, 0) if self.config["activation"] == "relu" else np.tanh(z)
            return np.argmax(hidden @ V + c, axis=1)


def cost(config: Config, epochs: int = EPOCHS) -> int:
    """Return what a run costs, the same on every machine: parameters × training images × epochs.

    That is the number of multiply-adds of the forward passes; the backward passes take about twice as many again. The
    batch size is not in it.

    Parameters
    ----------
    config : dict
        A configuration of SPACE.
    epochs : int
        How long.

    Returns
    -------
    int
    """
    SPACE.validate(config)
    hidden, epochs = int(config["hidden"]), whole("epochs", epochs, 0)
    n_params = (64 + 1) * hidden + (hidden + 1) * 10
    return n_params * _SET_SIZE * epochs


@dataclass(frozen=True)
class Table:
    """Stored learning curves.

    Attributes
    ----------
    configs : list of n dict
        The configurations.
    seeds : ndarray of int, (n,) or (n, s)
        The seeds of the runs.
    validation, test : ndarray, (n, 81) or (n, s, 81)
        Errors after each epoch, shares from 0 to 1; ``[..., -1]`` is the end and ``[..., 8]`` is epoch 9.
    """

    configs: list[Config]
    seeds: Array
    validation: Array
    test: Array


def load_table(name: str = "random") -> Table:
    """Read a stored table.

    Parameters
    ----------
    name : {"random", "seeds"}
        "random": configurations drawn at random from SPACE, one run each. "seeds": 40 of these, ten runs each with
        other seeds: the 20 with the lowest final validation error, best first, and 20 spread evenly over the others.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If there is no table of that name.
    """
    names = {"random": "digits_mlp.npz", "seeds": "digits_mlp_seeds.npz"}
    file_name = names[one_of("name", name, names)]
    with (files("downhill") / "tables" / file_name).open("rb") as file, np.load(file) as stored:
        columns = {key: stored[key] for key in SPACE.names}
        configs = [_config(row) for row in zip(*(columns[key].tolist() for key in SPACE.names), strict=True)]
        return Table(configs, stored["seeds"], stored["validation"] / _SET_SIZE, stored["test"] / _SET_SIZE)


def _config(row: Iterable[Any]) -> Config:
    """Return the configuration of a row of a table, in which NaN stands for an inactive parameter."""
    return {name: value for name, value in zip(SPACE.names, row, strict=True) if value == value}


def _settings(config: Config) -> Config:
    """Return a configuration in the words of scikit-learn."""
    settings = {
        "learning_rate_init": config["learning_rate"],
        "hidden_layer_sizes": (int(config["hidden"]),),
        "batch_size": int(config["batch_size"]),
        "alpha": config["alpha"],
        "activation": config["activation"],
        "solver": config["solver"],
    }
    if config["solver"] == "sgd":
        return {**settings, "momentum": config["momentum"]}
    return {**settings, "beta_2": 1 - config["one_minus_beta_2"]}


def _is_finite(model: Any) -> bool:
    return all(np.isfinite(weights).all() for weights in (*model.coefs_, *model.intercepts_))
