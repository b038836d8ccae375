"""Pack what students get of a part: lessons, exercises, and what they import. No solutions, no hidden tests."""

import zipfile
from pathlib import Path

from grading.course import ROOT, BadCourse, parts

__all__ = ["write_zip"]

SHARED = ("helpers.py", "requirements.txt", "pyproject.toml", "LICENSE", "LICENSE-text.md", "README.md", "Makefile",
          "tools/course.py", "tools/notebooks.py", "notebooks/start_here.ipynb")  # fmt: skip
NEVER = ("BEGIN HIDDEN TESTS", "BEGIN SOLUTION", "solution-only")


def write_zip(part, target, root=ROOT):
    """Write the zip of a part.

    Parameters
    ----------
    part : str
    target : Path
    root : Path
        The course's folder.

    Returns
    -------
    Path
        The zip.

    Raises
    ------
    BadCourse
        If there is no such part, or if an exercise holds something of its solution.
    """
    exercises = sorted((root / "exercises" / part).glob("*.ipynb"))
    if part not in parts(root) or not exercises:
        raise BadCourse(f"There is no part {part!r}: choose one of {', '.join(parts(root))}.")
    files = [root / name for name in SHARED] + exercises + sorted((root / "notebooks" / part).glob("*.ipynb"))
    files += [p for folder in ("downhill", "tables") for p in sorted((root / folder).rglob("*"))
              if p.is_file() and "__pycache__" not in p.parts]  # fmt: skip
    for path in exercises:
        text = path.read_text(encoding="utf-8")
        if found := [trace for trace in NEVER if trace in text]:
            raise BadCourse(f"{path} holds {found[0]!r}: run `make exercises` first.")
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            if path.is_file():
                info = zipfile.ZipInfo(f"downhill-{part}/{path.relative_to(root).as_posix()}")
                info.external_attr = 0o644 << 16
                archive.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)
    draft.replace(target)
    return target
