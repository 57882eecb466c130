"""What services in their chroot do not reach: the users of the machine, and databases that listen on a socket."""

from __future__ import annotations

from collections.abc import Iterator

from mailconf.check.postfix.processes import is_chrooted
from mailconf.check.postfix.written import each_word, place_of, view_of
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, error
from mailconf.maps.reference import TableRef
from mailconf.model.site import Service
from mailconf.postfix.settings.configuration import Configuration

PF240 = error("PF240", "a table that a service in its chroot does not reach")
"""Why: a service with y in the fifth field of master.cf sees queue_directory as /. It has no /etc/passwd there, so that
unix:passwd.byname knows no user, and smtpd refuses the machine's users: "550 5.1.1 User unknown in local recipient
table". A database by its socket does not answer: "451 4.3.0 Temporary lookup failure".

Example:
    # main.cf
    local_recipient_maps = unix:passwd.byname $alias_maps
    # master.cf
    2525 inet n - y - - smtpd

Remedy: let proxymap(8), which is not in the chroot, ask: proxy:unix:passwd.byname, proxy:mysql:/etc/postfix/users.cf

Source: master(5), "Chroot"; LOCAL_RECIPIENT_README; proxymap(8); mysql_table(5), hosts; observed with Postfix 3.7.11.
"""

_USERS = ("passwd.byname", "group.byname")
_SERVER_LISTS = ("client", "helo", "sender", "relay", "recipient", "data", "end_of_data", "etrn")
_READERS = {
    "smtpd": (
        *("local_recipient_maps", "relay_recipient_maps", "virtual_alias_maps", "virtual_mailbox_maps"),
        *("smtpd_sender_login_maps", "canonical_maps", "mydestination", "relay_domains", "virtual_alias_domains"),
        *("virtual_mailbox_domains", "mynetworks", *(f"smtpd_{each}_restrictions" for each in _SERVER_LISTS)),
    ),
    "cleanup": ("virtual_alias_maps", "canonical_maps", "sender_canonical_maps", "recipient_canonical_maps"),
    "trivial-rewrite": ("transport_maps", "relay_domains", "virtual_alias_domains", "virtual_mailbox_domains"),
}
_MOST = 1 << 20  # characters of the description of a database


def tables(subject: Subject, sink: Sink) -> None:
    """Report tables that main.cf names without proxy: for services in their chroot."""
    main = subject.configuration
    queue = main.value("queue_directory")
    told: set[tuple[str, str]] = set()
    for service in main.services:
        names = _READERS.get(service.program, ())
        if not names or not is_chrooted(main, service):
            continue
        view = view_of(main, service)
        for name, word, offset, why in _unreached(subject, view, names, queue):
            if (name, word) not in told:
                told.add((name, word))
                _report(view, service, name, word, offset, why, queue, sink)


def _report(
    view: Configuration, service: Service, name: str, word: str, offset: int, why: str, queue: str, sink: Sink
) -> None:
    message = f"{name}: {word}: {service.name} runs in the chroot {queue}, and {why}"
    hint = f"write proxy:{word}, or set the chroot field of the service to n"
    sink.report(PF240, message, place_of(view, name, word, offset), hint=hint, cause=word)


def _unreached(
    subject: Subject, view: Configuration, names: tuple[str, ...], queue: str
) -> Iterator[tuple[str, str, int, str]]:
    """The parameter, the table, its offset in the value, and why it is not reached."""
    for name in (*names, *view.words("smtpd_restriction_classes")):
        value = view.value(name)
        if "unix:" not in value and "sql:" not in value:
            continue
        for word, offset in each_word(view, name):
            kind, text = TableRef.parse(word)
            if kind == "unix" and text in _USERS and view.is_set(name):
                if not subject.root.exists(f"{queue}/etc/{text.partition('.')[0]}"):
                    yield name, word, offset, f"has no /etc/{text.partition('.')[0]} there: it knows nobody"
            elif kind in ("mysql", "pgsql") and (socket := _socket(subject, kind, text)):
                reached = socket.startswith("/") and subject.root.exists(queue + socket)
                if not reached:
                    yield name, word, offset, f"does not reach {socket}"


def _socket(subject: Subject, kind: str, path: str) -> str:
    """The socket by which a table's database is asked, or the server's usual one; "" where it is asked by TCP."""
    if not path.startswith("/"):
        return ""
    try:
        text = subject.read(path)[:_MOST]
    except OSError:
        return ""
    hosts = "" if kind == "pgsql" else "localhost"
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and key.strip() == "hosts" and value.strip():
            hosts = value.split("#")[0].replace(",", " ").strip()
    first = (hosts.split() or [""])[0]
    if first.startswith("unix:/"):
        return first.removeprefix("unix:")
    return "the server's own socket" if kind == "mysql" and first.removeprefix("inet:") == "localhost" else ""
