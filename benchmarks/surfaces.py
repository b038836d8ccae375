"""Time a 200 by 200 grid of every surface: one vectorised call against a double loop of Python calls.

    python benchmarks/surfaces.py

The loop is the one that teaching notebooks write: it calls ``surface((x, y))``, the same function with the
same checks, at each of the 40,000 points. Both times are taken in this one run; the ratio is what carries
over to another machine.
"""

from timeit import repeat, timeit

import numpy as np

from downhill.surfaces import GALLERY, Surface

N = 200


def double_loop(surface: Surface, n: int) -> np.ndarray:
    """Evaluate the surface on its n by n grid, point by point."""
    xs, ys = (np.linspace(low, high, n) for low, high in surface.domain)
    Z = np.empty((n, n))
    for i, y in enumerate(ys):
        for j, x in enumerate(xs):
            Z[i, j] = surface((x, y))
    return Z


def main() -> None:
    print(f"{N} x {N} points: best of 20 grid calls, one double loop of surface((x, y))")
    print(f"{'surface':<12}{'one call':>12}{'double loop':>14}{'ratio':>8}")
    ratios = []
    for name, surface in GALLERY.items():
        names = {**globals(), "surface": surface}
        assert np.allclose(surface.grid(N)[2], double_loop(surface, N))
        call = min(repeat("surface.grid(N)", number=1, repeat=20, globals=names))
        loop = timeit("double_loop(surface, N)", number=1, globals=names)
        ratios.append(loop / call)
        print(f"{name:<12}{call * 1e3:>9.2f} ms{loop * 1e3:>11.1f} ms{ratios[-1]:>8.0f}")
    print(f"smallest ratio {min(ratios):.0f}, median {np.median(ratios):.0f}")


if __name__ == "__main__":
    main()
