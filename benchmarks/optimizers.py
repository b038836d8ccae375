"""Time one Adam step on Rosenbrock: ours from one start, ours from 400 starts a call, PyTorch if it is installed.

    python benchmarks/optimizers.py

All times are per start and step, and include the gradient. PyTorch runs the loop that is usually written: one
start, ``zero_grad``, ``backward``, ``step``. To be fair to it there are two more: the same loop with our hand-written
gradient in place of ``backward``, and all 400 starts in one tensor. Everything is timed in this one run; the
ratios are what carries over to another machine.
"""

from collections.abc import Callable
from functools import partial
from timeit import repeat

import numpy as np

from downhill.optimizers import adam, descend
from downhill.surfaces import GALLERY

STEPS = 200
RATE = 0.01
ROSENBROCK = GALLERY["rosenbrock"]
STARTS = np.random.default_rng(0).uniform((-2, -1), (2, 3), (400, 2))


def ours(starts: np.ndarray) -> np.ndarray:
    """Return the last points after all steps."""
    return descend(ROSENBROCK.grad, starts, RATE, STEPS, rule=adam(), record=False).x


def pytorch(starts: np.ndarray, *, by_hand: bool = False) -> np.ndarray:
    """Return the last points after all steps of PyTorch's loop."""
    import torch

    point = torch.tensor(starts, requires_grad=True)
    optimizer = torch.optim.Adam([point], lr=RATE)
    for _ in range(STEPS):
        if by_hand:
            point.grad = torch.from_numpy(ROSENBROCK.grad(point.detach().numpy()))
        else:
            optimizer.zero_grad()
            x, y = point[..., 0], point[..., 1]
            ((1 - x) ** 2 + 100 * (y - x * x) ** 2).sum().backward()
        optimizer.step()
    return point.detach().numpy()


def main() -> None:
    rows: dict[str, tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]] = {
        "ours, 400 starts a call": (ours, STARTS),
        "ours, one start": (ours, STARTS[0]),
    }
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: ours alone.")
    else:
        torch.set_num_threads(1)
        rows["PyTorch, one start"] = pytorch, STARTS[0]
        rows["PyTorch, one start, gradient by hand"] = lambda s: pytorch(s, by_hand=True), STARTS[0]
        rows["PyTorch, 400 starts in one tensor"] = pytorch, STARTS
    print(f"one Adam step on Rosenbrock, gradient included: best of 7 runs of {STEPS} steps, per start and step")
    print(f"{'':<38}{'time':>12}{'ratio':>9}")
    expected = ours(STARTS)
    cheapest = None
    for name, (run, starts) in rows.items():
        np.testing.assert_allclose(run(starts), expected if starts.ndim == 2 else expected[0], rtol=0, atol=1e-9)
        best = min(repeat(partial(run, starts), number=1, repeat=7))
        each = best / STEPS / (starts.size // 2)
        cheapest = cheapest or each
        print(f"{name:<38}{each * 1e6:>9.3f} µs{each / cheapest:>9.1f}")


if __name__ == "__main__":
    main()
