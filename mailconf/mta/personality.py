"""The words of a dialect, handed to the MTA where it is put together."""

from __future__ import annotations

from typing import NamedTuple

from mailconf.mta.journal import Journal
from mailconf.mta.reports import Reports
from mailconf.smtp.problems import Wording


class Personality(NamedTuple):
    """What the MTA says to clients, to its log and to senders."""

    wording: Wording
    journal: Journal
    reports: Reports
