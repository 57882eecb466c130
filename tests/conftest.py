"""What holds for every test: a property is judged by what it finds, not by how long one example took.

CI looks at the same examples each time: it answers for a change. Elsewhere every run searches anew.

A run in the background may have been told to ignore an interrupt. The programs that tests start and interrupt must not
inherit that.
"""

from __future__ import annotations

import os
import signal

from hypothesis import settings

settings.register_profile("mailconf", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("mailconf")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
