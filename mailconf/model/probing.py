"""How addresses are probed, and for how long it is known what a probe came to."""

from __future__ import annotations

from typing import NamedTuple


class Probing(NamedTuple):
    """Times in seconds.

    sender              the envelope sender of probes
    lasting             whether the answers outlast the server
    positive_*          of addresses that can be delivered to, ``negative_*`` of others
    remembers_failures  whether these are kept at all
    pending             probes that may be under way
    """

    sender: str = "double-bounce"
    lasting: bool = True
    positive_expire: float = 2_678_400.0
    positive_refresh: float = 604_800.0
    negative_expire: float = 259_200.0
    negative_refresh: float = 10_800.0
    remembers_failures: bool = True
    pending: int = 5000
