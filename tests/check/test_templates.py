"""Files that are templates: one note a file, no finding about what is filled in later, and every other finding."""

from __future__ import annotations

import pytest

from mailconf.check.rules import check
from mailconf.check.templates import without_placeholders
from mailconf.diagnostics import Sink
from mailconf.files import Memory
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of
from tests.check.test_hints import MAIN, MASTER


def found(main: str, master: str = "", table: str = "") -> list[tuple[str, int]]:
    """The codes and lines of what is found: of main.cf, master.cf and a table of virtual_alias_maps."""
    text = f"{MAIN}virtual_alias_maps = hash:/etc/postfix/t\n{main}"
    files = {"main.cf": text, "master.cf": MASTER + master, "t": table}
    tree = Memory({f"/etc/postfix/{name}": content.encode() for name, content in files.items()})
    sink = Sink()
    configuration = Configuration.load("/etc/postfix", sink, tree)
    check(configuration, site_of(configuration), tree, sink)
    left = without_placeholders(sink.sorted(), [f"/etc/postfix/{name}" for name in files], tree)
    lines = {"main.cf": MAIN.count("\n") + 1, "master.cf": MASTER.count("\n"), "t": 0}
    told = [(d, d.span) for d in left if d.code not in ("CK010", "CK013")]
    return [(d.code, span.line - lines[span.source.name.rpartition("/")[2]] if span else 0) for d, span in told]


@pytest.mark.parametrize(
    "line",
    [
        "relayhost = [{{ relay }}]:{{port|default(587)}}",
        "myorigin = {{ hostvars[inventory_hostname].fqdn }}",
        "{% if relay %}\nrelayhost = [a.example]\n{% else %}\nrelayhost = [b.example]\n{% endif %}",
        "{# said of it #}",
        "mynetworks = 127.0.0.0/8\n  <%= @nets.join(' ') %>",
        "myorigin = @ORIGIN@",
        "smtp_helo_name = _MAIL_HOST_",
        "setgid_group =\nhtml_directory =",
        "relayhost = [%RELAY%]:%PORT%",
        "mynetworks = 127.0.0.0/8 __NETS__",
        "smtpd_relay_restrictions = permit_mynetworks,\n  {{ others }}",
        "smtpd_sender_restrictions = check_sender_access hash:{{ folder }}/senders",
    ],
)
def test_a_template_has_one_note_and_no_other_finding(line: str) -> None:
    assert [code for code, _ in found(f"{line}\n")] == ["CK095"]


def test_what_does_not_depend_on_it_is_reported() -> None:
    main = "relayhost = [{{ relay }}]\nbiff = of\nhopcount_limit = {{ hops }}\nmailbox_size_limit = much\n"
    table = "info@${DOMAIN} ann@{{ domain }}\n{{ domain }} x\nbob@a.example\n"
    assert found(main, "{{ port }} inet n - n - - smtpd -o biff={{ b }}\nx unix - - n - - smtp -q\n", table) == [
        ("CK095", 1),
        ("PF007", 2),
        ("PF008", 4),
        ("CK095", 1),
        ("CK087", 2),
        ("CK095", 1),
        ("TB004", 3),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "transport_maps = inline:{{a.example=smtp:[b.example]}}",
        "transport_maps = inline:{{a.example = smtp:[b.example]}, {b.example = smtp:[c.example]}}",
        "smtpd_banner = $myhostname ${{$mail_name} == {x} ? {y} : {z}}",
        "virtual_mailbox_domains = pcre:{{/@a@/ x}}",
        "# {{ ansible_managed }}",
    ],
)
def test_what_is_postfixs_is_no_placeholder(line: str) -> None:
    assert "CK095" not in [code for code, _ in found(f"{line}\n")]


def test_a_capital_name_in_main_cf_is_a_parameter_that_is_missing() -> None:
    assert [code for code, _ in found("mail_name = ${MAILNAME} x\n")] == ["CK070"]
