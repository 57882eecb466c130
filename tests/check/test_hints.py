"""Every hint helps: a mistake is made, found, mended as the hint has it, and then nothing is found at all.

Each case is a mistake in main.cf (a line behind `MAIN`), master.cf (behind `MASTER`) or a table, the code and the words
of the hint, and the text that takes the mistake's place.
"""

# ruff: noqa: E501  a case is a line
from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from mailconf.check.rules import check
from mailconf.diagnostics import CODES, Diagnostic, Sink
from mailconf.files import Root
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of

MAIN = "compatibility_level = 3.6\nmyhostname = mail.example.com\nalias_maps =\nalias_database =\n"
MASTER = """\
smtp inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
relay unix - - n - - smtp
local unix - n n - - local
virtual unix - n n - - virtual
"""
NOT_HERE = {
    # sendmail's
    *("CK020", "CK021", "CK022"),
    # map types that an installed Postfix does or does not have: tests/check/test_postfix_rules.py
    *("CK084", "CK085"),
    # notes of explain about maps that are not built: tests/cli/test_explain.py
    *("PF231", "PF232"),
    # what explain and serve report of a value for which check has CK075: tests/postfix/test_protocol_options.py
    "PF223",
    # what an installed Postfix and the machine are asked for: tests/check/test_installation.py, tests/live
    *("CK050", "CK060", "CK062", "CK063", "CK064", "CK065", "CK066", "CK067", "CK068", "PF015"),
    # what mailconf does not do, or gives up: there is nothing to mend
    *("PF207", "PF208", "PF236", "TB009"),
    # the hint is to build, and tests/cli does
    *("CK010", "CK011"),
    # a test of its own
    *("CK071", "TB103", "PF237", "PF238"),
    # files that are not there or cannot be read
    *("PF001", "PF010"),
    # maps that are not on the disk: tests/files/test_alike.py
    "CK012",
    # only machines write it
    "CK079",
}


class Case(NamedTuple):
    code: str
    hint: str
    before: str
    after: str
    place: str = "main"  # or "master", or the parameter and type of the table whose text it is
    also: str = ""  # what main.cf has before and after


def main(code: str, hint: str, before: str, after: str = "", also: str = "") -> Case:
    return Case(code, hint, before, after, "main", also)


def master(code: str, hint: str, before: str, after: str = "") -> Case:
    return Case(code, hint, before, after, "master")


