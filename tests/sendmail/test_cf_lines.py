from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mailconf.build.etc_mail import EtcMail
from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.sendmail.cf_lines import CfLines, MapLine

CF = b"""\
# Kcomment hash /etc/mail/comment
Kaccess hash -T<TMPF> -o /etc/mail/access
K virtuser   btree /etc/mail/virtusertable
Kmailertable hash -N -a<x> /etc/mail/mailertable and more
Khosts host
Kdns dns -RMX -a. -T<TMP>
O AliasFile=/etc/mail/aliases, hash:-o /etc/mail/lists,ldap:x
O UserDatabaseSpec=/etc/mail/userdb.db, hesiod.example
OA/etc/old
Cwmail.example.com example.com
Fw/etc/mail/local-host-names
Fw-o /etc/mail/none
"""


def test_maps() -> None:
    lines = CfLines("sendmail.cf", CF)
    assert lines.maps() == [
        MapLine(2, "access", "hash", ("-T<TMPF>", "-o"), "/etc/mail/access"),
        MapLine(3, "virtuser", "btree", (), "/etc/mail/virtusertable"),
        MapLine(4, "mailertable", "hash", ("-N", "-a<x>"), "/etc/mail/mailertable"),
    ]
    assert [(m.is_optional, m.has_nul) for m in lines.maps()] == [(True, False), (False, False), (False, True)]
    assert lines.user_databases() == [MapLine(8, "userdb", "btree", ("-o",), "/etc/mail/userdb")]


def test_aliases() -> None:
    lines = CfLines("sendmail.cf", CF)
    assert lines.alias_specs() == [
        (7, "/etc/mail/aliases"),
        (7, "hash:-o /etc/mail/lists"),
        (7, "ldap:x"),
        (9, "/etc/old"),
    ]
    assert lines.alias_files() == [
        MapLine(7, "aliases", "implicit", ("-N",), "/etc/mail/aliases"),
        MapLine(7, "aliases", "hash", ("-o",), "/etc/mail/lists"),
        MapLine(7, "aliases", "ldap", (), "x"),
        MapLine(9, "aliases", "implicit", ("-N",), "/etc/old"),
    ]


def test_host_names(tmp_path: Path) -> None:
    (tmp_path / "etc/mail").mkdir(parents=True)
    (tmp_path / "etc/mail/local-host-names").write_text("Example.ORG\n# no\n")
    names = CfLines("sendmail.cf", CF).host_names(Root(tmp_path))
    assert {b"localhost", b"[127.0.0.1]", b"mail.example.com", b"example.com", b"example.org"} <= names
    assert b"no" not in names


HARD = st.lists(
    st.sampled_from(
        [
            *(b"K", b"Kx hash ", b"O AliasFile=", b"O UserDatabaseSpec=", b"Cw", b"Fw", b"\n", b" ", b"-o ", b"\0"),
            *(
                b"/etc/mail/access",
                b"/etc/mail",
                b"/" + b"x" * 300,
                b"/etc/mail/\xff",
                b"hash:",
                b",",
                b".db",
                b"btree ",
            ),
        ]
    ),
    max_size=25,
)


@given(HARD)
def test_any_cf_gives_a_plan(tmp_path_factory: object, parts: list[bytes]) -> None:
    top: Path = tmp_path_factory.mktemp("any")  # type: ignore[attr-defined]
    (top / "etc/mail").mkdir(parents=True)
    (top / "etc/mail/access").write_text("a\tb\n")
    (top / "etc/mail/sendmail.cf").write_bytes(b"".join(parts))
    etc_mail, sink = EtcMail("/etc/mail", Root(top), None), Sink()
    targets = etc_mail.plan(sink)
    assert len({target.target for target in targets}) == len(targets)
    etc_mail.host_names()
    for found in sink:
        str(found)


def test_a_line_longer_than_sendmail_reads_at_once() -> None:
    """What lies behind the first 2047 bytes is read as a line, and is in the same line of the file."""
    text = b"D1\n" + b"x" * 2047 + b"Kaccess hash /etc/mail/access\nO AliasFile=/etc/mail/aliases\n"
    lines = CfLines("sendmail.cf", text)
    assert [line.line for line in (*lines.maps(), *lines.alias_files())] == [2, 3]
