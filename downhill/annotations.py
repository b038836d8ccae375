"""The words that signatures use for arrays and numbers."""

from typing import Any, TypeAlias

import numpy.typing as npt

__all__ = ["Array", "ArrayLike", "Config"]

Array: TypeAlias = npt.NDArray[Any]  # the docstring says the shape
ArrayLike: TypeAlias = npt.ArrayLike  # a number, an array, or nested sequences of numbers
Config: TypeAlias = dict[str, Any]  # hyperparameters by name
