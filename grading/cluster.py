"""Grade a class on the workers of a Dask cluster: the same work, elsewhere."""

import base64
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from grading import CourseError
from grading.classroom.store import result_path, save, stored
from grading.classroom.submissions import Handed, Submission
from grading.engine.session import SandboxError
from grading.grade import Done, Options, course_key, grade_submission, holds, key_of, ungraded
from tools.cells import NotebookError

__all__ = ["grade_on_cluster"]

_one_at_a_time = threading.Lock()  # a check prints, and keeps its record, for the whole process


def _remote(
    student: str,
    lms_id: str,
    files: list[tuple[str, str]],
    others: list[str],
    notes: tuple[str, ...],
    options: dict[str, Any],
    key: str,
    course: str,
) -> dict[str, Any]:
    """Grade a submission whose files came with the task, on a worker that has the course."""
    import tempfile
    from pathlib import Path

    from grading import ROOT

    here = Options(**options | {"root": str(ROOT)})
    if course_key(here) != course:
        raise CourseError(
            "A worker of the cluster has another version of the course: install the same one there."
        )
    with tempfile.TemporaryDirectory() as folder:
        handed = []
        for number, (label, data) in enumerate(files):
            path = Path(folder) / str(number)
            path.write_bytes(base64.b64decode(data))
            handed.append(Handed(label, str(path)))
        with _one_at_a_time:
            rest = tuple(Handed(label, "") for label in others)
            return grade_submission(
                Submission(student, lms_id, tuple(handed), rest, notes), here, key
            )


def grade_on_cluster(
    submissions: Iterable[Submission],
    options: Options,
    out: Path,
    address: str,
    progress: Callable[[Done], object],
) -> None:
    """Grade a class with Dask.

    Parameters
    ----------
    submissions, options, out, progress
        As for ``grade_class``.
    address : str
        Of the scheduler. Its workers need this course at the same version, and their own sandbox.
    """
    from dataclasses import asdict

    from distributed import Client, as_completed

    waiting = iter(submissions)
    with Client(address) as client:
        running, keys = {}, as_completed(with_results=False)

        def path_of(submission: Submission) -> Path:
            return result_path(out, options.part, options.batch, submission)

        def feed() -> bool:
            for submission in waiting:
                key, old = key_of(submission, options), stored(path_of(submission))
                if holds(old, key, options):
                    progress((submission.slug, old["points"], old["max_score"], False))
                    continue
                files = []
                for handed in submission.files:
                    try:
                        files.append((handed.label, base64.b64encode(handed.read()).decode()))
                    except NotebookError:
                        files.append((handed.label, ""))
                others = [handed.label for handed in submission.others]
                future = client.submit(
                    _remote,
                    submission.student,
                    submission.lms_id,
                    files,
                    others,
                    submission.notes,
                    asdict(options),
                    key,
                    course_key(options),
                    key=f"grade-{key}",
                    retries=3,
                    pure=False,
                )
                running[future.key] = submission
                keys.add(future)
                return True
            return False

        for _ in range(4 * max(1, sum(client.nthreads().values()))):
            feed()
        for future in keys:
            submission = running.pop(future.key)
            try:
                result = future.result()
            except (SandboxError, CourseError):
                raise
            except (
                Exception
            ) as error:  # as in grading.grade.work; KilledWorker after three workers died is one
                result = ungraded(submission, options, f"{type(error).__name__}: {error}")
            save(path_of(submission), result)
            progress((submission.slug, result["points"], result["max_score"], True))
            feed()
