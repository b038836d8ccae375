"""Set up, open, check and test the course. Standard library only, so that it runs before anything is installed.

usage: python tools/course.py course [JupyterLab's options]   set up and open JupyterLab on start_here
       python tools/course.py check [NOTEBOOK ...]            run your own notebooks in work/, print scorecards
       python tools/course.py reset EXERCISE                  a fresh copy; yours is kept beside it
       python tools/course.py grading selftest | release ... | grade ... | export ...   for instructors
       python tools/course.py test [pytest's options]         install what authors need and run every test, on the
                                                              versions of constraints.txt or --versions FILE|newest,
                                                              each of the last two in a .venv-... of its own
       python tools/course.py site [--lite]                   build the web edition into build/site
       python tools/course.py site-links                      ask its external links for an answer
       python tools/course.py test-web [pytest's options]     build it and test it in Chromium
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
THREAD_CAPS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Stop(Exception):
    """Something that the person at the keyboard can mend; the message says how."""


def require_python(version=sys.version_info):
    if tuple(version[:2]) < OLDEST:
        raise Stop(
            "Downhill needs Python {}.{} or newer, and this is Python {}.{}. Install a newer one from python.org, "
            "then run `make course PYTHON=python3.12` (Windows: `py -3.12 tools/course.py course`).".format(
                *(OLDEST + tuple(version[:2]))
            )
        )


def run(command, **options):
    return subprocess.run([str(part) for part in command], cwd=str(ROOT), **options).returncode


def venv_program(name, venv=".venv"):
    folder, ending = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
    return ROOT / venv / folder / (name + ending)


def install(requirements, constraints=None, venv=".venv"):
    """Make a virtual environment if it is missing and install a requirements file, unless that was done before."""
    python = venv_program("python", venv)
    if not python.exists() and run([sys.executable, "-m", "venv", ROOT / venv]) != 0:
        shutil.rmtree(ROOT / venv, ignore_errors=True)
        raise Stop(
            f"Could not make the folder {venv}. On Debian or Ubuntu run `sudo apt install python3-venv`; elsewhere "
            "install Python from python.org. Then run the same command again."
        )
    files = [ROOT / name for name in ("pyproject.toml", "requirements.txt", requirements, constraints) if name]
    state = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    stamp = ROOT / venv / "installed"
    if stamp.exists() and stamp.read_text() == state:
        return
    print(f"Installing what {requirements} names into {venv} (a few minutes, once) ...", flush=True)
    pins = ["-c", constraints] if constraints else []
    if run([python, "-m", "pip", "install", "--quiet", "-r", requirements] + pins) != 0:
        raise Stop(
            "The installation stopped; the lines above say why. Most often there is no connection to the package "
            "index: connect and run the same command again. Nothing in work/ was touched."
        )
    stamp.write_text(state)


def copy_missing_exercises():
    """Copy to work/ the exercises that are not there yet. A file that is there is never touched."""
    copied = []
    for source in sorted((ROOT / "exercises").glob("*/*.ipynb")):
        target = ROOT / "work" / source.relative_to(ROOT / "exercises")
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(source), str(target))
            copied.append(target)
    return copied


def course(options):
    install("requirements.txt")
    for path in copy_missing_exercises():
        print(f"new exercise: {path.relative_to(ROOT)}")
    # JupyterLab runs the scripts of stored figures and quizzes only in notebooks that this user trusts.
    lessons = sorted((ROOT / "notebooks").glob("**/*.ipynb"))
    run([venv_program("jupyter-trust"), *lessons], stdout=subprocess.DEVNULL)
    command = [venv_program("jupyter-lab"), f"--ServerApp.root_dir={ROOT}",
               "--LabApp.default_url=/lab/tree/notebooks/start_here.ipynb"]  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    try:
        return run(command + options)
    except KeyboardInterrupt:
        return 0


def check(notebooks):
    python = venv_program("python")
    if not python.exists():
        raise Stop("The course is not set up yet: run `make course` once, solve an exercise, and check it then.")
    words = [word if word.startswith("-") or word.isdigit() else Path(word).resolve() for word in notebooks]
    return run([python, ROOT / "tools" / "check.py", *words])


def reset(arguments):
    known = sorted(path.relative_to(ROOT / "exercises").with_suffix("").as_posix()
                   for path in (ROOT / "exercises").glob("*/*.ipynb"))  # fmt: skip
    name = arguments[0].replace("\\", "/").removeprefix("work/").removesuffix(".ipynb") if arguments else ""
    if name not in known:
        raise Stop("Say which exercise to reset, for example `make reset EXERCISE={}`. There are: {}.".format(
            known[0] if known else "PART/NAME", ", ".join(known)))  # fmt: skip
    target = ROOT / "work" / (name + ".ipynb")
    if target.exists():
        number = 1
        while target.with_suffix(f".old-{number}.ipynb").exists():
            number += 1
        kept = target.with_suffix(f".old-{number}.ipynb")
        target.rename(kept)
        print(f"Your notebook is kept as {kept.relative_to(ROOT)}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(str(ROOT / "exercises" / (name + ".ipynb")), str(target))
    print(f"A fresh copy is in {target.relative_to(ROOT)}.")
    return 0


def grading(words):
    """Install what instructors need and run the grader, in the folder from which it was called."""
    install("requirements-dev.txt", "constraints.txt")
    return subprocess.run([str(venv_program("downhill-grading")), *words]).returncode


def test(options):
    """Run every test on the versions of constraints.txt, of another such file, or on the newest."""
    versions = "constraints.txt"
    if "--versions" in options:
        at = options.index("--versions")
        versions = "".join(options[at + 1 : at + 2])
        options = options[:at] + options[at + 2 :]
    if versions != "newest" and not (versions and (ROOT / versions).is_file()):
        raise Stop("--versions takes `newest` or a file of pins such as constraints-oldest.txt.")
    venv = ".venv" if versions == "constraints.txt" else f".venv-{Path(versions).stem.removeprefix('constraints-')}"
    install("requirements-dev.txt", None if versions == "newest" else versions, venv)
    # The last printed digit may differ with other versions and on other systems: there, notebooks must only run.
    strict = versions == "constraints.txt" and sys.platform.startswith("linux")
    print("Stored outputs are {}compared.".format("" if strict else "not "), flush=True)
    command = [venv_program("python", venv), "-m", "pytest", "--nbval" if strict else "--nbval-lax"]
    return run(command + options, env={**os.environ, **THREAD_CAPS})


def site(options, command="build"):
    """Build the web edition, or ask its external links for an answer."""
    install("requirements-web.txt", "constraints.txt")
    return run([venv_program("python"), ROOT / "tools" / "website.py", command] + options)


def need_chromium():
    if shutil.which("chromium") is None:
        raise Stop("The tests of the web edition need Chromium: run `sudo apt install chromium`, then this again.")


def test_web(options):
    """Build the web edition and test it, and a lesson of each part in JupyterLab, in Chromium."""
    need_chromium()
    if site([]) != 0:
        return 1
    command = [venv_program("python"), "-m", "pytest", "tests/web", "--ignore", "tests/web/test_lite.py"]
    return run(command + ["--dist", "load"] + options, env={**os.environ, **THREAD_CAPS})


def test_lite(options):
    """Run lessons and solve exercises in the edition whose kernel runs in the browser."""
    need_chromium()
    install("requirements-web.txt", "constraints.txt")
    command = [venv_program("python"), "-m", "pytest", "--numprocesses", "0", "tests/web/test_lite.py"]
    return run(command + options, env={**os.environ, **THREAD_CAPS})


COMMANDS = {"course": course, "check": check, "reset": reset, "grading": grading, "test": test,
            "site": site, "site-links": lambda options: site(options, "links"), "test-web": test_web,
            "test-lite": test_lite}  # fmt: skip


def main(arguments):
    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__)
        return 2
    try:
        require_python()
        return COMMANDS[arguments[0]](arguments[1:])
    except Stop as stop:
        print("\n" + str(stop), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
