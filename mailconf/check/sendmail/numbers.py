"""Numbers of options that sendmail reads in part, or as something else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailconf.diagnostics import error

if TYPE_CHECKING:
    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink

SM071 = error("SM071", "a number that sendmail reads only in part")
"""Why: sendmail reads the digits at the beginning and passes over the rest without a message: 10MB is 10 bytes, and
1,000 is 1. A value without digits at its beginning is 0.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    define(`confMAX_MESSAGE_SIZE', `10MB')dnl

Remedy: write the whole number in digits.

Source: Sendmail Installation and Operation Guide, 5.6.
"""

_UNITS = {
    "MaxMessageSize": ("confMAX_MESSAGE_SIZE", "bytes"), "MaxHeadersLength": ("confMAX_HEADERS_LENGTH", "bytes"),
    "DataFileBufferSize": ("confDF_BUFFER_SIZE", "bytes"), "XscriptFileBufferSize": ("confXF_BUFFER_SIZE", "bytes"),
    "MinFreeBlocks": ("confMIN_FREE_BLOCKS", "blocks"), "CheckpointInterval": ("confCHECKPOINT_INTERVAL", ""),
    "MaxHopCount": ("confMAX_HOP", ""), "ConnectionCacheSize": ("confMCI_CACHE_SIZE", ""),
    "LogLevel": ("confLOG_LEVEL", ""), "QueueLA": ("confQUEUE_LA", ""), "RefuseLA": ("confREFUSE_LA", ""),
    "DelayLA": ("confDELAY_LA", ""), "QueueFactor": ("confQUEUE_FACTOR", ""),
    "RecipientFactor": ("confWORK_RECIPIENT_FACTOR", ""), "ClassFactor": ("confWORK_CLASS_FACTOR", ""),
    "RetryFactor": ("confWORK_TIME_FACTOR", ""), "MaxQueueRunSize": ("confMAX_QUEUE_RUN_SIZE", ""),
    "MaxDaemonChildren": ("confMAX_DAEMON_CHILDREN", ""), "MaxQueueChildren": ("confMAX_QUEUE_CHILDREN", ""),
    "ConnectionRateThrottle": ("confCONNECTION_RATE_THROTTLE", ""),
    "MaxRecipientsPerMessage": ("confMAX_RCPTS_PER_MESSAGE", ""), "BadRcptThrottle": ("confBAD_RCPT_THROTTLE", ""),
    "MaxAliasRecursion": ("confMAX_ALIAS_RECURSION", ""), "MaxRunnersPerQueue": ("confMAX_RUNNERS_PER_QUEUE", ""),
}  # fmt: skip
_NUMBER = re.compile(r"\s*([+-]?\d*)(.*)", re.DOTALL)
_SIZE = re.compile(r"\s*(\d{1,12})\s*([kmg])(?:i?b)?\s*", re.IGNORECASE)
_FACTORS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def numbers(subject: Written, sink: Sink) -> None:
    """SM071: numbers with something after them."""
    for option, (name, unit) in _UNITS.items():
        setting = subject.site.options.get(option)
        found = _NUMBER.fullmatch(setting.value) if setting is not None else None
        if setting is None or found is None or not found[2].strip() or setting.span is None:
            continue
        read = found[1] if found[1].strip("+-") else "0"
        size = _SIZE.fullmatch(setting.value) if unit == "bytes" else None
        whole = str(int(size[1]) * _FACTORS[size[2].lower()]) if size else "NUMBER"
        message = f"{name} is `{setting.value}', of which sendmail reads {f'{read} {unit}'.strip()}"
        hint = f"write the number in digits alone: define(`{name}', `{whole}')dnl"
        sink.report(SM071, message, setting.span, hint=hint)
