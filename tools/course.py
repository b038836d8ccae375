"""Set up, open, check and test the course. Standard library only: it runs before any installation.

usage: python tools/course.py course [OPTION ...]     set up, open JupyterLab with its options
       python tools/course.py work                    only put your copies of the exercises into work/
       python tools/course.py check [NOTEBOOK ...]    run your notebooks in work/, print scorecards
       python tools/course.py update [EXERCISE ...]   put corrected tasks around your answers
       python tools/course.py add ZIP                 unpack another part, or a newer zip, here
       python tools/course.py reset EXERCISE          a fresh copy; yours is kept beside it

       python tools/course.py grading WORD ...        for instructors: selftest, release, grade, ...
       python tools/course.py install                 install what authors need
       python tools/course.py lock                    pin the newest versions for CI
       python tools/course.py test [--versions FILE|newest] [OPTION ...]
            install what authors need and run every test with pytest's options, on the versions of
            pins/constraints.txt, or on others in a .venv-... of its own
       python tools/course.py site [--lite] [--without-solutions]   build the web edition
       python tools/course.py site-links              ask its external links for an answer
       python tools/course.py test-web [OPTION ...]   build it and test it in Chromium
       python tools/course.py test-lite [OPTION ...]  test the edition that runs in the browser
"""

import hashlib
import importlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
STUDENT, PINS = "requirements.txt", "pins/constraints.txt"  # what students need, and CI's versions
THREAD_CAPS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Stop(Exception):
    """Something that the person at the keyboard can mend; the message says how."""


def require_python(version: "Sequence[Any]" = sys.version_info) -> None:
    if tuple(version[:2]) < OLDEST:
        raise Stop(
            "Downhill needs Python {}.{} or newer, and this is Python {}.{}. Install a newer one "
            "from python.org, "
            "then run `make course PYTHON=python3.12` (Windows: `py -3.12 tools/course.py course`).".format(
                *(OLDEST + tuple(version[:2]))
            )
        )


def run(command: "Iterable[object]", **options: Any) -> int:
    return subprocess.run([str(part) for part in command], cwd=str(ROOT), **options).returncode


def venv_program(name: str, venv: str = ".venv") -> Path:
    folder, ending = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
    return ROOT / venv / folder / (name + ending)


def covered(name: str) -> "list[str]":
    """Return what is there once `name` is installed, itself first.

    An extra of pyproject.toml brings the extras that it names, and what students need.
    """
    if name.endswith(".txt"):
        return [name]
    import tomllib  # no Python that the course admits lacks it

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    inner = re.findall(r"downhill\[(\w+)\]", " ".join(project["optional-dependencies"][name]))
    return [name, *(each for extra in inner for each in covered(extra)), STUDENT]


def install(
    name: str, pins: "str | None" = None, venv: str = ".venv", ranges: bool = False
) -> None:
    """Make a virtual environment if it is missing and install into it, unless that was done before.

    Parameters
    ----------
    name : str
        A file of requirements, or the course with an extra of pyproject.toml. Installing it also
        counts for what it covers: each has a stamp of its own.
    pins : str, optional
        The file of pinned versions.
    venv : str
    ranges : bool
        Where the pinned versions cannot be had, take what pyproject.toml admits.

    Raises
    ------
    Stop
        If there is no such environment and none can be made, or pip fails.
    """
    python = venv_program("python", venv)
    refuse_moved(venv)
    if not python.exists() and run([sys.executable, "-m", "venv", ROOT / venv]) != 0:
        shutil.rmtree(ROOT / venv, ignore_errors=True)
        raise Stop(
            f"Could not make the folder {venv}. On Debian or Ubuntu run `sudo apt install "
            f"python3-venv`; elsewhere "
            "install Python from python.org. Then run the same command again."
        )

    def state(name: str) -> str:
        files = ["pyproject.toml", *([name] if name.endswith(".txt") else [])]
        files += [pins] if pins else []
        return hashlib.sha256(b"".join((ROOT / file).read_bytes() for file in files)).hexdigest()

    def stamp(name: str) -> Path:
        return ROOT / venv / f"installed-{Path(name).stem}"

    if stamp(name).exists() and stamp(name).read_text() == state(name):
        return
    extra = not name.endswith(".txt")
    what = f"the extra {name} of pyproject.toml" if extra else f"what {name} names"
    print(f"Installing {what} into {venv} (a few minutes, once) ...", flush=True)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["-e", f".[{name}]"] if extra else ["-r", name]
    said = pip(command + (["-c", pins] if pins else []))
    if said and ranges and pins and not OFFLINE.search(said):
        print(
            f"Not every version that {pins} names can be installed here (Python "
            f"{platform.python_version()}, {platform.system()}). Taking what pyproject.toml "
            "admits: the last digits of a lesson's numbers may differ; exercises, checks and "
            "marks are the same ...",
            flush=True,
        )
        said = pip(command)
    if said:
        print(said, file=sys.stderr)
        raise Stop(
            "The installation stopped; the lines above say why. Most often there is no "
            "connection to the package "
            "index: connect and run the same command again. Nothing in work/ was touched."
        )
    for each in covered(name):
        stamp(each).write_text(state(each))
    (ROOT / venv / "place").write_text(str(ROOT), encoding="utf-8")


