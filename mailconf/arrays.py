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

# What is set while it is loaded. Its linear algebra, which nothing here uses, starts a thread for each processor. It
# asks for pages of 2 MB for large arrays: that makes nothing quicker here, and of an array that is filled in part the
# last page takes memory that is not used.
_SETTINGS = {"OPENBLAS_NUM_THREADS": "1", "NUMPY_MADVISE_HUGEPAGE": "0"}


def arrays() -> Any:
    """The module numpy, or None."""
    if sys.byteorder == "big":
        return None
    if (loaded := sys.modules.get("numpy")) is not None:
        return loaded
    before = {name: os.environ.get(name) for name in _SETTINGS}
    os.environ.update(_SETTINGS)
    try:
        return import_module("numpy")
    except ImportError:
        return None
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
