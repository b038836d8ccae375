"""Show that the grader works here: full marks for solutions, none for stubs, no way out."""

import json
import os
import tempfile
import time
from pathlib import Path

from grading import ROOT, CourseError
from grading.classroom.sheets import parts
from grading.classroom.submissions import Handed, Submission, find
from grading.engine.sandbox import missing
from grading.engine.session import Answer, Cell, Notebook, Sandbox, sandbox_of
from grading.grade import Options, grade_submission

__all__ = ["ATTEMPTS", "break_out", "prove_private", "released", "run"]

# What a student's code must not be able to do: a sentence, and code that sets `worked`.
ATTEMPTS = {
    "read the solutions": "worked = open({solution!r}).read() != ''",
    "list the course's folder": "import os; worked = os.listdir({root!r}) != []",
    "read a file of yours": "import os; worked = os.listdir({home!r}) != []",
    "read another process's environment": "import os; open(f'/proc/{{os.getppid()}}/environ').read(); worked = True",
    "write outside its folder": "open({outside!r}, 'w').write('x'); worked = True",
    "open a socket": "import socket; socket.socket(); worked = True",
    "start a program": "import subprocess; subprocess.run(['true']); worked = True",
    "start a process": "import os; worked = os.fork() >= 0",
    "kill the grader": "import os; os.kill(os.getppid(), 0); worked = True",
    "take 8 GB of memory": "worked = len(bytearray(8 * 10**9)) > 0",
    "change the mode of a file": "import os; os.chmod({solution!r}, 0o644); worked = True",
}


def break_out(sandbox: Sandbox) -> dict[str, bool]:
    """Try each attempt in its own process; return a dict from the attempt to whether it worked."""
    words = {
        "solution": str(next((ROOT / "solutions").glob("*/*.ipynb"))),
        "root": str(ROOT),
        "home": os.path.expanduser("~"),
        "outside": str(Path(tempfile.gettempdir()) / "downhill-was-here"),
    }
    found = {}
    for name, code in ATTEMPTS.items():
        cells = [
            Cell("attempt", f"worked = False\n{code.format(**words)}"),
            Cell("ask", "def ask(): return worked"),
        ]
        notebook = Notebook(sandbox, cells, cell_seconds=20)
        try:
            found[name] = bool(Answer(notebook, "ask")())
        finally:
            notebook.close()
    return found


def run(part: str | None = None) -> int:
    """Run the whole self-test and say what came of it; return the exit code."""
    good = True
    if lacking := missing():
        print("\n".join(lacking))
        print(
            "This machine cannot protect you from students' code; grading needs --no-sandbox, on "
            "a machine that "
            "holds nothing of value."
        )
        return 2
    for name, worked in break_out(sandbox_of(True)).items():
        print(f"{'NOT PROTECTED' if worked else 'protected'}: a student's code tries to {name}")
        good &= not worked
    for each in [part] if part else parts():
        for folder, wanted in (("solutions", "all"), ("exercises", "none")):
            started = time.perf_counter()
            options = Options(each, str(ROOT))
            with tempfile.TemporaryDirectory() as where:
                target = Path(where) / folder
                target.mkdir()
                for path in sorted((ROOT / folder / each).glob("*.ipynb")):
                    target.joinpath(path.name).write_bytes(
                        released(path) if folder == "solutions" else path.read_bytes()
                    )
                result = grade_submission(find(where, each)[0], options)
            expected = result["max_score"] if wanted == "all" else 0
            good &= result["points"] == expected
            print(
                f"{each}: {folder} get {result['points']} of {result['max_score']} points, "
                f"expected {expected} "
                f"({time.perf_counter() - started:.1f} s)"
            )
            for notebook in result["notebooks"]:
                for exercise in notebook["exercises"]:
                    if (exercise["state"] == "passed") != (wanted == "all"):
                        print(
                            f"  {notebook['name']}, {exercise['slug']}: {exercise['state']} "
                            f"{exercise['problem']} "
                            f"{exercise['said'][-1:]}"
                        )
    print(
        "All is well."
        if good
        else "Something above is not as it should be: do not grade with this."
    )
    return 0 if good else 1


def prove_private(options: Options) -> None:
    """Run an instructor's own checks on the course's solutions, before they decide anybody's mark.

    Parameters
    ----------
    options : Options

    Raises
    ------
    CourseError
        If a check of theirs refuses a solution; the sentence says which, and what it said.
    """
    with tempfile.TemporaryDirectory() as folder:
        handed = []
        for path in sorted((ROOT / "solutions" / options.part).glob("*.ipynb")):
            target = Path(folder) / path.name
            target.write_bytes(released(path))
            handed.append(Handed(path.name, str(target)))
        result = grade_submission(Submission("the solutions", "", tuple(handed)), options)
    said = [
        f"check_{exercise['slug']}: {exercise['detail']}"
        for notebook in result["notebooks"]
        for exercise in notebook["exercises"]
        if exercise["state"] != "passed"
    ]
    if said:
        raise CourseError(
            "Your own checks refuse the course's solutions. Nothing was graded.\n" + "\n".join(said)
        )


def released(path: Path) -> bytes:
    """A solution as a student would hand it in: without what is for readers of solutions alone."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"] = [
        c for c in notebook["cells"] if "solution-only" not in c["metadata"].get("tags", [])
    ]
    return json.dumps(notebook).encode()
