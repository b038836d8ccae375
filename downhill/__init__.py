"""What the lessons of Downhill share once it has been taught, in its finished form.

===================  =======  =====================================================================
Module               Lesson   What it holds
===================  =======  =====================================================================
``surfaces``         1.1      loss surfaces of two variables, with derivatives and known minima
``networks``         1.2      a small network with its gradient and Hessian, and digits to train on
``optimizers``       2.1–2.3  step rules, and the loop that descends from many starts at once
``schedules``        2.4      step sizes that change from step to step
``spaces``           3.1      search spaces of hyperparameters
``tuning``           3.1      the network that part 3 tunes, and stored learning curves of it
``bayesian``         3.2      Gaussian processes, acquisition functions, Bayesian optimization
``multi_fidelity``   3.3      Hyperband's brackets, and ASHA on a cluster
``transformer``      3.5      a small transformer, and low-rank adapters for it
``language``         3.5      the course's own text, a model trained on it, and its fine-tuning
``figures``          all      figures that are shown, explored, animated
``quizzes``          all      questions with choices, explained when they are chosen
``markup``           –        the HTML that figures and quizzes share
``plain``            –        what counts as plain data, in a check and in the grader
``arguments``        –        one table of checks for arguments
``annotations``      –        the words that signatures use
===================  =======  =====================================================================

A module is imported when it is first used, so ``import downhill`` costs nothing::

    import downhill

    himmelblau = downhill.surfaces.GALLERY["himmelblau"]

What holds everywhere:

- A function that draws takes ``rng``, a ``numpy.random.Generator``, and has no default for it: two calls
  with the same one draw differently. A run that is known by its number takes ``seed``, a whole number,
  and has no default for it either.
- What a search finds has SciPy's and scikit-optimize's names: ``x``, ``fun``, ``nfev``, ``nit``,
  ``x_iters``, ``func_vals``.
- Points are the last axis of an array, and what stands before it is kept.
- A wrong argument is a ``ValueError`` with a sentence that says what was got and what is wanted. No
  argument is ever changed.
"""

from importlib import import_module
from types import ModuleType

__all__ = [
    "annotations",
    "arguments",
    "bayesian",
    "figures",
    "language",
    "markup",
    "multi_fidelity",
    "networks",
    "optimizers",
    "plain",
    "quizzes",
    "schedules",
    "spaces",
    "surfaces",
    "transformer",
    "tuning",
]
__version__ = "0.1.0"  # also in pyproject.toml and CITATION.cff; a test compares them


def __getattr__(name: str) -> ModuleType:
    """Import a module of the package when it is first used."""
    if name in __all__:
        return import_module(f"downhill.{name}")
    raise AttributeError(f"the package downhill has no module {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
