"""What services of master.cf reach, and what reaches them: sockets, filters that feed themselves, postscreen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from mailconf.check.postfix.written import each_word, place_of, view_of
from mailconf.check.subject import Subject
from mailconf.diagnostics import Severity, Sink, error, warning
from mailconf.model.site import Service
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.filters import is_chrooted as is_chrooted
from mailconf.postfix.settings.listeners import POSTSCREEN, SMTPD
from mailconf.postfix.text.words import unbraced

PF267 = error("PF267", "a socket that a service in its chroot does not reach")
"""Why: a service whose chroot field in master.cf is y sees the queue directory as /. A socket by its whole path is
looked for below /var/spool/postfix: "warning: connect to Milter service unix:/run/opendkim/opendkim.sock: No such
file or directory". Mail is answered "451 4.7.1 Service unavailable", or goes without the filter where
milter_default_action is accept; a policy service gives "451 4.3.5 Server configuration problem", and without the socket
of smtpd_sasl_path smtpd ends.

Example:
    # main.cf
    smtpd_milters = unix:/run/opendkim/opendkim.sock
    # master.cf
    2525 inet n - y - - smtpd

Remedy: let the other program make its socket below the queue directory, and write its path from there; or set the
chroot field of the service to n.

Source: master(5), "Chroot"; postconf(5) smtpd_milters; MILTER_README, "Sending only signed mail"; observed
with Postfix 3.7.11.
"""

PF283 = error("PF283", "mail that comes back from a filter is filtered again")
"""Why: content_filter of main.cf holds for each smtpd, also for the one to which the filter hands the mail back. Each
message runs in a circle, until "554 5.4.0 Error: too many hops" returns it.

Example:
    # main.cf
    content_filter = smtp:[127.0.0.1]:10024
    # master.cf
    127.0.0.1:10025 inet n - n - - smtpd

Remedy: add -o content_filter= to the service that takes the mail back; -o smtpd_proxy_filter= for a filter before the
queue.

Source: FILTER_README, "Advanced content filter"; SMTPD_PROXY_README; observed with Postfix 3.7.11.
"""

PF296 = warning("PF296", "mail from sendmail(1) is not signed")
"""Why: smtpd_milters sees mail that comes by SMTP. What programs of this host hand to sendmail(1), and what Postfix
forwards itself, passes non_smtpd_milters alone: it leaves without a signature, and is taken for spam.

Example:
    # main.cf
    smtpd_milters = unix:opendkim/opendkim.sock

Remedy: set non_smtpd_milters = $smtpd_milters

Source: postconf(5) non_smtpd_milters; MILTER_README, "Non-SMTP filters"; observed with Postfix 3.7.11.
"""

PF282 = warning("PF282", "a threshold that no client can reach")
"""Why: postscreen adds up the weights of the lists that have a client. All of them together are less than
postscreen_dnsbl_threshold: a client that is on every list is let pass ("PASS NEW").

Example:
    # main.cf
    postscreen_dnsbl_sites = zen.spamhaus.org
    postscreen_dnsbl_threshold = 3
    # master.cf
    2525 inet n - n - 1 postscreen
    smtpd pass - - n - - smtpd
    dnsblog unix - - n - 0 dnsblog

Remedy: give the lists weights, as in zen.spamhaus.org*3, or lower the threshold.

Source: postconf(5) postscreen_dnsbl_threshold, postscreen_dnsbl_sites; POSTSCREEN_README; observed with Postfix
3.7.11.
"""

PF297 = error("PF297", "postscreen without a service that it needs")
"""Why: postscreen asks lists in the DNS by the service dnsblog, and TLS is done by tlsproxy. Where master.cf does not
define them, it logs "connect to private/dnsblog service: No such file or directory" and lets every client pass;
STARTTLS is answered "454 4.7.0 TLS not available due to local problem".

Example:
    # main.cf
    postscreen_dnsbl_sites = zen.spamhaus.org
    # master.cf
    2525 inet n - n - 1 postscreen
    smtpd pass - - n - - smtpd

Remedy: add the line that the hint has.

