"""ruff on code and notebooks, mypy on every package."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

WITH_STUBS = pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) < "2.3.0", reason="older NumPys tell other types than those we check against"
)


def mypy(*arguments):
    command = [sys.executable, "-m", "mypy", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_ruff_finds_nothing():
    command = [sys.executable, "-m", "ruff", "check", "--output-format=concise", "."]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout


def test_helpers_stays_short():
    assert len((ROOT / "helpers.py").read_text(encoding="utf-8").splitlines()) <= 400


@WITH_STUBS
def test_every_argument_of_a_public_function_has_its_type():
    finished = mypy()
    assert finished.returncode == 0, finished.stdout + finished.stderr


@WITH_STUBS
def test_an_argument_without_a_type_is_an_error(tmp_path):
    for text in ("def half(x):\n    return x / 2\n", "def half(x, n: int) -> float:\n    return x / n\n"):
        (tmp_path / "untyped.py").write_text(text, encoding="utf-8")
        finished = mypy("--config-file", str(ROOT / "pyproject.toml"), str(tmp_path / "untyped.py"))
        assert finished.returncode == 1 and "no-untyped-def" in finished.stdout
