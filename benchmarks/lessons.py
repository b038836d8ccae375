"""What each lesson and each notebook of exercises costs: CPU seconds and memory of its kernel, one BLAS thread.

usage: make bench NAME=lessons ARGS="[NOTEBOOK ...]"
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

import nbformat

import notebooks

ROOT = Path(__file__).resolve().parent.parent


def cost(path: Path) -> tuple[float, float]:
    """Run one notebook; return the CPU seconds and the peak memory in MB of its kernel."""
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    notebooks.execute(nbformat.read(path, as_version=4), path.parent, allow_errors=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = used.ru_utime + used.ru_stime - own.ru_utime - own.ru_stime
    return seconds, used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--one"]:
        print("{:6.1f} s {:6.0f} MB".format(*cost(Path(arguments[1]))))
        return
    paths = [Path(a).resolve() for a in arguments] or [
        p for folder in ("notebooks", "solutions", "exercises") for p in sorted((ROOT / folder).rglob("*.ipynb"))
    ]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    for path in paths:  # a process each, so that the peak of one is not that of the next
        finished = subprocess.run([sys.executable, __file__, "--one", path], env=env, capture_output=True, text=True)
        print(f"{path.relative_to(ROOT).as_posix():52} {finished.stdout.strip() or finished.stderr[-200:]}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
