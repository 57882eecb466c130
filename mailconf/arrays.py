"""The package numpy, for work on a million entries at once; it takes a tenth of a second to load.

So it is loaded where there is much to do, and nowhere else. Where the package is not installed, or the machine's
numbers begin with their highest byte, it is not used, and callers do the same work an entry at a time.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

Array = Any  # numpy.ndarray

_THREADS = "OPENBLAS_NUM_THREADS"  # its linear algebra, which nothing here uses, starts a thread for each processor


def arrays() -> Any:
    """The module numpy, or None."""
    if sys.byteorder == "big":
        return None
    if (loaded := sys.modules.get("numpy")) is not None:
        return loaded
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    try:
        return import_module("numpy")
    except ImportError:
        return None
    finally:
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before
