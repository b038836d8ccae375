# Python is 32-bit in the browser, where NumPy's bincount refuses the 64-bit integers that its own generators make.
import functools as _functools

import numpy as _np


@_functools.wraps(_np.bincount)
def _bincount(x, /, weights=None, minlength=0):
    if _np.asarray(x).dtype == _np.int64:
        x = _np.asarray(x).astype(_np.intp)
    return _bincount.__wrapped__(x, weights, minlength)


_np.bincount = _bincount
