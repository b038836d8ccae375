"""What a student waits for in JupyterLab: milliseconds from a key on a slider to the new picture, seconds a lesson.

Run ``make bench NAME=browser`` for one lesson of each part, ``ARGS=--all`` for all (a quarter of an hour). Each
number is the median over 12 key presses in Chromium, while the kernel computes; the aim is below 50 ms. Needs
Chromium.
"""

import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from notebook_page import (
    chromium,
    copy_lessons,
    jupyterlab,
    key_to_picture,
    lessons,
    live_figures,
    open_notebook,
    run_all,
    sliders,
)


def measure(
    page: Any, address: Callable[[str], str], name: str
) -> tuple[float, list[tuple[str, float]]]:
    """Run a lesson; return the seconds it took and the medians of its sliders by their label."""
    open_notebook(page, address(name))
    _, seconds = run_all(page)
    return seconds, [(label, key_to_picture(page, figure, slider))
                     for figure in live_figures(page) for slider, label in sliders(figure)]  # fmt: skip


def main(arguments: list[str]) -> None:
    medians = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_lessons(folder)
        with jupyterlab(folder) as (home, address), chromium(folder / ".profile", home) as browser:
            for lesson in lessons(all_of_them="--all" in arguments):
                with browser.page() as page:
                    seconds, figures = measure(page, address, lesson)
                print(f"{lesson}: {seconds:.0f} s")
                for label, milliseconds in figures:
                    print(f"    {milliseconds:4.0f} ms   {label}", flush=True)
                    medians.append(milliseconds)
    print(f"{len(medians)} sliders: median {statistics.median(medians):.0f} ms, slowest {max(medians):.0f} ms")


if __name__ == "__main__":
    main(sys.argv[1:])