Source: postscreen(8); POSTSCREEN_README, "Turning on postscreen(8)"; observed with Postfix 3.7.11.
"""

_SIGNING = ("dkim", "sign", "openarc", ":8891", ":12301", ":8892")
_MAY_SIGN = ("rspamd", ":11332")  # filters that sign where they are told to
_OF_THE_MACHINE = ("/run/", "/var/", "/tmp/", "/etc/", "/usr/", "/home/", "/opt/", "/srv/", "/dev/")
_LOOPBACK = ("127.", "localhost:", "[::1]", "[127.")
_PUBLIC_PORTS = (25, 465, 587)
_FILTERS = {"content_filter": ("smtp", "lmtp"), "smtpd_proxy_filter": ()}


def sockets(subject: Subject, sink: Sink) -> None:
    """Report sockets by whole paths of services that run in the chroot."""
    view = subject.configuration
    queue = view.value("queue_directory")
    for service in view.services:
        if service.program in (SMTPD, "cleanup", "lmtp") and is_chrooted(view, service):
            seen = view_of(view, service)
            for name, word, path in _paths(seen, service.program):
                _reach(subject, seen, service, name, word, path, queue, sink)
    _unsigned(view, sink)


def _paths(view: Configuration, program: str) -> Iterator[tuple[str, str, str]]:
    """Sockets that a program connects to: parameter, the word, the path."""
    names = {SMTPD: ("smtpd_milters",), "cleanup": ("non_smtpd_milters",)}.get(program, ())
    for name in names:
        for word, _ in each_word(view, name):
            socket = unbraced(word).partition(",")[0].strip() if word.startswith("{") else word
            for kind in ("unix:", "local:"):
                if socket.startswith(f"{kind}/"):
                    yield name, word, socket.removeprefix(kind)
    if program == SMTPD:
        path = view.value("smtpd_sasl_path").removeprefix("unix:")
        is_socket = view.value("smtpd_sasl_type").lower() == "dovecot"
        if is_socket and path.startswith("/") and view.value("smtpd_sasl_auth_enable").lower() == "yes":
            yield "smtpd_sasl_path", view.value("smtpd_sasl_path"), path
        lists = ("client", "helo", "sender", "relay", "recipient", "data", "end_of_data", "etrn")
        for name in (*(f"smtpd_{one}_restrictions" for one in lists), *view.words("smtpd_restriction_classes")):
            words = [word for word, _ in each_word(view, name)]
            for word, following in pairwise(words):
                socket = unbraced(following).partition(",")[0].strip() if following.startswith("{") else following
                if word.lower() == "check_policy_service" and socket.startswith("unix:/"):
                    yield name, following, socket.removeprefix("unix:")
    if program == "lmtp":
        for name in ("virtual_transport", "mailbox_transport", "local_transport", "fallback_transport"):
            transport, _, nexthop = view.value(name).partition(":")
            if transport == "lmtp" and nexthop.startswith("unix:/"):
                yield name, view.value(name), nexthop.removeprefix("unix:")


def _reach(
    subject: Subject,
    view: Configuration,
    service: Service,
    name: str,
    word: str,
    path: str,
    queue: str,
    sink: Sink,
) -> None:
    elsewhere = path.startswith((f"{queue}/", *_OF_THE_MACHINE))
    if not elsewhere or subject.root.exists(queue + path):
        return  # /opendkim/socket may well be meant as the service sees it
    message = f"{name}: {word}: {service.name} runs in the chroot {queue}, and looks for {queue}{path}"
    better = path.removeprefix(queue).lstrip("/") if path.startswith(queue) else "a path below it"
    hint = f"make the socket below {queue} and write {better}, or set the chroot field of the service to n"
    sink.report(PF267, message, place_of(view, name, word, view.value(name).find(word)), hint=hint)


def _unsigned(view: Configuration, sink: Sink) -> None:
    milters = view.value("smtpd_milters")
    if view.value("non_smtpd_milters") or not view.is_set("smtpd_milters"):
        return
    signs = any(mark in milters.lower() for mark in _SIGNING)
    if signs or any(mark in milters.lower() for mark in _MAY_SIGN):
        message = f"smtpd_milters has {milters}, and non_smtpd_milters nothing: mail from sendmail(1) is not signed"
        severity, hint = None if signs else Severity.NOTE, "set non_smtpd_milters = $smtpd_milters"
        sink.report(PF296, message, view.place("smtpd_milters"), hint=hint, severity=severity)


def filters(subject: Subject, sink: Sink) -> None:
    """Report services for mail that comes back from a filter which filter it again."""
    view = subject.configuration
    inside = [s for s in view.services if s.kind == "inet" and s.program == SMTPD and s.name.startswith(_LOOPBACK)]
    for name, programs in _FILTERS.items():
        value = view.value(name)
        if not value or not view.is_set(name):
            continue
        transport, _, nexthop = value.partition(":")
        if programs and not any(s.name == transport and s.program in programs for s in view.services):
            _piped(subject, name, transport, sink)
            continue
        for service in inside:
            port = service.name.rpartition(":")[2]
            number = subject.site.ports.number(port)
            if number in _PUBLIC_PORTS or nexthop.rpartition(":")[2] == port or value.rpartition(":")[2] == port:
                continue
            if view_of(view, service).value(name) == value:
                message = f"{service.name} takes mail back from {name} = {value}, and filters it again"
                sink.report(PF283, message, service.span, hint=f"add -o {name}= to the service")


def _piped(subject: Subject, name: str, transport: str, sink: Sink) -> None:
    """A filter by pipe(8) in main.cf, that hands the mail to sendmail(1): pickup(8) and cleanup(8) filter it again."""
    view = subject.configuration
    service = next((s for s in view.services if s.name == transport and s.program == "pipe"), None)
    pickup = next((s for s in view.services if s.program == "pickup"), None)
    if service is None or pickup is None or not any("sendmail" in word for word in service.arguments):
        return
    if view_of(view, pickup).value(name) == view.value(name):
        message = f"{name} is {view.value(name)}, and pickup filters what it hands back by sendmail(1) again"
        hint = f"set {name} with -o at the smtp service of master.cf, or add -o {name}= to pickup"
        sink.report(PF283, message, view.place(name), hint=hint)


def postscreens(subject: Subject, sink: Sink) -> None:
    """Report what postscreen lacks."""
    main = subject.configuration
    for service in main.services:
        if service.program != POSTSCREEN or service.kind != "inet":
            continue
        view = view_of(main, service)
        names = {s.name for s in main.services}
        helper = view.value("dnsblog_service_name") or "dnsblog"
        if view.value("postscreen_dnsbl_sites") and helper not in names:
            message = f"{service.name} runs postscreen with postscreen_dnsbl_sites: master.cf has no service {helper}"
            sink.report(PF297, message, service.span, hint=f"add a line: {helper} unix - - y - 0 dnsblog")
        helper = view.value("tlsproxy_service_name") or "tlsproxy"
        if view.value("postscreen_tls_security_level").lower() not in ("", "none") and helper not in names:
            message = f"{service.name} runs postscreen with TLS: master.cf has no service {helper}"
            severity = Severity.WARNING
            hint = f"add a line: {helper} unix - - y - 0 tlsproxy"
            sink.report(PF297, message, service.span, hint=hint, severity=severity)
        _threshold(view, sink)


def _threshold(view: Configuration, sink: Sink) -> None:
    weights = []
    for word in view.words("postscreen_dnsbl_sites"):
        _, star, weight = word.partition("*")
        if star and not weight.lstrip("-").isdecimal():
            return
        weights.append(int(weight[:9]) if star else 1)
    reach, threshold = sum(weight for weight in weights if weight > 0), view.integer("postscreen_dnsbl_threshold")
    if weights and reach < threshold:
        name = "postscreen_dnsbl_threshold"
        message = f"{name} is {threshold}, and all lists of postscreen_dnsbl_sites together come to {reach}"
        hint = f"give the lists weights, as in {view.words('postscreen_dnsbl_sites')[0].partition('*')[0]}*{threshold}"
        sink.report(PF282, message, view.place(name), hint=f"{hint}, or lower the threshold")