def refuse_moved(venv: str = ".venv") -> None:
    """Stop if the folder was moved since its packages were installed: their programs are lost."""
    place = ROOT / venv / "place"
    if place.exists() and place.read_text(encoding="utf-8") != str(ROOT):
        raise Stop(
            f"This folder was moved or copied since {venv} was made. Delete {venv} and type "
            "`make course` again; your work is not in there."
        )


OFFLINE = re.compile(
    "from versions: none|NewConnectionError|NameResolutionError|ConnectTimeout|ProxyError"
)


def pip(command: "Iterable[object]") -> str:
    """Run pip; return what it said if it failed, and "" if it did not."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=str(ROOT),
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    return done.stderr.strip() or "pip failed and said nothing." if done.returncode else ""


# -- the exercises in work/ ------------------------------------------------------------------


def tool(name: str) -> ModuleType:
    """Import another tool of this course; this file runs as a script, too."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return importlib.import_module(f"tools.{name}")


def exercises() -> "list[str]":
    """Return the names of the exercise notebooks, such as "1_landscape/1_surfaces"."""
    return sorted(
        path.relative_to(ROOT / "exercises").with_suffix("").as_posix()
        for path in (ROOT / "exercises").glob("*/*.ipynb")
    )


def copy_missing_exercises() -> "list[Path]":
    """Copy to work/ the exercises that are not there yet. A file that is there is never touched."""
    copied = []
    for name in exercises():
        target = ROOT / "work" / (name + ".ipynb")
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(ROOT / "exercises" / (name + ".ipynb")), str(target))
            copied.append(target)
    return copied


def fit_links() -> None:
    """Make links of handed-out lessons fit the parts that are here; a checkout stays as it is."""
    relink = tool("relink")
    for folder in ("notebooks", "exercises"):
        for path in sorted((ROOT / folder).glob("**/*.ipynb")):
            text = path.read_text(encoding="utf-8", errors="replace")
            if relink.OWN not in text:
                continue
            try:
                notebook = tool("versions").read(path)
            except tool("versions").NotebookError:
                continue
            page = path.relative_to(ROOT).as_posix()
            if relink.fit_notebook(notebook, page, lambda name: (ROOT / name).exists()):
                replace(path, relink.written(notebook))


def replace(path: Path, text: str) -> None:
    """Write a file so that it is there whole, old or new, whatever happens."""
    draft = path.with_name("." + path.name + ".draft")
    draft.write_text(text, encoding="utf-8", newline="\n")
    draft.replace(path)


def revisions(name: str) -> "tuple[dict[str, Any], dict[str, Any], dict[str, Any], list[Any]]":
    """Return the student's notebook, the released one, its history, and what was changed.

    Raises
    ------
    versions.NotebookError
    """
    versions = tool("versions")
    mine = versions.read(ROOT / "work" / (name + ".ipynb"))
    given, known = (
        versions.read(ROOT / "exercises" / (name + ".ipynb")),
        versions.released(*name.split("/"), ROOT),
    )
    return mine, given, known, versions.changes(mine, given, known)


