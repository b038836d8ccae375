"""The words that signatures use for arrays and numbers."""

from typing import Any, TypeAlias

import numpy.typing as npt

__all__ = ["Array", "ArrayLike", "Config"]

#: An array; the docstring says its shape.
Array: TypeAlias = npt.NDArray[Any]
#: A number, an array, or nested sequences of numbers.
ArrayLike: TypeAlias = npt.ArrayLike
#: Hyperparameters by name.
Config: TypeAlias = dict[str, Any]
