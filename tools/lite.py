"""Build the edition that runs in the browser: JupyterLite with the course, its kernel and its packages.

usage: python tools/lite.py DESTINATION [--pyodide FOLDER]

Without ``--pyodide`` the browser takes Pyodide from its CDN, and from beside the site only what Pyodide does not
bring. With a folder of Pyodide's files the site is self-contained. Needs npm for the list of Pyodide's packages.
Standard library only: JupyterLite itself is installed into .venv-lite.
"""

import argparse
import base64
import copy
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import course

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ROOT / "site" / "lite"
CACHE = ROOT / "build" / "lite-cache"
VERSION = "0.27.7"
CDN = f"https://cdn.jsdelivr.net/pyodide/v{VERSION}/full"
APPS = ("lab", "notebooks", "tree")
# What the wheels need of each other and of Pyodide; parts that only an installed Jupyter uses are left out.
DEPENDS = {
    "anywidget": ["ipywidgets", "psygnal", "typing-extensions"],
    "downhill": ["numpy", "scipy", "matplotlib", "scikit-learn", "seaborn", "ipywidgets", "anywidget"],
    "ipywidgets": ["comm", "ipython", "traitlets"],
    "comm": ["traitlets"],
    "seaborn": ["numpy", "pandas", "matplotlib"],
}
IMPORTS = {"downhill": ["downhill", "helpers"], "typing-extensions": ["typing_extensions"]}
# From how many seconds on a notebook says at its top that it is slow; site/lite/seconds.json has what was measured.
SLOW = 120
# In JupyterLite's script: where it drops the waiting cells after an error, and where the kernel is named.
STOP_AFTER_ERROR = '"execute_reply"===e.header.msg_type&&"error"===e.content.status&&h.cancel()'
KERNEL = "m=await l({id:u,sendMessage:g,"