def work(_: "Sequence[str]" = ()) -> int:
    """Copy missing exercises to work/, and say which of those that are there were revised."""
    fit_links()
    for path in copy_missing_exercises():
        print(f"new exercise: {path.relative_to(ROOT)}")
    fit_links()  # lessons lead to the new copies
    for name in exercises():
        try:
            changed = revisions(name)[-1]
        except tool("versions").NotebookError as error:
            print(
                f"{error}; it stays as it is, and `make reset EXERCISE={name}` gives a fresh "
                f"copy beside it."
            )
            continue
        if changed:
            print(
                f"revised: {name}: {said(changed)}.\n"
                f"  `make update EXERCISE={name}` (without make: `py tools/course.py update "
                f"{name}`)\n"
                "  puts this around your answers, and keeps your notebook beside the new one."
            )
    return 0


def said(changed: "Iterable[Any]") -> str:
    """Say in words what was changed, each thing once."""
    kinds = {"new": " (new)", "revised": "", "removed": " (no longer there)"}
    return ", ".join(dict.fromkeys(change.what + kinds[change.kind] for change in changed))


def keep(target: Path) -> Path:
    """Return the name under which a notebook of work/ is kept when a new one takes its place."""
    number = 1
    while target.with_suffix(f".old-{number}.ipynb").exists():
        number += 1
    return target.with_suffix(f".old-{number}.ipynb")


def exercise_named(word: str, example: str) -> str:
    """Return the exercise that a student means with PART/NAME or work/PART/NAME.ipynb."""
    known = exercises()
    name = word.replace("\\", "/").removeprefix("work/").removesuffix(".ipynb")
    if name not in known:
        raise Stop(
            "Say which exercise to {}, for example `make {} EXERCISE={}`. There are: {}.".format(
                example, example, known[0] if known else "PART/NAME", ", ".join(known)
            )
        )
    return name


def update(words: "list[str]") -> int:
    """Put revised tasks and checks around a student's answers, in the exercises named or in all."""
    for name in [exercise_named(word, "update") for word in words] or exercises():
        target = ROOT / "work" / (name + ".ipynb")
        if not target.exists():
            print(f"{name} is not in work/ yet: `make course` puts it there.")
            continue
        try:
            mine, given, known, changed = revisions(name)
        except tool("versions").NotebookError as error:
            print(
                f"{error}; it stays as it is. `make reset EXERCISE={name}` gives a fresh copy "
                f"beside it."
            )
            continue
        if not changed:
            print(f"{name} is up to date.")
            continue
        text, kept = (
            tool("relink").written(tool("versions").updated(mine, given, known)),
            keep(target),
        )
        shutil.copyfile(str(target), str(kept))
        replace(target, text)
        print(
            f"{name}: {said(changed)}. Your answers are where they were; your old notebook is "
            f"kept as "
            f"{kept.relative_to(ROOT)}."
        )
        if any(change.own and change.kind == "revised" for change in changed):
            print(
                "  You had changed one of these cells yourself. Where that was a text or given "
                "code, it stands below "
                "the new cell; look whether you still need it."
            )
    return 0


def add(words: "list[str]") -> int:
    """Unpack a part's zip into this folder; work/ and .venv are no business of a zip."""
    if (ROOT / "grading").is_dir():
        raise Stop(
            "This folder is the whole course; zips of parts are for students. To update it, use "
            "`git pull`."
        )
    if len(words) != 1 or not zipfile.is_zipfile(words[0]):
        raise Stop(
            "Say which zip to add, for example `make add ZIP=../2_convergence.zip`: a file that "
            "your instructor "
            "gave you, as it was downloaded."
        )
    with zipfile.ZipFile(words[0]) as archive:
        files = {name: name.split("/")[1:] for name in archive.namelist() if not name.endswith("/")}
        within = (
            name.startswith("downhill/")
            and "\\" not in name
            and not {"", ".", ".."} & set(steps)
            and steps[0].lower() not in (".git", ".venv", "work")
            for name, steps in files.items()
        )
        if not all(within) or "downhill/tools/course.py" not in files:
            raise Stop(f"{words[0]} is not a part of this course. Nothing was unpacked.")
        try:
            contents = {name: archive.read(name) for name in files}
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise Stop(
                f"{words[0]} is damaged: download it again. Nothing was unpacked."
            ) from error
        files = newer(files, contents)
        for name, steps in files.items():
            target = ROOT.joinpath(*steps)
            keep_answers(target, contents[name])
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_name("." + target.name + ".draft")
            draft.write_bytes(contents[name])
            draft.replace(target)
    print(f"{Path(words[0]).name} is unpacked.")
    work()
    print("Now type `make course` (without make: `py tools/course.py course`).")
    return 0