RELAY = "smtpd_relay_restrictions"
ZEN = "smtpd_client_restrictions = reject_rbl_client zen.example"
ACCESS = "smtpd_sender_restrictions = check_sender_access hash"
CASES = [
    main("PF002", 'write "name = value"', "biff", "biff = no"),
    main("PF003", 'write "name = value"', "= no", "biff = no"),
    main("PF004", "remove the blank", " biff = no", "biff = no"),
    main("PF005", "remove one of the two", "biff = no\nbiff = yes", "biff = yes"),
    main("PF006", "expressions", "myorigin = ${mydomain", "myorigin = ${mydomain}"),
    main("PF007", "write yes or no", "biff = on", "biff = yes"),
    main("PF008", "write a whole number", "hopcount_limit = many", "hopcount_limit = 50"),
    main("PF009", "and s, m, h, d or w", "queue_run_delay = 5 minutes", "queue_run_delay = 5m"),
    master("PF011", 'write "service type private', "x unix - -", "x unix - - n - - smtp"),
    master("PF011", "write inet, unix", "x tcp - - n - - smtp", "x unix - - n - - smtp"),
    master("PF011", 'write y, n, or "-"', "x unix yes - n - - smtp", "x unix y - n - - smtp"),
    master("PF012", "remove the blank", " x unix - - n - - smtp", "x unix - - n - - smtp"),
    main("PF013", "", "inet_interfaces = 192.0.2.9x", "inet_interfaces = all"),
    master("PF014", "write its number", "nosuchport inet n - n - - smtpd", "2525 inet n - n - - smtpd"),
    main("PF016", "write the commands", "smtpd_forbidden_commands = hash:/x", "smtpd_forbidden_commands = CONNECT"),
    master("PF017", "remove one", "x unix - - n - - smtp\nx unix - - n - - smtp", "x unix - - n - - smtp"),
    master("PF018", "-o name=value", "x unix - - n - - smtp -o biff", "x unix - - n - - smtp -o biff=no"),
    master("PF018", "-o { name = value }", "x unix - - n - - smtp -o biff = no", "x unix - - n - - smtp -o { biff = no }"),
    main("PF201", "remove it, or", "smtpd_sender_restrictions = reject_foo", "smtpd_sender_restrictions ="),
    main("PF201", "or define a class", "smtpd_sender_restrictions = reject_foo", "smtpd_sender_restrictions = reject_foo\nsmtpd_restriction_classes = reject_foo\nreject_foo = permit"),
    main("PF201", "write reject_rbl_client before it", "smtpd_client_restrictions = reject_rbl_client a.example b.example", "smtpd_client_restrictions = reject_rbl_client a.example reject_rbl_client b.example"),
    main("PF201", "did you mean reject_non_fqdn_sender", "smtpd_sender_restrictions = reject_nonfqdn_sender", "smtpd_sender_restrictions = reject_non_fqdn_sender"),
    main("PF201", "add a line: mine = ...", "smtpd_restriction_classes = mine", "smtpd_restriction_classes = mine\nmine = permit"),
    main("PF202", "and type:table", "smtpd_sender_restrictions = check_sender_access", "smtpd_sender_restrictions = check_sender_access static:OK"),
    main("PF202", "and a domain name", "smtpd_sender_restrictions = reject_rbl_client", "smtpd_sender_restrictions = reject_rbl_client a.example"),
    main("PF203", "move it before permit", "smtpd_sender_restrictions = permit, reject_non_fqdn_sender", "smtpd_sender_restrictions = reject_non_fqdn_sender, permit"),
    main("PF204", "at the end of", f"{RELAY} =", f"{RELAY} = reject_unauth_destination"),
    main("PF204", "before permit", f"{RELAY} = permit", f"{RELAY} = reject_unauth_destination, permit"),
    Case("PF204", "set compatibility_level = 3.6", "compatibility_level = 0", "compatibility_level = 3.6", "level"),
    main("PF205", "write reject_unknown_client_hostname", "smtpd_sender_restrictions = reject_unknown_client", "smtpd_sender_restrictions = reject_unknown_client_hostname"),
    main("PF205", "write reject_unknown_sender_domain", "smtpd_sender_restrictions = reject_unknown_address", "smtpd_sender_restrictions = reject_unknown_sender_domain"),
    main("PF206", "the network that the message names", "mynetworks = 10.0.0.1/8", "mynetworks = 10.0.0.0/8"),
    main("PF206", "in brackets", "mynetworks = [2001:db8::1", "mynetworks = [2001:db8::1]"),
    main("PF206", "write an address or a network", "mynetworks = 10.0.0/8", "mynetworks = 10.0.0.0/8"),
    main("PF206", "or take it out of mynetworks", "mynetworks = 10.0.0.0/8 /etc/postfix/networks", "mynetworks = 10.0.0.0/8"),
    master("PF233", "close the brace", "x unix - - n - - smtp -o {biff=no", "x unix - - n - - smtp -o {biff=no}"),
    main("PF234", "put mydomain on a line of its own", "smtpd_banner = xmydomain = example.com", "smtpd_banner = x\nmydomain = example.com"),
    main("PF234", "which begins with it", "smtpd_banner = x\n mydomain = example.com", "smtpd_banner = x\nmydomain = example.com"),
    main("CK001", "did you mean smtpd_recipient_limit", "smtpd_recipent_limit = 3", "smtpd_recipient_limit = 3"),
    main("CK001", "did you mean myorigin", "MyOrigin = a.example", "myorigin = a.example"),
    main("CK001", "is set in line", "smtpd_recipent_limit = 3\nsmtpd_recipient_limit = 4", "smtpd_recipient_limit = 4"),
    main("CK001", "remove it or correct", "smtpd_nonsense_of_mine = 3"),
    main("CK001", "remove it, or define the transport dovecot", "dovecot_destination_recipient_limit = 1"),
    main("CK001", "remove it, or define the pipe or spawn service", "policyd_time_limit = 1h"),
    main("CK001", "put smtpd_banner and biff", "smtpd_bannerbiff = no", "smtpd_banner = x\nbiff = no"),
    main("CK001", "or run the other version", "smtpd_tls_enable_rpk = yes"),
    main("CK001", "it has no effect", "smtp_tls_cipherlist = ALL"),
    main("CK030", "create", "smtpd_sender_restrictions = check_sender_access cidr:/etc/postfix/x", "smtpd_sender_restrictions ="),
    Case("CK031", "correct the rule", "/(/ OK", "/x/ OK", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("CK032", "name of a service of master.cf", "a.example smtpx:b.example", "a.example smtp:b.example", "transport_maps = hash"),
    Case("CK033", "write a.example", ".a.example x", "a.example x", "relay_domains = hash"),
    main("CK051", "or name one that is defined", "default_transport = smpt:x", "default_transport = smtp:x"),
    main("CK051", "upgrade-configuration", "maillog_file = /var/log/mail", ""),
    master("CK052", "add argv=", "x unix - n n - - pipe user=x", "x unix - n n - - pipe user=x argv=/x"),
    master("CK052", "add user=", "x unix - n n - - pipe argv=/x", "x unix - n n - - pipe user=x argv=/x"),
    master("CK053", "remove it: the flags are", "x unix - n n - - pipe flags=RZ user=x argv=/x", "x unix - n n - - pipe flags=R user=x argv=/x"),
    main("CK054", "correct", "cleanup_service_name = cleenup", "cleanup_service_name = cleanup"),
    main("CK061", "or unset", "smtpd_tls_cert_file = /etc/postfix/nosuch.pem"),
    main("CK070", "did you mean $mydomain", "myorigin = $mydomian", "myorigin = $mydomain"),
    main("CK070", "define mine in main.cf", "smtpd_banner = $mine x", "mine = y\nsmtpd_banner = $mine x"),
    main("CK070", "take $mine out", "smtpd_banner = $mine x", "smtpd_banner = x"),
    main("CK070", "end the line after $mydomain", "smtpd_banner = $mydomainbiff = no", "smtpd_banner = $mydomain\nbiff = no"),
    master("CK070", "mua_client_restrictions = permit_sasl_authenticated, reject", "2525 inet n - n - - smtpd -o smtpd_client_restrictions=$mua_client_restrictions"),
    main("CK072", "remove it", "process_name = x"),
    main("CK073", "on a line of its own", "relayhost = a.example # ours", "# ours\nrelayhost = a.example"),
    main("CK074", "remove it", "relayhost = a.example\0", "relayhost = a.example"),
    main("CK075", "takes a number, at least 1", "hopcount_limit = 0", "hopcount_limit = 1"),
    main("CK075", "takes a number", "queue_minfree = 9223372036854775808", "queue_minfree = 9223372036854775807"),
    main("CK075", "one of", "postscreen_greet_action = block", "postscreen_greet_action = drop"),
    main("CK075", "takes a time", "smtpd_timeout = 0", "smtpd_timeout = 1s"),
    main("CK075", "takes text", "myorigin =", "myorigin = a.example"),
    main("CK076", "write type:name", "canonical_maps = static", "canonical_maps = static:a@b.example"),
    main("CK077", "did you mean regexp", "canonical_maps = regxp:{{/a/ b@c.example}}", "canonical_maps = regexp:{{/a/ b@c.example}}"),
    main("CK081", "write one of SMTP's", "reject_code = 50", "reject_code = 550"),
    main("CK081", "a code from 500 to 599", f"relay_domains_reject_code = 450\n{RELAY} = permit_mynetworks, defer_unauth_destination", f"relay_domains_reject_code = 550\n{RELAY} = permit_mynetworks, defer_unauth_destination"),
    main("CK082", "write another value", "smtpd_forbid_bare_newline = note", "smtpd_forbid_bare_newline = normalize"),
    main("CK083", "use an indexed file", "virtual_mailbox_maps = tcp:localhost:1234", "virtual_mailbox_maps = static:root"),
    main("PF220", "default_rbl_reply, for its names", f"default_rbl_reply = $rbl_cod Blocked\n{ZEN}", f"default_rbl_reply = $rbl_code Blocked\n{ZEN}"),
    main("PF221", "begin with $rbl_code", f"default_rbl_reply = Blocked\n{ZEN}", f"default_rbl_reply = $rbl_code Blocked\n{ZEN}"),
    main("PF228", "write one domain", "myorigin = /etc/nosuch", "myorigin = mail.example.com"),
    main("PF229", "on a line of its own", "relay_domains = a.example # ours", "# ours\nrelay_domains = a.example"),
    master("PF230", "add a line: smtpd pass - - y - - smtpd", "2525 inet n - y - 1 postscreen", "2525 inet n - y - 1 postscreen\nsmtpd pass - - y - - smtpd"),
    main("PF235", "write name = number", "known_tcp_ports = smtp=25, foo", "known_tcp_ports = smtp=25, foo=26"),
    main("TB170", "write the result without $1", "virtual_mailbox_maps = regexp:{{/^(.+)@x$$/ $$1}}", "virtual_mailbox_maps = regexp:{{/^a@x$$/ a}}"),
    Case("TB171", "write the path below", "a@b.example ../../x", "a@b.example x", "virtual_mailbox_maps = texthash"),
    main("CK078", "write type:name", "canonical_maps = hash:", "canonical_maps = static:a@b.example"),
    *(
        main("CK080", hint, f"{name} = {wrong}", f"{name} = {right}")
        for name, hint, wrong, right in (
            ("mydomain", "write a name of letters", "a..example", "a.example"),
            ("mailq_path", "begins with /", "x", "/x"),
            ("readme_directory", "or no", "none", "no"),
            ("smtpd_milters", "write inet:host:port", "localhost:8891", "inet:localhost:8891"),
            ("smtpd_tls_protocols", "write >=TLSv1.2", "!SSLv9", ">=TLSv1.2"),
            ("smtpd_tls_ciphers", "write one of", "strong", "high"),
            ("smtp_sasl_security_options", "it takes some of", "nonsense", "noanonymous"),
            ("myorigin", "write one domain", "a.example, b.example", "a.example"),
        )
    ),
    Case("CK080", "write 0, 1, 2", "compatibility_level = x", "compatibility_level = 3.6", "level"),
    master("CK086", "write -o { smtpd_banner = a b }", "2525 inet n - n - - smtpd -o smtpd_banner=a b", "2525 inet n - n - - smtpd -o { smtpd_banner = a b }"),
    master("CK086", "remove the word", "2525 inet n - n - - smtpd -o smtpd_banner=a b", "2525 inet n - n - - smtpd -o smtpd_banner=a"),
    master("CK087", "-o name=value", "2525 inet n - n - - smtpd -O smtpd_banner=a", "2525 inet n - n - - smtpd -o smtpd_banner=a"),
    master("CK087", "or remove it", "2525 inet n - n - - smtpd -o", "2525 inet n - n - - smtpd"),
    main("CK088", "set mailbox_size_limit to 51200001 or more", "message_size_limit = 51200001", "message_size_limit = 51200001\nmailbox_size_limit = 51200001"),
    main("CK088", "to 0: no limit", "message_size_limit = 0", "message_size_limit = 0\nmailbox_size_limit = 0"),
    main("CK090", "write another value", "syslog_facility = postfix", "syslog_facility = local5"),
    main("CK090", "the text itself in place of a reference", "mydomain = a.$mail_name", "mydomain = a.Postfix"),
    main("CK088", "set queue_minfree to 15360000 or more", "queue_minfree = 1", "queue_minfree = 15360000"),
    master("CK089", "name an account of its own", "x unix - n n - - pipe user=root argv=/x", "x unix - n n - - pipe user=x argv=/x"),
    Case("TB001", "first column", " a@b.example c", "a@b.example c", "virtual_alias_maps = hash"),
    Case("TB003", "close the quotes", '"a@b.example c', '"a"@b.example c', "virtual_alias_maps = hash"),
    Case("TB004", "write a key, white space and a value", "a@b.example", "a@b.example c", "virtual_alias_maps = hash"),
    Case("TB005", "leave it out", "root: c", "root c", "virtual_alias_maps = hash"),
    Case("TB006", "remove one of the two", "a@b.example c\na@b.example d", "a@b.example c", "virtual_alias_maps = hash"),
    Case("TB010", "write OK, REJECT", "a@b.example REJCT", "a@b.example REJECT", ACCESS),
    Case("TB011", "write for example", "a@b.example FILTER smtp", "a@b.example FILTER smtp:[filter.example.com]:10025", ACCESS),
    Case("TB012", "write for example", "a@b.example PREPEND x", "a@b.example PREPEND X-Checked: yes", ACCESS),
    Case("TB013", "write for example", "a@b.example BCC x", "a@b.example BCC postmaster@example.com", ACCESS),
    Case("TB014", "write the first octets", "192.0.2.0/24 OK", "192.0.2 OK", "smtpd_client_restrictions = check_client_access hash"),
    Case("TB015", "write OK, or", "a@b.example 1", "a@b.example OK", ACCESS),
    Case("TB016", "write the domain alone", "@b.example OK", "b.example OK", ACCESS),
    Case("TB020", 'write "user@example.com"', "a@ b", "a@c.example b", "virtual_alias_maps = hash"),
    Case("TB021", "separate addresses by commas", "a@b.example c@d.example @", "a@b.example c@d.example", "virtual_alias_maps = hash"),
    Case("TB022", "put it into an alias", "a@b.example |/x", "a@b.example x", "virtual_alias_maps = hash"),
    Case("TB023", "write @b.example for a whole domain", "*@b.example c", "@b.example c", "virtual_alias_maps = hash"),
    Case("TB024", "write a single address", "a@b.example c d", "a@b.example user@example.com", "canonical_maps = hash"),
    Case("TB025", "a comment is a line of its own", "a@b.example c # d", "# d\na@b.example c", "virtual_alias_maps = hash"),
    Case("TB090", "write for example", "b.example smtp x", "b.example smtp:[relay.example.com]:587", "transport_maps = hash"),
    Case("TB091", 'write "[host]"', "b.example smtp:[x", "b.example smtp:[x]", "transport_maps = hash"),
    Case("TB092", 'write "host"', "b.example smtp:h:25:26", "b.example smtp:h:25", "transport_maps = hash"),
    Case("TB030", "write a name, a colon", "root", "root: x", "alias_maps = hash"),
    Case("TB031", "into virtual_alias_maps", "a@b.example: x", "a: x", "alias_maps = hash"),
    Case("TB032", "put quotes around", "a: |/x -y", 'a: "|/x -y"', "alias_maps = hash"),
    Case("TB033", "write :include:/", "a: :include:x", "a: :include:/x", "alias_maps = hash"),
    Case("TB034", "separate targets by commas", "a: b :include:/x", "a: b, :include:/x", "alias_maps = hash"),
    Case("TB035", "write a target", "a: ,", "a: /dev/null", "alias_maps = hash"),
    Case("TB100", "write REJECT", "/x/ REJCT", "/x/ REJECT", "header_checks = regexp"),
    Case("TB101", "write for example", "/x/ PREPEND", "/x/ PREPEND [checked]", "body_checks = regexp"),
    Case("TB012", "write for example", "/x/ REPLACE x", "/x/ REPLACE X-Checked: yes", "header_checks = regexp"),
    Case("TB102", "write it into header_checks", "/x/ REJECT", "/x/ WARN", "smtp_header_checks = regexp"),
    Case("TB110", "ends with the character", "/x OK", "/x/ OK", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("TB111", "has the flags", "/x/q OK", "/x/i OK", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("TB112", "write /pattern/ result", "x OK", "/x/ OK", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("TB113", "", "endif", "", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("TB114", "write endif", "if /x/\n/y/ OK", "if /x/\n/y/ OK\nendif", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("TB115", "write what is to happen", "/x/", "/x/ OK", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("TB116", "write", "192.0.2.1/24 OK", "192.0.2.0/24 OK", "smtpd_client_restrictions = check_client_access cidr"),
    Case("TB117", "remove it", "if /x/\n/y/ OK\nendif z", "if /x/\n/y/ OK\nendif", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("TB118", "without $", "!/x/ REJECT $1", "!/x/ REJECT", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("TB002", "as UTF-8", "\udce4@b.example c", "a@b.example c", "virtual_alias_maps = hash"),
]  # fmt: skip


def write(top: Path, case: Case, text: str) -> None:
    """An /etc/postfix below ``top`` with ``text`` in its place."""
    etc = top / "etc/postfix"
    etc.mkdir(parents=True)
    parameters, services = MAIN, MASTER
    if case.place == "level":
        parameters = f"{text}\n" + MAIN.split("\n", 1)[1]
    elif case.code == "PF004":
        parameters = f"{text}\n{MAIN}"
    elif case.code == "PF012":
        services = f"{text}\n{MASTER}"
    elif case.place == "main":
        parameters = (
            "".join(line for line in MAIN.splitlines(True) if line.split()[0] != text.split()[0:1]) + f"{text}\n"
        )
    elif case.place == "master":
        services += f"{text}\n"
    else:
        name = case.place.split()[0]
        kept = "".join(line for line in MAIN.splitlines(True) if line.split()[0] != name)
        parameters = f"{kept}{case.place}:/etc/postfix/table\n"
        (etc / "table").write_text(f"{text}\n", errors="surrogateescape")
    (etc / "main.cf").write_text(f"{parameters}{case.also}")
    (etc / "master.cf").write_text(services)


def found(top: Path, case: Case, text: str) -> list[Diagnostic]:
    """What check finds with ``text`` in its place."""
    write(top, case, text)
    root, sink = Root(top), Sink()
    configuration = Configuration.load("/etc/postfix", sink, root)
    check(configuration, site_of(configuration), root, sink)
    return [diagnostic for diagnostic in sink if diagnostic.code not in ("CK010", "PF207")]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code} {case.before}" for case in CASES])
def test_the_hint_mends_it(case: Case, tmp_path: Path) -> None:
    before = [(d.code, d.hint) for d in found(tmp_path / "before", case, case.before)]
    assert any(code == case.code and hint and case.hint in hint for code, hint in before), before
    after = [f"{diagnostic} {diagnostic.hint}" for diagnostic in found(tmp_path / "after", case, case.after)]
    assert after == []


def test_what_a_newer_version_will_not_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAILCONF_POSTFIX_VERSION")  # a named version would be meant
    for name, line in (("before", "smtp_use_tls = yes"), ("after", "smtp_tls_security_level = may")):
        program = tmp_path / name / "usr/sbin/postconf"
        program.parent.mkdir(parents=True)
        program.write_bytes(b"\0mail_version=3.11.7\0")
        diagnostics = found(tmp_path / name, main("CK071", "", line), line)
        assert [d.hint for d in diagnostics] == ['instead, specify "smtp_tls_security_level"'] * (name == "before")


def test_header_checks_in_a_table_without_patterns(tmp_path: Path) -> None:
    case = Case("TB103", "", "", "", "header_checks = texthash")
    hints = {d.hint for d in found(tmp_path / "before", case, "Subject: REJECT") if d.code == "TB103"}
    assert any("put patterns into a regexp: or pcre: table" in hint for hint in hints)
    assert found(tmp_path / "after", case._replace(place="header_checks = regexp"), "/x/ REJECT") == []


def test_every_code_has_a_case() -> None:
    sendmails = ("TB04", "TB05", "TB06", "TB07", "TB13", "TB14", "TB15", "TB16")
    codes = {name for name in CODES if name.startswith(("PF", "CK", "TB")) and not name.startswith(sendmails)}
    assert codes - {case.code for case in CASES} - NOT_HERE == set()
