from __future__ import annotations

from pathlib import Path

from mailconf.diagnostics import Sink
from mailconf.model.site import Site
from mailconf.model.transport import AgentKind, Concurrency, ConnectionReuse, Feedback, HostLookup
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of


def site(folder: Path, text: str, services: str = "") -> Site:
    (folder / "main.cf").write_text(text)
    (folder / "master.cf").write_text(services)
    return site_of(Configuration.load(str(folder), Sink()))


def test_masquerading_and_the_relay_for_unknown_users(tmp_path: Path) -> None:
    found = site(
        tmp_path,
        "masquerade_domains = !keep.example.org example.org\nmasquerade_exceptions = root\n"
        "masquerade_classes = header_sender\nluser_relay = postmaster\n",
    )
    masquerade = found.masquerade
    assert (masquerade.domains.value, masquerade.exceptions.value) == (("example.org",), ("keep.example.org",))
    assert masquerade.domains.span and masquerade.domains.span.line == 1
    assert (masquerade.users.value, masquerade.envelope, masquerade.recipients) == (("root",), False, False)
    assert (found.luser_relay.value, found.luser_relay.span and found.luser_relay.span.line) == ("postmaster", 4)


def test_milters(tmp_path: Path) -> None:
    found = site(tmp_path, "smtpd_milters = inet:localhost:1 { unix:/run/m, default_action = accept }\n")
    assert [(m.socket, m.settings, m.used, m.span and m.span.first.column) for m in found.milters] == [
        ("inet:localhost:1", {}, True, 17),
        ("unix:/run/m", {"default_action": "accept"}, True, 34),
    ]


def test_the_port_of_each_transport(tmp_path: Path) -> None:
    services = (
        "smtp unix - - n - - smtp\nout unix - - n - - smtp -o smtp_tcp_port=$submit\nlmtp unix - - n - - lmtp\n"
        "in unix - - n - - lmtp -o lmtp_tcp_port=2003 -o smtp_tcp_port=1\nlocal unix - n n - - local\n"
    )
    assert ports(site(tmp_path, "", services)) == {"smtp": "smtp", "out": "", "lmtp": "24", "in": "2003", "local": ""}
    found = site(tmp_path, "smtp_tcp_port = 2525\nsubmit = 587\n", services)
    assert ports(found) == {"smtp": "2525", "out": "587", "lmtp": "24", "in": "2003", "local": ""}


def ports(found: Site) -> dict[str, str]:
    return {name: transport.client_port for name, transport in found.transports.items()}


def test_how_connections_are_kept(tmp_path: Path) -> None:
    """postconf(5) smtp_connection_cache_on_demand and others: main.cf's, those of a service, lmtp's own."""
    services = (
        "smtp unix - - n - - smtp\nout unix - - n - - smtp -o smtp_connection_cache_on_demand=no\n"
        "lmtp unix - - n - - lmtp -o lmtp_connection_reuse_count_limit=7 -o smtp_connection_reuse_count_limit=1\n"
    )
    found = {name: each.reuse for name, each in site(tmp_path, "", services).transports.items()}
    default = ConnectionReuse(True, 2.0, 300.0, 0)
    assert found == {
        "smtp": default,
        "out": default._replace(on_demand=False),
        "lmtp": default._replace(further=7),
    }
    text = "smtp_connection_cache_time_limit = 9s\nsmtp_connection_reuse_time_limit = 1m\n"
    (_, smtp), *_ = site(tmp_path, text, services).transports.items()
    assert smtp.reuse == default._replace(idle=2.0, age=60.0)
    (_, smtp), *_ = site(tmp_path, text + "connection_cache_ttl_limit = 20s\n", services).transports.items()
    assert smtp.reuse == default._replace(idle=9.0, age=60.0)


def test_how_many_deliveries_there_are(tmp_path: Path) -> None:
    """postconf(5) initial_destination_concurrency and its like; what a service sets for itself the queue manager does
    not see. What is no feedback counts as 1."""
    services = "smtp unix - - n - - smtp\nout unix - - n - - smtp -o initial_destination_concurrency=9\n"
    text = (
        "initial_destination_concurrency = 3\nout_initial_destination_concurrency = 4\n"
        "default_destination_concurrency_positive_feedback = 1 / concurrency\n"
        "out_destination_concurrency_positive_feedback = 0.25/concurrency\n"
        "smtp_destination_concurrency_negative_feedback = 2\nout_destination_concurrency_negative_feedback = 1/x\n"
        "out_destination_concurrency_failed_cohort_limit = 2\n"
    )
    found = {name: each.change for name, each in site(tmp_path, text, services).transports.items()}
    assert found == {
        "smtp": Concurrency(3, Feedback(1.0, True), Feedback(), 1),
        "out": Concurrency(4, Feedback(0.25, True), Feedback(), 2),
    }
    assert site(tmp_path, "", services).transports["out"].change == Concurrency(5, Feedback(), Feedback(), 1)


