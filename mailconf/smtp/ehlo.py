"""When a client says EHLO, and not HELO (postconf(5) smtp_always_send_ehlo, smtp_never_send_ehlo)."""

from __future__ import annotations

from enum import Enum


class Ehlo(Enum):
    ALWAYS = "always"
    OFFERED = "where the greeting has ESMTP"
    NEVER = "never"
