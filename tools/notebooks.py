"""What authors run: store the outputs of notebooks, make the exercises, look at pictures.

usage: notebooks.py render [NOTEBOOK ...]   run lessons and solutions and store their outputs
       notebooks.py exercises [FOLDER]      make exercises/ (or FOLDER) from solutions/
       notebooks.py pictures NOTEBOOK FOLDER   write its stored pictures to a folder, to look at
"""

import base64
import datetime
import itertools
import logging
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
KEPT = ("tags", "nbgrader")  # of a cell's metadata; editors add their own
RANDOM_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f-]+)?")  # as editors give it to a new cell
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def execute(notebook: NotebookNode, folder: Path, **options: Any) -> NotebookNode:
    """Run a notebook in place, in a kernel of this environment that works in ``folder``."""
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        **{"timeout": 600, **options},
    )
    client.execute()
    return notebook


def grade_cells(notebook: NotebookNode) -> dict[str, NotebookNode]:
    """Return the cells that carry points, as a dict from grade_id to cell."""
    return {
        cell.metadata.nbgrader.grade_id: cell
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code"
    }


def errors(cell: NotebookNode) -> list[NotebookNode]:
    """Return the errors among a cell's outputs."""
    return [output for output in cell.get("outputs", []) if output.output_type == "error"]


def name_cells(cells: list[NotebookNode]) -> None:
    """Give each cell with a random id one that says what it is: its section, its kind, a number.

    Parameters
    ----------
    cells : list of NotebookNode
        Changed in place.
    """
    taken, section = {cell.id for cell in cells}, "start"
    for cell in cells:
        heading = cell.cell_type == "markdown" and re.search(r"^#+ +(.+)", cell.source, re.MULTILINE)
        if heading:
            section = re.sub(r"[^a-z0-9]+", "-", heading[1].lower()).strip("-")[:40] or section
        if RANDOM_ID.fullmatch(cell.id):
            kind = "code" if cell.cell_type == "code" else "text"
            names = (f"{section}-{kind}" + (f"-{n}" if n > 1 else "") for n in itertools.count(1))
            cell.id = next(name for name in names if name not in taken)
            taken.add(cell.id)


def render_one(path: Path) -> tuple[str, bool]:
    """Run a notebook and store its outputs; return how it went in a line, and whether it did."""
    started = time.perf_counter()
    name = path.relative_to(ROOT).as_posix()
    try:
        notebook = nbformat.read(path, as_version=4)
        execute(notebook, path.parent)
    except (CellExecutionError, DeadKernelError, nbformat.reader.NotJSONError) as error:
        return f"{name} is unchanged, because it stopped:\n{error}", False
    red = [error.evalue for cell in grade_cells(notebook).values() for error in errors(cell)]
    if red and "solutions" in path.parts:
        return f"{name} is unchanged, because its own answer fails:\n{red[0]}", False
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_VIEW, None)
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k in KEPT})
    name_cells(notebook.cells)
    notebook.metadata = nbformat.from_dict(METADATA)
    nbformat.write(notebook, path)
    return f"{name}: {time.perf_counter() - started:.1f} s", True


def render(paths: Iterable[str | Path]) -> int:
    chosen = [Path(p).resolve() for p in paths] or sorted(
        p
        for folder in ("notebooks", "solutions")
        for p in (ROOT / folder).rglob("*.ipynb")
        if ".ipynb_checkpoints" not in p.parts
    )
    if absent := [str(path) for path in chosen if not path.is_file()]:
        print(f"There is no such notebook: {', '.join(absent)}.")
        return 1
    done = True
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        for line, good in pool.map(render_one, chosen):
            print(line, flush=True)
            done &= good
    return 0 if done else 1


def make_exercises(folder: Path) -> None:
    """Generate the exercises of all parts, or none, into ``folder`` with nbgrader's converter.

    What `nbgrader generate_assignment PART --no-db --force` does, but nbgrader, slow to start,
    starts once, and it works in a folder of its own: it deletes what was made before, and would
    leave nothing if it fails. The course's own exercises/ also gets the history of its cells.
    """
    from nbgrader.converters import GenerateAssignment
    from nbgrader.converters.base import NbGraderException
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import PyFileConfigLoader

    from tools import versions

    logging.basicConfig(format="%(message)s")
    with tempfile.TemporaryDirectory() as made:
        for part in sorted(p.name for p in (ROOT / "solutions").iterdir() if p.is_dir()):
            config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
            config.CourseDirectory.update(
                root=str(ROOT), release_directory=made, assignment_id=part
            )
            config.GenerateAssignment.update(no_database=True, force=True)
            config.SaveCells.enabled = False
            try:
                GenerateAssignment(coursedir=CourseDirectory(config=config), config=config).start()
            except NbGraderException as error:
                raise SystemExit(
                    f"nbgrader could not make the exercises of {part}; the reason stands above. "
                    "What was there is as it was."
                ) from error
        new = {
            path.relative_to(made): path.read_bytes()
            for path in sorted(Path(made).glob("*/*.ipynb"))
        }
    for path in folder.glob("*/*.ipynb"):
        if path.relative_to(folder) not in new:
            path.unlink()
    for name, content in new.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    if folder == ROOT / "exercises":
        versions.record(folder, datetime.date.today().isoformat())


def export_pictures(path: Path, folder: Path) -> None:
    """Write every stored picture of a notebook to ``folder`` as NUMBER_cell-id.png."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                target = folder / f"{number:02}_{cell.id}.png"
                target.write_bytes(base64.b64decode(output.data["image/png"]))
                print(target)


def main(arguments: list[str]) -> int:
    command, *rest = arguments or [""]
    if command == "render":
        return render(rest)
    if command == "exercises":
        make_exercises(Path(rest[0]).resolve() if rest else ROOT / "exercises")
        return 0
    if command == "pictures" and len(rest) == 2:
        export_pictures(Path(rest[0]), Path(rest[1]))
        return 0
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
