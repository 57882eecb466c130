"""Connections that are kept for the next message (postconf(5) smtp_connection_cache_on_demand, scache(8)).

A connection is found by the address that it goes to, or by the destination for which it was made, without the DNS. One
delivery at a time has it. Only a delivery that asks for the same of TLS and of a login gets it: `Endpoint` holds both,
so that no message goes out by the login of another, or less protected than it has to be.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple, TypeVar

from mailconf.model.policy import Policy
from mailconf.model.security import HopSecurity
from mailconf.mta.hop_connection import HopConnection
from mailconf.mta.hop_session import Host

_Key = TypeVar("_Key")

DESTINATIONS = 20  # nexthops by which a connection is found
MOST = 200  # connections that wait; then the one that has waited longest is ended


class Endpoint(NamedTuple):
    """What connections have in common that may stand in for each other. ``address`` may be the path of a socket."""

    transport: str
    address: str
    port: int
    security: HopSecurity


class Kept(NamedTuple):
    """A connection that waits."""

    connection: HopConnection
    endpoint: Endpoint
    timer: asyncio.TimerHandle


class HopPool:
    """The connections of an agent that wait for another transaction."""

    def __init__(self) -> None:
        self._kept: dict[HopConnection, Kept] = {}  # in the order in which they began to wait
        self._by_endpoint: dict[Endpoint, list[Kept]] = {}
        self._by_destination: dict[tuple[str, str], list[Kept]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, connection: HopConnection, host: Host, endpoint: Endpoint, patience: float) -> None:
        """Keep a connection for ``patience`` seconds, for the destination of ``host``, too; one that is of no use is
        ended."""
        if not connection.usable:
            connection.quit()
            return
        if host.destination:
            connection.hosts.pop(host.destination, None)
            connection.hosts[host.destination] = host
            if len(connection.hosts) > DESTINATIONS:
                del connection.hosts[next(iter(connection.hosts))]
        timer = asyncio.get_running_loop().call_later(patience, self._end, connection)
        kept = Kept(connection, endpoint, timer)
        self._kept[connection] = kept
        self._by_endpoint.setdefault(endpoint, []).append(kept)
        for destination in connection.hosts:
            self._by_destination.setdefault((endpoint.transport, destination), []).append(kept)
        connection.on_lost = self._lost
        if len(self._kept) > MOST:
            self._end(next(iter(self._kept)))

    def take(self, endpoint: Endpoint, policy: Policy) -> HopConnection | None:
        """The connection to an endpoint that has waited shortest, made by this ``policy``; it is the caller's."""
        for kept in reversed(self._by_endpoint.get(endpoint, ())):
            connection = kept.connection
            if connection.policy is policy and connection.usable:
                self._forget(kept)
                connection.on_lost = None
                return connection
            self._end(connection)
        return None

    def hosts(self, transport: str, destination: str) -> list[Host]:
        """Where the connections go to that were left by others with this nexthop, the last one first."""
        kept = self._by_destination.get((transport, destination), ())
        return list(dict.fromkeys(each.connection.hosts[destination] for each in reversed(kept)))

    def _forget(self, kept: Kept) -> None:
        kept.timer.cancel()
        del self._kept[kept.connection]
        _take(self._by_endpoint, kept.endpoint, kept)
        for destination in kept.connection.hosts:
            _take(self._by_destination, (kept.endpoint.transport, destination), kept)

    def _end(self, connection: HopConnection) -> None:
        kept = self._kept.get(connection)
        if kept is not None:
            self._forget(kept)
        connection.quit()

    def _lost(self, connection: HopConnection) -> None:
        """The host has closed a connection that waits, or has said something that nobody asked for."""
        kept = self._kept.get(connection)
        if kept is not None:
            self._forget(kept)
        connection.abort()

    def close(self) -> None:
        """End all of them, each with QUIT."""
        for connection in list(self._kept):
            self._end(connection)


def _take(index: dict[_Key, list[Kept]], key: _Key, kept: Kept) -> None:
    found = index[key]
    found.remove(kept)
    if not found:
        del index[key]
