"""How much a client may do: how many connections it has at a time, and how often it does what (anvil(8), smtpd(8)).

postconf(5) smtpd_client_connection_count_limit, smtpd_client_*_rate_limit, anvil_rate_time_unit,
smtpd_client_event_limit_exceptions. As observed with Postfix 3.7.11: a client that may use XCLIENT is not limited, nor
are the exceptions; what becomes another client by XCLIENT is a new connection of that one; a command counts, and may
be refused, as soon as it is known to be in its place and has the words that it needs, whatever becomes of it then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from mailconf.model.limits import Activity
from mailconf.model.policy import Privilege
from mailconf.mta.journal import LogEvent
from mailconf.mta.rates import Doings, client_of
from mailconf.smtp.events import Auth, Event, Mail, Rcpt, Refused, Vrfy
from mailconf.smtp.problems import Problem
from mailconf.smtp.reply import Reply

if TYPE_CHECKING:
    from mailconf.mta.answers import Answers

_OF_EVENTS: dict[type, Activity] = {
    Mail: Activity.MESSAGE,
    Rcpt: Activity.RECIPIENT,
    Vrfy: Activity.RECIPIENT,
    Auth: Activity.LOGIN,
}
# Commands that the protocol refuses, and that count all the same.
_OF_REFUSED = {
    ("MAIL", Problem.BAD_SENDER): Activity.MESSAGE,
    ("RCPT", Problem.BAD_RECIPIENT): Activity.RECIPIENT,
    ("VRFY", Problem.BAD_RECIPIENT): Activity.RECIPIENT,
    ("AUTH", Problem.LOGGED_IN): Activity.LOGIN,
    ("AUTH", Problem.IN_TRANSACTION): Activity.LOGIN,
    ("AUTH", Problem.SYNTAX): Activity.LOGIN,
}
_PROBLEMS = {
    Activity.CONNECTION: Problem.TOO_MANY_CONNECTIONS,
    Activity.MESSAGE: Problem.TOO_MUCH_MAIL,
    Activity.RECIPIENT: Problem.TOO_MANY_RCPTS,
    Activity.LOGIN: Problem.TOO_MANY_AUTHS,
    Activity.HANDSHAKE: Problem.TOO_MANY_HANDSHAKES,
}


class ClientLimits:
    """One session's.

    service  the name of the service, for the log
    clients  the sessions that each client has with the service; ``doings`` is what clients have done there
    note     an event with its facts, for the log
    """

    def __init__(
        self, answers: Answers, service: str, clients: Counter[str], doings: Doings, note: Callable[..., None]
    ) -> None:
        self._answers = answers
        self._service = service
        self._clients = clients
        self._doings = doings
        self._note = note
        limits = answers.site.limits
        self._most = limits.connections_per_client
        self._rates = limits.client_rates
        self._counted: str | None = None  # the client whose connection this is
        self._limited = False

    @property
    def connections(self) -> int:
        """How many the client has, this one included."""
        return self._clients[self._counted or ""]

    def arrive(self) -> None:
        """The session is its client's."""
        self.leave()
        rates = self._rates
        self._counted = client_of(self._answers.session.client_address, rates.ipv4_prefix, rates.ipv6_prefix)
        self._clients[self._counted] += 1

    def leave(self) -> None:
        """The session is over, or becomes another client's."""
        client, self._counted = self._counted, None
        if client is not None:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    async def meet(self) -> None:
        """The client's name and what else it may do are known."""
        answers = self._answers
        exempt = answers.connection.xclient or not self._applies
        self._limited = not exempt and not await answers.may(Privilege.UNLIMITED)

    @property
    def _applies(self) -> bool:
        return self._most > 0 or any(self._rates.of(activity) for activity in Activity)

    def begin(self) -> Reply | None:
        """What refuses the connection of a client that has come, or has been become, if it has too many."""
        if not self._limited:
            return None
        answers = self._answers
        if 0 < self._most < self.connections:
            facts = {"count": self.connections, "service": self._service}
            self._note(LogEvent.TOO_MANY_CONNECTIONS, client=answers.client, **facts)
            return self._refusal(Activity.CONNECTION)
        return self._too_often(Activity.CONNECTION)

    def refusal(self, event: Event) -> Reply | None:
        """What refuses a command because the client has given too many of them."""
        if not self._limited:
            return None
        if isinstance(event, Refused):
            activity = _OF_REFUSED.get((event.verb, event.problem)) if event.problem is not None else None
        else:
            activity = _OF_EVENTS.get(type(event))
        return None if activity is None else self._too_often(activity)

    def refuses_tls(self, *, wrapper: bool = False) -> Reply | None:
        """What refuses STARTTLS, or the session that begins with TLS, as there have been too many handshakes."""
        most = self._rates.handshakes
        if not self._limited or not most or self._counted is None:
            return None
        if self._doings.seen(self._counted, Activity.HANDSHAKE, self._rates.unit) <= most:
            return None
        self._note(LogEvent.TLS_WITHHELD, client=self._answers.client, service=self._service, wrapper=wrapper)
        return self._answers.connection.wording.refusal(Problem.NO_MORE_HANDSHAKES, client=self._answers.client)

    def shake_hands(self) -> Reply | None:
        """A handshake that began a new TLS session is over, in whatever way: what ends the session, if it is one too
        many."""
        return self._too_often(Activity.HANDSHAKE) if self._limited else None

    def _too_often(self, activity: Activity) -> Reply | None:
        most = self._rates.of(activity)
        if not most or self._counted is None:
            return None
        count = self._doings.note(self._counted, activity, self._rates.unit)
        if count <= most:
            return None
        facts = {"activity": activity, "count": count, "service": self._service}
        self._note(LogEvent.TOO_OFTEN, client=self._answers.client, **facts)
        return self._refusal(activity)

    def _refusal(self, activity: Activity) -> Reply:
        answers = self._answers
        facts = {
            "host": answers.connection.options.hostname,
            "address": answers.session.client_address,
            "client": answers.client,
        }
        return answers.connection.wording.refusal(_PROBLEMS[activity], **facts)
