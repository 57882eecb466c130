"""What holds for every test: a property is judged by what it finds, not by how long one example took."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("mailconf", deadline=None)
settings.load_profile("mailconf")