def course_wheel(folder: Path) -> Path:
    """Write ``downhill`` and ``helpers`` as a pure wheel, the same bytes for the same course; return its path."""
    files = {path.relative_to(ROOT).as_posix(): path.read_bytes()
             for path in (ROOT / "helpers.py", *(ROOT / "downhill").rglob("*"))
             if path.is_file() and "__pycache__" not in path.parts}  # fmt: skip
    files["downhill/__init__.py"] += (SETTINGS / "downhill_init.py").read_bytes()
    info = "downhill-0.1.0.dist-info"
    files[f"{info}/METADATA"] = b"Metadata-Version: 2.1\nName: downhill\nVersion: 0.1.0\n"
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: lite\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    rows = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(content)}\n")
    files[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"]).encode()
    wheel = folder / "downhill-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), files[name], zipfile.ZIP_DEFLATED)
    return wheel


def download_wheels(folder: Path) -> None:
    """Bring the wheels of pins/lite-wheels.txt, each checked against its hash, to ``folder``."""
    wanted = ROOT / "pins" / "lite-wheels.txt"
    state = hashlib.sha256(wanted.read_bytes()).hexdigest()
    stamp = folder / "complete"
    if stamp.exists() and stamp.read_text() == state:
        return
    shutil.rmtree(folder, ignore_errors=True)
    command = [course.venv_program("python", ".venv-lite"), "-m", "pip", "download", "--quiet", "--no-deps",
               "--only-binary=:all:", "--python-version=3.12", "--implementation=py", "--abi=none", "--platform=any",
               "--require-hashes", "-r", wanted, "-d", folder]  # fmt: skip
    if course.run(command) != 0:
        raise course.Stop(f"The wheels that {wanted.relative_to(ROOT)} names could not be had; the lines above say "
                          "why. Connect to the package index and run the same command again.")  # fmt: skip
    stamp.write_text(state)


def core() -> Path:
    """Return the folder with Pyodide's core and official lock, of the npm package ``pyodide``."""
    folder = CACHE / f"pyodide-{VERSION}"
    if not (folder / "package").is_dir():
        if not shutil.which("npm"):
            raise course.Stop("npm is missing: it brings the list of Pyodide's packages. On Debian or Ubuntu run "
                              "`sudo apt install npm`.")  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        command = [shutil.which("npm"), "pack", "--silent", f"pyodide@{VERSION}", "--pack-destination", folder]
        if course.run(command, stdout=subprocess.DEVNULL) != 0:
            raise course.Stop(f"npm could not bring pyodide@{VERSION}. Connect, and run the same command again.")
        with tarfile.open(folder / f"pyodide-{VERSION}.tgz") as archive:
            archive.extractall(folder, filter="data")
    return folder / "package"


def entry(wheel: Path, prefix: str) -> dict[str, Any]:
    """Return the lock's entry of a pure wheel."""
    name, version = wheel.name.split("-")[:2]
    name = name.replace("_", "-")
    return {
        "name": name, "version": version, "file_name": prefix + wheel.name, "install_dir": "site",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(), "package_type": "package",
        "imports": IMPORTS.get(name, [name]), "depends": DEPENDS.get(name, []), "unvendored_tests": False,
    }  # fmt: skip


def lock(
    official: dict[str, Any], wheels: Iterable[Path], prefix: str = "wheels/"
) -> dict[str, Any]:
    """Return Pyodide's lock with entries of our own wheels."""
    extended = copy.deepcopy(official)
    extended["packages"] |= {row["name"]: row for row in (entry(wheel, prefix) for wheel in wheels)}
    return extended


def binder(name: str) -> str:
    """Return where to run a notebook on a larger machine: a link to Binder if the course has a public repository."""
    repository = os.environ.get("DOWNHILL_REPOSITORY", "").rstrip("/")
    if not repository:
        return "on Binder"
    launch = repository.replace("https://github.com/", "https://mybinder.org/v2/gh/")
    return f"on [Binder]({launch}/HEAD?urlpath=lab/tree/{name})"


def first_words(name: str) -> str:
    """Return what a student should know before running this notebook in the browser, or an empty string."""
    if name == "notebooks/start_here.ipynb":
        return (SETTINGS / "start_here.md").read_text(encoding="utf-8")
    seconds = json.loads((SETTINGS / "seconds.json").read_text(encoding="utf-8")).get(name, 0)
    if seconds <= SLOW:
        return ""
    return (f"**Slow in the browser.** All cells together take about {round(seconds / 60)} minutes here, several times "
            f"as long as Python on a computer of its own takes. To run it faster, set the course up on your machine "
            f"(`make course`; the README says how), or open this notebook {binder(name)}.")  # fmt: skip


def markdown(name: str, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}


def lite_copy(path: Path) -> dict[str, Any]:
    """Return a notebook without outputs whose links lead to other notebooks of this edition, with what differs here."""
    notebook, name = json.loads(path.read_text(encoding="utf-8")), path.relative_to(ROOT).as_posix()
    fails = json.loads((SETTINGS / "differences.json").read_text(encoding="utf-8")).get(name, {})
    for at, cell in reversed(list(enumerate(notebook["cells"]))):
        if sentence := fails.get(cell["id"]):
            cell["metadata"].setdefault("tags", []).append("raises-exception")
            notebook["cells"].insert(at, markdown(f"{cell['id']}-in-the-browser", sentence))
    if words := first_words(name):
        notebook["cells"].insert(1, markdown("in-the-browser", words))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
        else:
            cell["source"] = "".join(cell["source"]).replace("(../../work/", "(../../exercises/")
    return notebook


def write_contents(folder: Path, solutions: bool = True) -> None:
    for source in ("notebooks", "exercises", "solutions")[: None if solutions else -1]:
        for path in sorted((ROOT / source).rglob("*.ipynb")):
            if ".ipynb_checkpoints" not in path.parts:
                target = folder / path.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(json.dumps(lite_copy(path), ensure_ascii=False, indent=1), encoding="utf-8")


def write_pyodide(folder: Path, pyodide: Path | None, cdn: str) -> None:
    """Write what the browser loads its kernel from: the files themselves, or a script that gets them from a CDN."""
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    if pyodide:
        shutil.copytree(pyodide, folder, dirs_exist_ok=True)
    else:
        script = (SETTINGS / "pyodide.js").read_text(encoding="utf-8").replace("CDN/", f"{cdn}/")
        (folder / "pyodide.js").write_text(script, encoding="utf-8")
    download_wheels(CACHE / "wheels")
    for wheel in (CACHE / "wheels").glob("*.whl"):
        shutil.copy(wheel, wheels)
    course_wheel(wheels)
    official = json.loads((core() / "pyodide-lock.json").read_text(encoding="utf-8"))
    extended = lock(official, sorted(wheels.glob("*.whl")))
    (folder / "pyodide-lock.json").write_text(json.dumps(extended), encoding="utf-8")


def go_on_after_expected_errors(destination: Path) -> None:
    """Let a cell tagged ``raises-exception`` fail without stopping those after it, as in JupyterLab.

    JupyterLite 0.6 drops all waiting cells after any error. An unanswered exercise would so end *Run All Cells*.
    """
    found = [(path, path.read_text(encoding="utf-8")) for path in (destination / "build").glob("*.js")]
    found = [(path, text) for path, text in found if STOP_AFTER_ERROR in text]
    if len(found) != 1 or found[0][1].count(STOP_AFTER_ERROR) != 1 or KERNEL not in found[0][1]:
        raise course.Stop("JupyterLite changed: say in tools/lite.py where it now drops the cells after an error.")
    path, text = found[0]
    asked = STOP_AFTER_ERROR.replace("&&h.", "&&!1!==m.parent?.content?.stop_on_error&&h.")
    path.write_text(text.replace(STOP_AFTER_ERROR, asked), encoding="utf-8")


def build(
    destination: Path | str, pyodide: Path | None = None, cdn: str = CDN, solutions: bool = True
) -> None:
    """Build the site into a folder, which is emptied first.

    Parameters
    ----------
    destination : path
    pyodide : path, optional
        A folder with Pyodide's core and wheels; the site is then self-contained.
    cdn : str
        Where the browser gets Pyodide from otherwise.
    solutions : bool
        Whether the solutions are among the notebooks.

    Raises
    ------
    course.Stop
        If a package cannot be had; the message says what to do.
    """
    destination = Path(destination).resolve()
    course.install("pins/lite.txt", venv=".venv-lite")
    shutil.rmtree(destination, ignore_errors=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = json.loads((SETTINGS / "jupyter-lite.json").read_text(encoding="utf-8"))
        kernel = settings["jupyter-config-data"]["litePluginSettings"]["@jupyterlite/pyodide-kernel-extension:kernel"]
        kernel["disablePyPIFallback"] = pyodide is not None
        (folder / "jupyter-lite.json").write_text(json.dumps(settings), encoding="utf-8")
        shutil.copy(SETTINGS / "overrides.json", folder)
        write_contents(folder / "files", solutions)
        write_pyodide(folder / "static" / "pyodide", pyodide, cdn)
        command = [course.venv_program("jupyter", ".venv-lite"), "lite", "build", "--lite-dir", folder, "--contents",
                   folder / "files", "--output-dir", destination, "--no-sourcemaps", "--log-level", "WARN",
                   *(word for app in APPS for word in ("--apps", app))]  # fmt: skip
        finished = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True)
    if finished.returncode != 0:
        raise course.Stop(f"JupyterLite did not build:\n{finished.stdout}\n{finished.stderr}")
    go_on_after_expected_errors(destination)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("destination")
    parser.add_argument("--pyodide", type=Path, metavar="FOLDER")
    options = parser.parse_args(arguments)
    try:
        course.require_python()
        build(options.destination, options.pyodide)
    except course.Stop as stop:
        print(f"\n{stop}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