def newer(files: "dict[str, list[str]]", contents: "dict[str, bytes]") -> "dict[str, list[str]]":
    """Return the files of a zip that are to be unpacked: of an older release those that lack here."""
    ours = tool("versions").load(ROOT)
    try:
        theirs = json.loads(contents.get("downhill/exercises/versions.json", b"{}"))
    except ValueError:
        theirs = {}

    def marks(history: "dict[str, Any]") -> "set[tuple[str, str, str]]":
        return {(name, cell, version[0]) for name, cells in history.items()
                for cell, versions in cells.items() for version in versions}  # fmt: skip

    if marks(ours) <= marks(theirs):
        return files
    print("This zip is older than what is here: only files that are not here yet are unpacked.")
    return {name: steps for name, steps in files.items() if not ROOT.joinpath(*steps).exists()}


def keep_answers(target: Path, content: bytes) -> None:
    """Put a copy into work/ if somebody has answered in exercises/, where a zip writes."""
    if target.parent.parent != ROOT / "exercises" or target.suffix != ".ipynb":
        return
    if not target.exists() or target.read_bytes() == content:
        return
    versions = tool("versions")
    try:
        mine, given = versions.read(target)["cells"], json.loads(content)["cells"]
    except (versions.NotebookError, ValueError, KeyError):
        mine, given = [], []
    stubs = {"".join(cell["source"]) for cell in given}
    if all("".join(cell["source"]) in stubs for cell in mine if versions.is_answer(cell)):
        return
    kept = keep(ROOT / "work" / target.parent.name / target.name)
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(str(target), str(kept))
    print(f"You had written answers into {target.relative_to(ROOT)}, which a zip replaces; they are "
          f"kept as {kept.relative_to(ROOT)}.")  # fmt: skip


# -- commands --------------------------------------------------------------------------------


