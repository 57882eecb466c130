"""The tables and host names of a .cf, and what the map tools read of it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mailconf.build.etc_mail import TRADITIONAL, EtcMail
from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.sendmail.cf.configuration import Cf
from mailconf.sendmail.cf.read import read_cf
from mailconf.sendmail.cf.tools import ToolCf
from mailconf.sendmail.host_names import host_names
from mailconf.sendmail.tables import configured_tables, table_use
from mailconf.source import Source
from mailconf.tables.sendmail_roles import sendmail_format

CF = """\
# Kcomment hash /etc/mail/comment
Kaccess hash -T<TMPF> -o /etc/mail/access
K virtuser   btree /etc/mail/virtusertable.db
Kmailertable hash -N -a<x> /etc/mail/mailertable and more
Khosts host
Kdns dns -RMX -a. -T<TMP>
O AliasFile=/etc/mail/aliases, hash:-o /etc/mail/lists,ldap:x,
  implicit:/etc/mail/other
O UserDatabaseSpec=/etc/old
O UserDatabaseSpec=/etc/mail/userdb.db, hesiod.example
OA/etc/old
Cwmail.example.com example.com
Fw/etc/mail/local-host-names
Fw-o /etc/mail/none
Fw|/bin/echo run.example
Kuudomain hash
\t-o /etc/mail/uudomain
"""


def parsed(text: str) -> Cf:
    return read_cf(Source("sendmail.cf", text))


def test_tables() -> None:
    uses = [table_use(map_, lambda line: line.span()) for map_ in configured_tables(parsed(CF))]
    assert [(str(u.table), u.role, u.source, u.name, u.flags, u.span and u.span.line) for u in uses] == [
        ("hash:/etc/mail/access", "access_db", "/etc/mail/access", "access", ("-T<TMPF>", "-o"), 2),
        ("btree:/etc/mail/virtusertable", "virtusertable", "/etc/mail/virtusertable", "virtuser", (), 3),
        ("hash:/etc/mail/mailertable", "mailertable", "/etc/mail/mailertable", "mailertable", ("-N", "-a<x>"), 4),
        ("hash:/etc/mail/uudomain", "uucpdomain", "/etc/mail/uudomain", "uudomain", ("-o",), 16),
        ("hash:/etc/mail/aliases", "aliases", "/etc/mail/aliases", "aliases", ("-N",), 7),
        ("hash:/etc/mail/lists", "aliases", "/etc/mail/lists", "aliases", ("-o",), 7),
        ("ldap:x", "aliases", None, "aliases", (), 7),
        ("hash:/etc/mail/other", "aliases", "/etc/mail/other", "aliases", (), 7),
        ("hash:/etc/old", "aliases", "/etc/old", "aliases", ("-N",), 11),
        ("btree:/etc/mail/userdb", "userdb", "/etc/mail/userdb", "userdb", ("-o",), 10),
    ]


def test_a_table_has_one_role_whoever_names_it(tmp_path: Path) -> None:
    """FEATURE(uucpdomain), its map and its file were three roles in two places."""
    mail = tmp_path / "etc/mail"
    mail.mkdir(parents=True)
    for name in TRADITIONAL:
        (mail / name).write_text("a: b\n" if name == "aliases" else "a\tb\n")
    by_name = {t.target.name: t.roles for t in EtcMail("/etc/mail", Root(tmp_path), None).plan(Sink())}
    (mail / "sendmail.cf").write_text(CF)
    by_cf = {t.target.name: t.roles for t in EtcMail("/etc/mail", Root(tmp_path), None).plan(Sink())}
    assert by_name["uudomain.db"] == by_cf["uudomain.db"] == ("uucpdomain",)
    assert {name: by_cf[name] for name in by_name} == by_name
    assert sendmail_format(by_cf["access.db"][0]) is sendmail_format("access")


def test_host_names(tmp_path: Path) -> None:
    (tmp_path / "etc/mail").mkdir(parents=True)
    (tmp_path / "etc/mail/local-host-names").write_text("Example.ORG rest\n# no\n")
    names = host_names(parsed(CF), Root(tmp_path))
    assert {b"localhost", b"[127.0.0.1]", b"mail.example.com", b"example.com", b"example.org"} <= names
    assert not names & {b"no", b"rest", b"run.example", b"#"}
    assert b"[127.0.0.1]" not in host_names(parsed("O DontProbeInterfaces=True\n"), Root(tmp_path))


def test_the_map_tools_read_single_lines() -> None:
    tools = ToolCf("sendmail.cf", CF.encode())
    assert tools.alias_specs() == ["/etc/mail/aliases", "hash:-o /etc/mail/lists", "ldap:x", "/etc/old"]
    assert (tools.map_type("/etc/mail/access", base=False), tools.map_type("access.db", base=True)) == ("hash", "hash")
    assert tools.map_type("/etc/mail/uudomain", base=False) is None
    assert tools.option(b"userdatabasespec") == ["/etc/old", "/etc/mail/userdb.db, hesiod.example"]


def test_a_line_longer_than_the_map_tools_read_at_once() -> None:
    text = b"D1\n" + b"x" * 2047 + b"Kaccess hash /etc/mail/access\nO AliasFile=/etc/mail/aliases\n"
    tools = ToolCf("sendmail.cf", text)
    assert (tools.map_type("/etc/mail/access", base=False), tools.alias_specs()) == ("hash", ["/etc/mail/aliases"])


HARD = st.lists(
    st.sampled_from(
        [
            *("K", "Kx hash ", "O AliasFile=", "O UserDatabaseSpec=", "Cw", "Fw", "\n", "\n ", " ", "-o ", "\0", '"'),
            *(
                "/etc/mail/access",
                "/etc/mail",
                "/" + "x" * 300,
                "/etc/mail/\udcff",
                "hash:",
                ",",
                ".db",
                "btree ",
                "$=w",
            ),
        ]
    ),
    max_size=25,
)


@given(HARD)
def test_any_cf_gives_a_plan(tmp_path_factory: object, parts: list[str]) -> None:
    top: Path = tmp_path_factory.mktemp("any")  # type: ignore[attr-defined]
    (top / "etc/mail").mkdir(parents=True)
    (top / "etc/mail/access").write_text("a\tb\n")
    (top / "etc/mail/sendmail.cf").write_bytes("".join(parts).encode("utf-8", "surrogateescape"))
    etc_mail, sink = EtcMail("/etc/mail", Root(top), None), Sink()
    targets = etc_mail.plan(sink)
    assert len({target.target for target in targets}) == len(targets)
    etc_mail.host_names()
    for found in sink:
        str(found)
