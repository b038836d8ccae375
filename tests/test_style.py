"""ruff on code and notebooks."""

import subprocess
import sys

from conftest import ROOT


def test_ruff_finds_nothing():
    command = [sys.executable, "-m", "ruff", "check", "--output-format=concise", "."]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout


def test_helpers_stays_short():
    assert len((ROOT / "helpers.py").read_text(encoding="utf-8").splitlines()) <= 400
