"""The face of the package: its docstring, its version, and what each module says that it offers."""

import importlib
import inspect
import re
import subprocess
import sys
import tomllib

import pytest
from conftest import ROOT

import downhill

MODULES = sorted(path.stem for path in (ROOT / "downhill").glob("*.py") if path.stem != "__init__")


def test_the_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert downhill.__version__ == project["version"] == citation[1]


def test_the_docstring_has_a_line_for_each_module_and_its_lesson():
    lines = re.findall(r"^``(\w+)``\s+(\S+)\s+(\S.+)$", downhill.__doc__, re.MULTILINE)
    assert sorted(name for name, _, _ in lines) == MODULES == downhill.__all__
    lessons = re.findall(r"^\| (\d\.\d) \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    for _, taught, _ in lines:
        assert taught in ("all", "–") or set(taught.split("–")) <= set(lessons)


def test_the_modules_with_a_lesson_are_called_by_it():
    lines = re.findall(r"^``(\w+)``\s+([\d.–]+)\s", downhill.__doc__, re.MULTILINE)
    for name, taught in lines:
        if taught == "–":
            continue
        part, lesson = taught.split("–")[0].split(".")
        [path] = (ROOT / "notebooks").glob(f"{part}_*/{lesson}_*.ipynb")
        text = path.read_text(encoding="utf-8")
        assert f"downhill.{name}" in text or re.search(rf"from downhill import .*\b{name}\b", text), (name, taught)


def test_the_package_imports_nothing_before_it_is_used():
    code = "import sys, downhill; assert 'numpy' not in sys.modules; print(len(downhill.surfaces.GALLERY))"
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert finished.stdout == "10\n", finished.stderr
    assert set(MODULES) < set(dir(downhill))
    with pytest.raises(AttributeError, match="no module 'optimisers'; it has annotations, arguments, bayesian"):
        downhill.optimisers  # noqa: B018


@pytest.mark.parametrize("name", [*(f"downhill.{name}" for name in MODULES), "helpers"])
def test_all_is_what_a_module_defines_for_others(name):
    module = importlib.import_module(name)
    assert module.__doc__ and len(set(module.__all__)) == len(module.__all__)
    for public in module.__all__:
        assert getattr(module, public, None) is not None
    defined = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == name
    }
    assert defined <= set(module.__all__)


@pytest.mark.parametrize("name", [*(f"downhill.{name}" for name in MODULES), "helpers"])
def test_every_public_function_has_a_docstring(name):
    module = importlib.import_module(name)
    for public in module.__all__:
        found = getattr(module, public)
        if inspect.isfunction(found) or inspect.isclass(found):
            assert inspect.getdoc(found), public
        if inspect.isclass(found):
            for key, value in vars(found).items():
                if not key.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                    assert inspect.getdoc(getattr(found, key)), f"{public}.{key}"
