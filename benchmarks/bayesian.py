"""Simple regret of Bayesian optimization: the lesson's own loop and ours against what people install.

    python benchmarks/bayesian.py [SEEDS]

Branin at 30 evaluations and Hartmann-6 at 60, by default 10 seeds, all in this one run, one BLAS thread. The lesson's
code is read from the cells tagged ``taught`` of its notebook, and its lines are counted. Optuna's TPE, Optuna's GP
sampler (it needs PyTorch) and scikit-optimize run with their defaults, each where it can be imported; of
scikit-optimize ``gp_minimize``. Milliseconds are CPU time per evaluation, the function itself included (a few µs).
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from downhill.bayesian import minimize

PART = Path(__file__).resolve().parent.parent / "notebooks/3_hyperparameter_optimization"
LESSON = PART / "2_bayesian_optimization.ipynb"
Objective = Callable[[np.ndarray], float]
Bounds = list[tuple[float, float]]
Search = Callable[[Objective, Bounds, int, int], Any]  # the values that were found
GOALS = {"Branin": 0.02, "Hartmann-6": 0.2}

A = np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14],
              [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])  # fmt: skip
P = 1e-4 * np.array([[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
                     [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]])  # fmt: skip


def branin(point: np.ndarray) -> float:
    x, y = point
    return (y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10


def hartmann(point: np.ndarray) -> float:
    return -np.array([1, 1.2, 3, 3.2]) @ np.exp(-np.sum(A * (point - P) ** 2, axis=1))


PROBLEMS = {
    "Branin": (branin, [(-5.0, 10.0), (0.0, 15.0)], 30, 0.39788735772973816),
    "Hartmann-6": (hartmann, [(0.0, 1.0)] * 6, 60, -3.322368011391339),
}


def taught() -> tuple[Callable[..., Any], int]:
    """Return the lesson's loop and the number of lines of its code, blank ones not counted."""
    cells = json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if "taught" in cell["metadata"].get("tags", [])]
    scope: dict[str, Any] = {}
    exec("import numpy as np", scope)
    exec("\n".join(sources), scope)
    return scope["bayes"], sum(bool(line.strip()) for line in "\n".join(sources).splitlines())


def random_search(f: Objective, bounds: Bounds, budget: int, seed: int) -> list[float]:
    low, high = np.transpose(bounds)
    return [f(x) for x in np.random.default_rng(seed).uniform(low, high, (budget, len(low)))]


def ours(f: Objective, bounds: Bounds, budget: int, seed: int) -> np.ndarray:
    return minimize(f, bounds, budget, np.random.default_rng(seed)).func_vals


def optuna_with(sampler: Callable[[Any, int], Any]) -> Search:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def run(f: Objective, bounds: Bounds, budget: int, seed: int) -> list[float | None]:
        study = optuna.create_study(sampler=sampler(optuna, seed))
        study.optimize(
            lambda trial: float(f(np.array([trial.suggest_float(f"x{i}", *b) for i, b in enumerate(bounds)]))), budget
        )
        return [trial.value for trial in study.trials]

    return run


def optuna_gp() -> Search:
    import torch

    torch.set_num_threads(1)
    return optuna_with(lambda optuna, seed: optuna.samplers.GPSampler(seed=seed))


def scikit_optimize() -> Search:
    import skopt

    def run(f: Objective, bounds: Bounds, budget: int, seed: int) -> np.ndarray:
        return skopt.gp_minimize(lambda x: float(f(np.array(x))), bounds, n_calls=budget, random_state=seed).func_vals

    return run


def main(seeds: int) -> None:
    warnings.simplefilter("ignore")  # the libraries' own
    lesson, lines = taught()
    methods = {
        "random search": lambda: random_search,
        "Optuna, TPE": lambda: optuna_with(lambda optuna, seed: optuna.samplers.TPESampler(seed=seed)),
        "scikit-optimize": scikit_optimize,
        "Optuna, GP": optuna_gp,
        "the lesson": lambda: lambda f, bounds, budget, seed: lesson(f, bounds, budget, 2 * len(bounds) + 4, seed)[1],
        "downhill.bayesian": lambda: ours,
    }
    print(f"simple regret over {seeds} seeds; the lesson's loop has {lines} lines")
    print(f"{'':<18}" + "".join(f"{f'{name} at {p[2]}':^44}" for name, p in PROBLEMS.items()))
    print(f"{'':<18}" + f"{'median':>10}{'best':>10}{'worst':>10}{'ms each':>10}    " * len(PROBLEMS))
    medians = {}
    for method, load in methods.items():
        try:
            run = load()
        except ImportError as error:
            print(f"{method:<18}  left out: {error}")
            continue
        row = f"{method:<18}"
        for name, (f, bounds, budget, minimum) in PROBLEMS.items():
            begin = time.process_time()
            found = [np.min(run(f, bounds, budget, seed)) - minimum for seed in range(seeds)]
            each = (time.process_time() - begin) / seeds / budget * 1e3
            medians[method, name] = np.median(found)
            row += f"{np.median(found):>10.5f}{np.min(found):>10.5f}{np.max(found):>10.5f}{each:>10.2f}    "
        print(row, flush=True)
    for method in ("the lesson", "downhill.bayesian"):
        for name, goal in GOALS.items():
            assert medians[method, name] < goal, f"{method} misses the goal on {name}: {medians[method, name]:.4f}"
    assert lines <= 80, f"the lesson's loop has {lines} lines"


if __name__ == "__main__":
    with threadpool_limits(1):
        main(int(sys.argv[1]) if sys.argv[1:] else 10)
