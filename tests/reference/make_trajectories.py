"""Write trajectories.npz: what PyTorch and Optax do with the same 100 gradients, and their schedules.

    pip install torch==2.13.0 optax numpy
    python tests/reference/make_trajectories.py

The tests compare ours with the stored numbers, and with the libraries themselves where they can be imported.
The gradients are random, of a size from 1e-3 to 10 by coordinate, and do not depend on the point; ε is 1e-2, so that
where it stands shows; the step size drops to a tenth half-way, so that it shows where that stands. All in float64.
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("trajectories.npz")
STEPS = 100
EPS = 1e-2
RATES = np.where(np.arange(STEPS) < STEPS // 2, 0.1, 0.01)
L2 = 0.3  # of PyTorch's Adam(weight_decay=...)


def problem():
    """Return a start (4,) and the gradients (100, 4) of the steps."""
    rng = np.random.default_rng(20)
    sizes = np.array([1e-3, 1e-2, 0.3, 10.0])
    return rng.standard_normal(4), sizes * (0.3 + rng.standard_normal((STEPS, 4)))


def torch_trajectories():
    """Return {name: (101, 4)} for the optimizers of PyTorch."""
    import torch

    optim = torch.optim
    makers = {
        "sgd": lambda p: optim.SGD(p, 1.0),
        "momentum": lambda p: optim.SGD(p, 1.0, momentum=0.9),
        "nesterov": lambda p: optim.SGD(p, 1.0, momentum=0.9, nesterov=True),
        "adagrad": lambda p: optim.Adagrad(p, eps=EPS),
        "adagrad_start": lambda p: optim.Adagrad(p, eps=EPS, initial_accumulator_value=0.1),
        "rmsprop": lambda p: optim.RMSprop(p, eps=EPS),
        "adam": lambda p: optim.Adam(p, eps=EPS),
        "adam_betas": lambda p: optim.Adam(p, betas=(0.7, 0.95), eps=EPS),
        "adam_l2": lambda p: optim.Adam(p, eps=EPS, weight_decay=L2),
        "amsgrad": lambda p: optim.Adam(p, betas=(0.9, 0.95), eps=EPS, amsgrad=True),
        "adamw": lambda p: optim.AdamW(p, eps=EPS, weight_decay=0.3),
        "adamw_default": lambda p: optim.AdamW(p, eps=EPS),
    }
    start, gradients = problem()
    paths = {}
    for name, make in makers.items():
        point = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
        optimizer = make([point])
        path = [start]
        for rate, gradient in zip(RATES, gradients, strict=True):
            optimizer.param_groups[0]["lr"] = float(rate)
            point.grad = torch.tensor(gradient)
            optimizer.step()
            path.append(point.detach().numpy().copy())
        paths[f"torch_{name}"] = np.array(path)
    return paths


def optax_trajectories():
    """Return {name: (101, 4)} for the optimizers of Optax."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    import optax

    def rate(count):
        return jnp.asarray(RATES)[count]

    optimizers = {
        "sgd": optax.sgd(rate),
        "momentum": optax.sgd(rate, momentum=0.9),
        "nesterov": optax.sgd(rate, momentum=0.9, nesterov=True),
        "adagrad": optax.adagrad(rate, eps=EPS),
        "rmsprop": optax.rmsprop(rate, eps=EPS),
        "rmsprop_outside": optax.rmsprop(rate, eps=EPS, eps_in_sqrt=False, initial_scale=0.1),
        "adam": optax.adam(rate, eps=EPS),
        "adam_root": optax.adam(rate, eps=0.0, eps_root=EPS),
        "amsgrad": optax.amsgrad(rate, b2=0.95, eps=EPS),
        "amsgrad_paper": optax.chain(
            optax.scale_by_amsgrad(b2=0.95, eps=EPS, bias_correction_mu=False, bias_correction_nu=False),
            optax.scale_by_learning_rate(rate),
        ),
        "adamw": optax.adamw(rate, eps=EPS, weight_decay=0.3),
    }
    start, gradients = problem()
    paths = {}
    for name, optimizer in optimizers.items():

        def take(carry, gradient, optimizer=optimizer):
            point, state = carry
            updates, state = optimizer.update(gradient, state, point)
            point = optax.apply_updates(point, updates)
            return (point, state), point

        point = jnp.asarray(start)
        _, path = jax.lax.scan(take, (point, optimizer.init(point)), jnp.asarray(gradients))
        paths[f"optax_{name}"] = np.concatenate([start[None], np.asarray(path)])
    return paths


def torch_schedules():
    """Return {name: (121,)}: the step sizes of PyTorch's schedulers, beyond the end of those that end at 100."""
    import torch

    schedulers = torch.optim.lr_scheduler
    makers = {
        "step": lambda o: schedulers.StepLR(o, 30, 0.2),
        "exponential": lambda o: schedulers.ExponentialLR(o, 0.97),
        "cosine": lambda o: schedulers.CosineAnnealingLR(o, 100, eta_min=0.01),
        "warmup_cosine": lambda o: schedulers.SequentialLR(
            o,
            [schedulers.LinearLR(o, 0.2, total_iters=10), schedulers.CosineAnnealingLR(o, 90, eta_min=0.01)],
            milestones=[10],
        ),
        "warmup_linear": lambda o: schedulers.SequentialLR(
            o,
            [schedulers.LinearLR(o, 0.2, total_iters=10), schedulers.LinearLR(o, 1.0, 0.02, total_iters=90)],
            milestones=[10],
        ),
    }
    rates = {}
    for name, make in makers.items():
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
        scheduler = make(optimizer)
        seen = []
        for _ in range(121):
            seen.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        rates[f"torch_{name}"] = np.array(seen)
    return rates


def optax_schedules():
    """Return {name: (121,)}: the step sizes of Optax's schedules."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import optax

    schedules = {
        "constant": optax.constant_schedule(0.5),
        "step": optax.exponential_decay(0.5, 30, 0.2, staircase=True),
        "exponential": optax.exponential_decay(0.5, 50, 0.3),
        "cosine": optax.cosine_decay_schedule(0.5, 100, alpha=0.02),
        "warmup_cosine": optax.warmup_cosine_decay_schedule(0.0, 0.5, 10, 100, 0.01),
        "warmup_linear": optax.join_schedules(
            [optax.linear_schedule(0.0, 0.5, 10), optax.linear_schedule(0.5, 0.01, 90)], [10]
        ),
    }
    return {
        f"optax_{name}": np.array([float(schedule(np.int64(step))) for step in range(121)])
        for name, schedule in schedules.items()
    }


def main():
    start, gradients = problem()
    groups = {
        "path": torch_trajectories() | optax_trajectories(),
        "schedule": torch_schedules() | optax_schedules(),
    }
    stored = {f"{group}/{name}": values for group, named in groups.items() for name, values in named.items()}
    made_with = " ".join(f"{package} {version(package)}" for package in ("numpy", "torch", "optax", "jax"))
    np.savez(FILE, start=start, gradients=gradients, made_with=made_with, **stored)
    print(f"{FILE}: {len(stored)} series, {FILE.stat().st_size / 1000:.0f} kB, from {made_with}")


if __name__ == "__main__":
    main()
