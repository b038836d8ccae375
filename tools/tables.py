"""Compute the stored tables of part 3 again: `make tables`, about a quarter of an hour on an idle core.

It stands here with the other commands behind `make`; the tables are in downhill/tables/, so that they travel with the
package. An interrupted run goes on where it was: finished rows are kept in build/ under a name made of the code and the
versions that computed them. The same machine makes the same bytes.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import sklearn
from tqdm import tqdm

import downhill
from downhill import spaces, tuning
from downhill.tuning import EPOCHS, SPACE, Trainer

ROOT = Path(__file__).resolve().parent.parent
TABLES = Path(downhill.__file__).parent / "tables"
N_CONFIGS = 1000
N_REPEATED = 40
REPEAT_SEEDS = np.arange(10_000, 10_010)
SAVE_EVERY = 10


def versions() -> str:
    return f"scikit-learn {sklearn.__version__}, numpy {np.__version__}, scipy {scipy.__version__}"


def count_errors(config: dict[str, Any], seed: int) -> np.ndarray:
    """Return the wrong answers after each epoch: (2, EPOCHS), validation and test."""
    trainer = Trainer(config, seed)
    trainer.train(EPOCHS)
    return np.rint(599 * np.array([trainer.validation, trainer.test])).astype(np.uint16)


def all_counts(name: str, runs: list[tuple[dict[str, Any], int]]) -> np.ndarray:
    """Return count_errors of each (config, seed), from the checkpoint as far as it goes: (len(runs), 2, EPOCHS)."""
    code = [Path(str(module.__file__)).read_bytes() for module in (spaces, tuning)]
    key = hashlib.sha256(b"".join(code) + repr((versions(), runs)).encode()).hexdigest()[:16]
    checkpoint = ROOT / "build" / "tables" / f"{name}-{key}.npy"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    counts = list(np.load(checkpoint)) if checkpoint.exists() else []
    for number in tqdm(range(len(counts), len(runs)), desc=name, initial=len(counts), total=len(runs)):
        counts.append(count_errors(*runs[number]))
        if len(counts) % SAVE_EVERY == 0 or len(counts) == len(runs):
            np.save(checkpoint, counts)
    return np.array(counts)


def write(name: str, configs: list[dict[str, Any]], seeds: np.ndarray, counts: np.ndarray) -> None:
    """Write a table; NaN stands for a parameter that the configuration does not have."""
    columns: dict[str, Any] = {}
    for key in SPACE.names:
        columns[key] = np.array([config.get(key, np.nan) for config in configs])
    TABLES.mkdir(exist_ok=True)
    np.savez_compressed(
        TABLES / f"{name}.npz",
        **columns,
        seeds=seeds,
        validation=counts[..., 0, :],
        test=counts[..., 1, :],
        versions=versions(),
    )


def main() -> None:
    configs = SPACE.sample(N_CONFIGS, np.random.default_rng(0))
    seeds = np.arange(N_CONFIGS)
    counts = all_counts("digits_mlp", list(zip(configs, seeds.tolist(), strict=True)))
    write("digits_mlp", configs, seeds, counts)

    ranking = np.argsort(counts[:, 0, -1], kind="stable")
    best, others = np.split(ranking, [N_REPEATED // 2])
    spread = others[np.linspace(0, len(others) - 1, N_REPEATED - len(best)).astype(int)]
    repeated = [configs[number] for number in (*best, *spread)]
    runs = [(config, seed) for config in repeated for seed in REPEAT_SEEDS.tolist()]
    shape = (N_REPEATED, len(REPEAT_SEEDS))
    counts = all_counts("digits_mlp_seeds", runs).reshape(*shape, 2, EPOCHS)
    write("digits_mlp_seeds", repeated, np.broadcast_to(REPEAT_SEEDS, shape), counts)


if __name__ == "__main__":
    main()
