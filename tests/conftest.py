"""What holds for every test: a property is judged by what it finds, not by how long one example took.

CI looks at the same examples each time: it answers for a change. Elsewhere every run searches anew.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("mailconf", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("mailconf")
