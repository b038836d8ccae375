"""What figures cost: seconds to make one and kilobytes in the notebook, beside Matplotlib's own animation.

Run ``python benchmarks/figures.py``; ``--jshtml`` adds `FuncAnimation.to_jshtml` (some 15 s). Times are medians of
five calls after a warm-up. Key-to-picture times need a browser: see browser.py.
"""

import statistics
import sys
import time
from typing import Any

import matplotlib

matplotlib.use("agg")

import numpy as np
from matplotlib import animation
from matplotlib import pyplot as plt

from downhill import figures, quizzes

X, Y = np.meshgrid(np.linspace(-5, 5, 161), np.linspace(-5, 5, 161))
HILLS = X, Y, (X**2 + Y - 11) ** 2 + (X + Y**2 - 7) ** 2


def spiral(turn: float, steps: int = 100) -> np.ndarray:
    angle, radius = np.linspace(0, turn, steps + 1), np.linspace(4, 0, steps + 1)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def show() -> None:
    fig, ax = plt.subplots(figsize=(7, 4))
    figures.contours(ax, HILLS)
    figures.show(fig, "caption", "alt")


def explore() -> None:
    figures.explore(lambda turn: {"paths": [spiral(turn)], "text": f"{turn}"}, "caption", "alt", background=HILLS,
                    turn=np.linspace(1, 20, 30))  # fmt: skip


def animate() -> None:
    figures.animate({"slow": spiral(5), "fast": spiral(15)}, "caption", "alt", background=HILLS)


def quiz() -> None:
    choices = {f"Choice number {i}": "A sentence says why it is right or wrong, in words." for i in range(4)}
    quizzes.quiz("A question of one line, with $maths$?", choices, "A")


def jshtml() -> int:
    fig, ax = plt.subplots(figsize=(6, 4))
    figures.contours(ax, HILLS)
    path = spiral(5)
    (line,) = ax.plot([], [])
    film = animation.FuncAnimation(fig, lambda k: line.set_data(*path[: k + 1].T) or [line], frames=101)
    with plt.rc_context({"animation.embed_limit": 100}):
        html = film.to_jshtml()
    plt.close(fig)
    return len(html)


def main(with_jshtml: bool) -> None:
    bundles: list[dict[str, Any]] = []
    silent = lambda bundle, raw, metadata=None: bundles.append(bundle)
    figures.__dict__["display"] = quizzes.__dict__["display"] = silent
    print("call      seconds   html kB   all kB")
    for call in (show, explore, animate, quiz):
        call()
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            call()
            times.append(time.perf_counter() - begin)
        sizes = {kind: len(str(content)) / 1000 for kind, content in bundles[-1].items()}
        print(f"{call.__name__:9}{statistics.median(times):8.3f}{sizes['text/html']:10.1f}{sum(sizes.values()):9.1f}")
    if with_jshtml:
        begin = time.perf_counter()
        size = jshtml()
        print(f"{'to_jshtml':9}{time.perf_counter() - begin:8.3f}{size / 1000:10.1f}")


if __name__ == "__main__":
    main("--jshtml" in sys.argv)
