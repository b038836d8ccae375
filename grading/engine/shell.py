"""IPython's own shell for the cells of a graded notebook: magics, ``await`` and ``_`` work.

What would show something, start a program or ask somebody does nothing. It is made once, before a
process is forked.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

__all__ = ["ZMQInteractiveShell", "make_shell", "open_loop"]

OTHER_LANGUAGES = (
    "bash",
    "sh",
    "script",
    "perl",
    "ruby",
    "python",
    "python2",
    "python3",
    "pypy",
    "cmd",
    "system",
    "sx",
    "!",
    "html",
    "HTML",
    "javascript",
    "js",
    "latex",
    "markdown",
    "svg",
    "SVG",
)


class Silent(DisplayHook):
    """Keep the value of a cell's last line as ``_`` and ``Out[n]``, and show nothing."""

    def compute_format_data(self, result: object) -> tuple[dict[str, Any], dict[str, Any]]:
        return {}, {}

    def write_output_prompt(self) -> None:
        pass


class Unseen(DisplayPublisher):
    """Forget what is displayed."""

    def publish(self, *arguments: object, **keywords: object) -> None:
        pass


class ZMQInteractiveShell(InteractiveShell):
    """A shell without windows, programs and questions.

    It is called as Jupyter's is, since code asks for that name to see whether it runs in a notebook.
    """

    kernel = None
    displayhook_class = Silent
    display_pub_class = Unseen

    def enable_gui(self, gui: str | None = None) -> None:
        pass

    def enable_matplotlib(self, gui: str | None = None) -> tuple[None, str]:
        return None, "agg"

    def enable_pylab(
        self, gui: str | None = None, import_all: bool = True, welcome_message: bool = False
    ) -> tuple[None, str, set[str]]:
        from IPython.core import pylabtools

        names: dict[str, Any] = {}
        pylabtools.import_pylab(names, import_all)
        self.push(names, interactive=False)
        return None, "agg", set()

    def system(self, cmd: str) -> None:
        pass

    system_piped = system_raw = system

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> list[str] | str:
        return [] if split else ""

    def ask_exit(self) -> None:
        pass

    def showtraceback(self, *arguments: object, **keywords: object) -> None:
        pass

    def showsyntaxerror(self, *arguments: object, **keywords: object) -> None:
        pass

    def show_usage_error(self, exc: BaseException) -> None:
        pass

    def run_cell_magic(self, magic_name: str, line: str, cell: str) -> Any:
        """Run a magic; of one that is not known here, as of an extension, run the code."""
        if self.find_cell_magic(magic_name) is None:
            result = self.run_cell(cell)
            result.raise_error()
            return result.result
        return super().run_cell_magic(magic_name, line, cell)

    def run_line_magic(self, magic_name: str, line: str, _stack_depth: int = 1) -> Any:
        """Run a magic; one that is not known here does nothing."""
        if self.find_line_magic(magic_name) is None:
            return None
        return super().run_line_magic(magic_name, line, _stack_depth + 1)

    def run_source(self, source: str) -> BaseException | None:
        """Run one cell; return the exception that stopped it, or None."""
        result = self.loop_runner(self._run(source))
        return result.error_before_exec or result.error_in_exec

    async def _run(self, source: str) -> Any:
        """Run one cell while the loop of events runs, as in Jupyter: a cell may start tasks."""
        problem = None
        try:
            cell = self.transform_cell(source)
        except Exception:
            cell, problem = source, sys.exc_info()
        return await self.run_cell_async(
            source, store_history=True, transformed_cell=cell, preprocessing_exc_tuple=problem
        )


def make_shell() -> ZMQInteractiveShell:
    """Return the shell of this process and its forks; its names are those of ``__main__``."""
    config = Config()
    config.HistoryManager.enabled = False
    shell = ZMQInteractiveShell.instance(config=config)
    register: Callable[..., None] = shell.register_magic_function
    for name in OTHER_LANGUAGES:
        register(lambda line, cell=None: None, "cell", name)
    for name in (
        "load_ext",
        "reload_ext",
        "debug",
        "pdb",
        "pip",
        "conda",
        "mamba",
        "micromamba",
        "uv",
    ):
        register(lambda line="": None, "line", name)
    shell.set_hook("show_in_pager", lambda *arguments, **keywords: None)
    shell.db = {}  # a folder's history, a bookmark: forgotten with the process
    return shell


def open_loop(shell: ZMQInteractiveShell) -> None:
    """Give a forked process, before it is confined, a loop of events for cells that wait."""
    shell.loop_runner = asyncio.new_event_loop().run_until_complete
