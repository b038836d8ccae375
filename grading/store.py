"""Where results are kept: one JSON file a student, a part and a batch, written as a whole or not at all."""

import hashlib
import json
import os
import re
from pathlib import Path

__all__ = ["FORMAT", "batch_of", "result_path", "save", "stored", "write"]

FORMAT = 2  # of a results folder


def batch_of(where):
    """Return the name under which the submissions of a folder or a zip are kept: its name, and a hash of its place."""
    where = Path(where).resolve()
    readable = re.sub(r"[^A-Za-z0-9.-]+", "_", where.name).strip("._")[:40] or "class"
    return f"{readable}-{hashlib.sha256(str(where).encode()).hexdigest()[:8]}"


def result_path(out, part, batch, submission):
    """Return where the result of a submission is kept."""
    return Path(out) / "students" / part / batch / f"{submission.slug}.json"


def save(path, result):
    """Write a result to the place that ``result_path`` names."""
    write(path, json.dumps(result, indent=1, ensure_ascii=False))


def stored(path):
    """Return a stored result, or None if there is none that can be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def write(path, text):
    """Write a file so that it is there as a whole or not at all; half a character is written as its number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(text.encode("utf-8", "backslashreplace"))
    os.replace(draft, path)
