"""The figures of a running MTA, as Prometheus reads them (docs/serve.md, "Figures").

Every label is one of a list that the configuration or this module has, so that no client can make there be many.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client import generate_latest as plain_text
from prometheus_client.openmetrics import exposition as openmetrics

from mailconf.mta.journal import LogEvent
from mailconf.mta.measures import LOGGED_IN, Census, Measures, Origin, Refusal, Waiting, is_login, phase_of
from mailconf.mta.message import Status
from mailconf.smtp.events import Event
from mailconf.smtp.reply import Reply

SYNCS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
AGES = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14400, 43200, 86400, 432000)
OTHER = "other"  # a transport, a service or a reply code that is none
STATES = ("incoming", "active", "deferred", "hold")
_FAILURES = {
    LogEvent.QUEUE_FAILED: "queue",
    LogEvent.NOT_STORED: "queue",
    LogEvent.DEFECT: "defect",
    LogEvent.ATTEMPT_FAILED: "defect",
    LogEvent.AGENT_FAILED: "defect",
    LogEvent.REPORT_FAILED: "report",
    LogEvent.LOOKUP_FAILED: "lookup",
    LogEvent.LOGINS_UNAVAILABLE: "logins",
    LogEvent.FILTER_FAILED: "filter",
    LogEvent.TLS_BROKEN: "tls",
    LogEvent.TRANSPORT_BROKEN: "transport",
}
_RELOADS = {LogEvent.RELOADED: "done", LogEvent.NOT_RELOADED: "broken"}


class Metrics(Measures):
    """Counts.

    transports  whether a name is that of a transport of the configuration in force
    services    the names of the services that take mail
    """

    def __init__(self, transports: Callable[[str], bool], services: Collection[str]) -> None:
        self._is_transport = transports
        self._services = services
        self._children: dict[tuple[Any, ...], Any] = {}  # finding one takes the package several microseconds
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)

        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"mailconf_{name}", meaning, labels, registry=registry)

        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"mailconf_{name}", meaning, labels, registry=registry)

        def histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"mailconf_{name}", meaning, labels, registry=registry, buckets=buckets)

        self._waiting = gauge("queue_messages", "Messages in the queue", "state")
        self._oldest = gauge("queue_oldest_seconds", "Age of the oldest message, 0 where there is none", "state")
        self._sessions = gauge("sessions", "SMTP sessions that are open", "service")
        self._connected = counter("connections", "Connections that clients have made", "service")
        self._refused = counter("sessions_refused", "Connections that were not served", "service", "reason")
        self._rejected = counter("rejections", "Commands answered by 4xx or 5xx", "phase", "code")
        self._secured = counter("tls_handshakes", "Handshakes of TLS, as the server or as the client", "side", "result")
        self._logins = counter("logins", "Logins of clients (AUTH)", "result")
        self._arrived = counter("arrivals", "Messages that were put into the queue", "origin")
        self._delivered = counter("deliveries", "What attempts came to, by recipient", "transport", "status")
        self._age = histogram(
            "delivery_seconds", "Time from a message's arrival to its delivery, by recipient", AGES, "transport"
        )
        self._synced = histogram("queue_sync_seconds", "Time to write a group of messages to the disk", SYNCS)
        self._failures = counter("failures", "What an administrator has to look after", "what")
        self._expired = counter("messages_expired", "Messages that were given up")
        self._reports = counter("reports", "Reports to senders and postmasters (bounces, delays, successes)")
        self._reloads = counter("reloads", "How often the configuration was read anew", "result")
        self._begin()

    def _begin(self) -> None:
        """Figures that can be named beforehand are there from the start, as 0."""
        for what in sorted(set(_FAILURES.values())):
            self._failures.labels(what)
        for result in _RELOADS.values():
            self._reloads.labels(result)
        for origin in Origin:
            self._arrived.labels(origin.value)
        for result in ("success", "failure"):
            self._logins.labels(result)
            for side in ("client", "server"):
                self._secured.labels(side, result)
        for service in self._services:
            self._connected.labels(service)
            for refusal in Refusal:
                self._refused.labels(service, refusal.value)

    def _child(self, of: Any, *labels: str) -> Any:
        found = self._children.get((of, *labels))
        if found is None:
            found = self._children[(of, *labels)] = of.labels(*labels)
        return found

    def _service(self, name: str) -> str:
        return name if name in self._services else OTHER

    def noted(self, event: LogEvent) -> None:
        if (what := _FAILURES.get(event)) is not None:
            self._child(self._failures, what).inc()
        elif (result := _RELOADS.get(event)) is not None:
            self._child(self._reloads, result).inc()
        elif event is LogEvent.EXPIRED:
            self._expired.inc()
        elif event is LogEvent.REPORT_SENT:
            self._reports.inc()

    def connected(self, service: str) -> None:
        self._child(self._connected, self._service(service)).inc()

    def refused(self, service: str, refusal: Refusal) -> None:
        self._child(self._refused, self._service(service), refusal.value).inc()

    def answered(self, event: Event | None, reply: Reply) -> None:
        code = reply.code
        if code >= 400:
            self._child(self._rejected, phase_of(event), str(code) if code < 600 else OTHER).inc()
        if is_login(event) and (code >= 400 or code == LOGGED_IN):
            self._child(self._logins, _result(code == LOGGED_IN)).inc()

    def secured(self, *, client: bool, good: bool) -> None:
        self._child(self._secured, "client" if client else "server", _result(good)).inc()

    def arrived(self, origin: Origin) -> None:
        self._child(self._arrived, origin.value).inc()

    def delivered(self, transport: str, status: Status, age: float) -> None:
        name = transport if self._is_transport(transport) else OTHER
        self._child(self._delivered, name, status.value).inc()
        if status is Status.SENT:
            self._child(self._age, name).observe(max(0.0, age))

    def synced(self, elapsed: float) -> None:
        self._synced.observe(elapsed)

    def page(
        self, census: Census | None, now: float, sessions: Mapping[str, int], *, open_metrics: bool = False
    ) -> Page:
        """All figures, in Prometheus' own text format, or in that of OpenMetrics.

        census    None where the queue cannot be asked: its figures are NaN then
        now       seconds since the epoch
        sessions  open ones by service
        """
        for state in STATES:
            found = getattr(census, state, math.nan)
            self._waiting.labels(state).set(found.count if isinstance(found, Waiting) else found)
            if state != "incoming":
                since = getattr(found, "since", math.nan)
                self._oldest.labels(state).set(0.0 if since is None else max(0.0, now - since))
        for service, count in sessions.items():
            self._sessions.labels(self._service(service)).set(count)
        if open_metrics:
            encode: Callable[[CollectorRegistry], bytes] = openmetrics.generate_latest
            return openmetrics.CONTENT_TYPE_LATEST, encode(self.registry)
        return CONTENT_TYPE_LATEST, plain_text(self.registry)


Page = tuple[str, bytes]  # type of the content, and the content


def _result(good: bool) -> str:
    return "success" if good else "failure"
