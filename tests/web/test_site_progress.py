"""The pure functions of the site's pages, by Node's own test runner."""

import shutil
import subprocess
from pathlib import Path

import pytest

NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="node is not there: `sudo apt install npm`, or nodejs.org")
def test_what_pages_compute():
    tests = Path(__file__).with_name("progress.test.js")
    done = subprocess.run([NODE, "--test", str(tests)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