def test_who_rewrites_what_is_sent(tmp_path: Path) -> None:
    services = "smtp unix - - n - - smtp\nout unix - - n - - smtp -o smtp_generic_maps=inline:{a=b}\n"
    services += "lmtp unix - - n - - lmtp\n"
    found = {name: each.rewrites for name, each in site(tmp_path, "", services).transports.items()}
    assert found == {"smtp": False, "out": True, "lmtp": False}
    found = {name: each.rewrites for name, each in site(tmp_path, "lmtp_generic_maps = x", services).transports.items()}
    assert found == {"smtp": False, "out": True, "lmtp": True}


def test_where_agents_look_for_hosts(tmp_path: Path) -> None:
    """postconf(5) smtp_host_lookup, smtp_dns_support_level, disable_dns_lookups, inet_protocols."""
    arguments = {
        "plain": "smtp",
        "native": "smtp -o smtp_host_lookup=native",
        "both": "smtp -o { smtp_host_lookup = native, dns } -o inet_protocols=ipv4",
        "off": "smtp -o smtp_dns_support_level=Disabled -o smtp_host_lookup=dns",
        "old": "lmtp -o disable_dns_lookups=yes",
        "new": "lmtp -o disable_dns_lookups=yes -o lmtp_dns_support_level=enabled",
        "other": "lmtp -o smtp_host_lookup=native -o inet_protocols=ipv6",
        "own": "lmtp -o lmtp_host_lookup=native",
        "wrong": "smtp -o smtp_host_lookup=DNS",
    }
    services = "".join(f"{name} unix - - n - - {text}\n" for name, text in arguments.items())
    found = {name: one.host_lookup for name, one in site(tmp_path, "", services).transports.items()}
    assert found == {
        "plain": HostLookup(),
        "native": HostLookup(dns=False, native=True),
        "both": HostLookup(native=True, types=("A",)),
        "off": HostLookup(mx=False, dns=False, native=True),
        "old": HostLookup(mx=False, dns=False, native=True),
        "new": HostLookup(),
        "other": HostLookup(types=("AAAA",)),
        "own": HostLookup(dns=False, native=True),
        "wrong": HostLookup(dns=False),
    }


def test_transports(tmp_path: Path) -> None:
    services = (
        "maildrop unix - n n - - pipe\n  flags=DRhu user=vmail:mail argv=/usr/bin/maildrop -d ${recipient} flags=x\n"
        "plain unix - n n - - pipe user=nobody argv=/bin/cat\nlocal unix - n n - - local\n"
        "virtual unix - n n - - virtual -o virtual_mailbox_limit=7\nslow unix - - n - - smtp\n"
        "smtp unix - - n - - smtp\ncleanup unix n - n - 0 cleanup\nerror unix - - n - - error\n"
    )
    found = site(tmp_path, "slow_destination_concurrency_limit = 1\n", services).transports
    assert {name: transport.agent for name, transport in found.items()} == {
        "maildrop": AgentKind.PIPE,
        "plain": AgentKind.PIPE,
        "local": AgentKind.MAILBOX,
        "virtual": AgentKind.MAILBOX,
        "slow": AgentKind.SMTP,
        "smtp": AgentKind.SMTP,
        "cleanup": None,
        "error": AgentKind.ERROR,
    }
    maildrop, plain = found["maildrop"], found["plain"]
    assert maildrop.argv == ("/usr/bin/maildrop", "-d", "${recipient}", "flags=x")
    assert (maildrop.user, maildrop.flags, maildrop.headers) == (
        "vmail:mail",
        "DRhu",
        ("Return-Path", "Delivered-To"),
    )
    assert (plain.argv, plain.user, plain.flags, plain.headers) == (("/bin/cat",), "nobody", "", ())
    assert found["local"].headers == ("Return-Path", "X-Original-To", "Delivered-To") and not found["smtp"].headers
    assert found["virtual"].limits is not None and found["virtual"].limits.virtual_mailbox_size == 7
    assert found["local"].limits is None
    assert [found[name].concurrency for name in ("slow", "smtp", "local")] == [1, 20, 2]
    assert found["plain"].span is not None and found["plain"].span.line == 3


def test_what_a_transport_says_in_ehlo(tmp_path: Path) -> None:
    services = (
        "smtp unix - - n - - smtp\nother unix - - n - - smtp -o smtp_helo_name=o.example\nlocal unix - n n - - local\n"
    )
    found = site(tmp_path, "myhostname = h.example\nsmtp_helo_name = s.example\n", services)
    said = {name: found.client_name(name) for name in ("smtp", "other", "local", "unknown")}
    assert said == {"smtp": "s.example", "other": "o.example", "local": "h.example", "unknown": "h.example"}