def course(options: "list[str]") -> int:
    install(STUDENT, PINS, ranges=True)
    work()
    # JupyterLab runs the scripts of stored figures and quizzes only in notebooks that this user
    # trusts.
    lessons = sorted((ROOT / "notebooks").glob("**/*.ipynb"))
    run([venv_program("jupyter-trust"), *lessons], stdout=subprocess.DEVNULL)
    command = [
        venv_program("jupyter-lab"),
        f"--ServerApp.root_dir={ROOT}",
        "--LabApp.default_url=/lab/tree/notebooks/start_here.ipynb",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    try:
        return run(command + options)
    except KeyboardInterrupt:
        return 0


def in_work(word: str) -> Path:
    """Return the notebook that a word means: a path, or an exercise such as 1_landscape/1_surfaces."""
    mine = ROOT / "work" / (word.replace("\\", "/").removesuffix(".ipynb") + ".ipynb")
    return mine if mine.exists() and not Path(word).exists() else Path(word).resolve()


def check(notebooks: "list[str]") -> int:
    python = venv_program("python")
    if not python.exists():
        raise Stop(
            "The course is not set up yet: run `make course` once, solve an exercise, and check "
            "it then."
        )
    refuse_moved()
    words = [
        word if word.startswith("-") or word.isdigit() else in_work(word) for word in notebooks
    ]
    return run([python, ROOT / "tools" / "check.py", *words])


def reset(arguments: "list[str]") -> int:
    name = exercise_named(arguments[0] if arguments else "", "reset")
    target = ROOT / "work" / (name + ".ipynb")
    if target.exists():
        kept = keep(target)
        target.rename(kept)
        print(f"Your notebook is kept as {kept.relative_to(ROOT)}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(str(ROOT / "exercises" / (name + ".ipynb")), str(target))
    print(f"A fresh copy is in {target.relative_to(ROOT)}.")
    return 0


def grading(words: "list[str]") -> int:
    """Install what instructors need and run the grader, in the folder from which it was called."""
    install("dev", PINS, ranges=True)
    running = subprocess.Popen([str(venv_program("downhill-grading")), *words])
    while True:
        try:
            return running.wait()
        except KeyboardInterrupt:  # the grader has got it too, and says what is kept
            continue


def authors(_: "list[str]") -> int:
    """Install what authors need."""
    install("dev", PINS, ranges=True)
    print("What authors need is in .venv.")
    return 0


def lock(_: "list[str]") -> int:
    """Install the newest versions that pyproject.toml admits, and write them down as CI's."""
    venv = ".venv-newest"
    shutil.rmtree(ROOT / venv, ignore_errors=True)
    install("web", venv=venv)
    command = [str(venv_program("python", venv)), "-m", "pip", "freeze", "--exclude-editable"]
    frozen = subprocess.run(command, capture_output=True, text=True)
    if frozen.returncode != 0:
        raise Stop(f"pip could not say what is installed: {frozen.stderr}")
    replace(ROOT / PINS, frozen.stdout)
    print(f"{PINS} has the versions of today. Test them: `make test`, `make test-web`.")
    return 0


def test(options: "list[str]") -> int:
    """Run every test on CI's versions, on those of another file of pins, or on the newest."""
    versions = PINS
    if "--versions" in options:
        at = options.index("--versions")
        versions = "".join(options[at + 1 : at + 2])
        options = options[:at] + options[at + 2 :]
    if versions != "newest" and not (versions and (ROOT / versions).is_file()):
        raise Stop("--versions takes `newest` or a file of pins such as pins/oldest.txt.")
    venv = ".venv" if versions == PINS else f".venv-{Path(versions).stem}"
    install("dev", None if versions == "newest" else versions, venv)
    # The last printed digit may differ with other versions and on other systems: there, notebooks
    # must only run.
    strict = versions == PINS and sys.platform.startswith("linux")
    print("Stored outputs are {}compared.".format("" if strict else "not "), flush=True)
    command = [venv_program("python", venv), "-m", "pytest", "--nbval" if strict else "--nbval-lax"]
    return run(command + options, env={**os.environ, **THREAD_CAPS})


def site(options: "list[str]", command: str = "build") -> int:
    """Build the web edition, or ask its external links for an answer."""
    install("web", PINS)
    return run([venv_program("python"), ROOT / "tools" / "website.py", command] + options)


def need_chromium() -> None:
    if shutil.which("chromium") is None:
        raise Stop(
            "The tests of the web edition need Chromium: run `sudo apt install chromium`, then "
            "this again."
        )


def test_web(options: "list[str]") -> int:
    """Build the web edition and test it, and a lesson of each part in JupyterLab, in Chromium."""
    need_chromium()
    if site([]) != 0:
        return 1
    command = [
        venv_program("python"),
        "-m",
        "pytest",
        "tests/web",
        "--ignore",
        "tests/web/test_lite.py",
    ]
    return run(command + ["--dist", "load"] + options, env={**os.environ, **THREAD_CAPS})


def test_lite(options: "list[str]") -> int:
    """Run lessons and solve exercises in the edition whose kernel runs in the browser."""
    need_chromium()
    install("web", PINS)
    command = [
        venv_program("python"),
        "-m",
        "pytest",
        "--numprocesses",
        "0",
        "tests/web/test_lite.py",
    ]
    return run(command + options, env={**os.environ, **THREAD_CAPS})


STUDENTS: "dict[str, Callable[[list[str]], int]]" = {
    "course": course,
    "work": work,
    "check": check,
    "update": update,
    "reset": reset,
    "add": add,
}
COMMANDS: "dict[str, Callable[[list[str]], int]]" = {
    **STUDENTS,
    "grading": grading,
    "install": authors,
    "lock": lock,
    "test": test,
    "site": site,
    "site-links": lambda options: site(options, "links"),
    "test-web": test_web,
    "test-lite": test_lite,
}


def main(arguments: "list[str]") -> int:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(
            stream, "reconfigure"
        ):  # a console that lacks a letter shows its number, and nothing stops
            stream.reconfigure(errors="backslashreplace")
    handed_out = not (ROOT / "grading").is_dir()
    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__.split("\n\n       ")[0] if handed_out else __doc__)
        return 2
    try:
        require_python()
        if handed_out and arguments[0] not in STUDENTS:
            raise Stop(
                f"`{arguments[0]}` needs the whole course; this folder has what students need."
            )
        return COMMANDS[arguments[0]](arguments[1:])
    except Stop as stop:
        print("\n" + str(stop), file=sys.stderr)
        return 1
    except OSError as error:  # a full disk, a folder that may not be written to
        print(
            f"\n{error.filename or 'A file'}: {error.strerror or error}. Nothing of yours is lost.",
            file=sys.stderr,
        )
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
