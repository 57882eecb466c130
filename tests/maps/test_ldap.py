"""ldap tables over a fake of python-ldap with a small directory."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from mailconf.maps.core.table import LookupTable, TemporaryFailure, UnsupportedMap
from mailconf.maps.registry import open_table
from mailconf.maps.servers import ldap as ldap_maps

CONFIG = "server_host = dir.example.com\nsearch_base = dc=x,dc=com\nquery_filter = mail=%s\n"
DIRECTORY: dict[str, dict[str, list[bytes]]] = {
    "cn=one,dc=x,dc=com": {"mail": [b"one@x.com"], "mailDrop": [b"box1", b"box2"]},
    "cn=two,dc=x,dc=com": {"mail": [b"two@x.com"], "maildrop": [b"box3"]},
    "cn=group,dc=x,dc=com": {
        "mail": [b"group@x.com"],
        "maildrop": [b"direct@y.com"],
        "memberdn": [b"cn=one,dc=x,dc=com", b"cn=two,dc=x,dc=com", b"cn=gone,dc=x,dc=com"],
    },
    "cn=url,dc=x,dc=com": {
        "mail": [b"url@x.com"],
        "memberurl": [b"ldap:///dc=x,dc=com??sub?(mail=two@x.com)", b"ldap:///dc=x,dc=com?MAIL?sub?(mail=one@x.com)"],
    },
    "cn=loop,dc=x,dc=com": {"mail": [b"loop@x.com"], "memberdn": [b"cn=loop,dc=x,dc=com"]},
    "cn=twice,dc=x,dc=com": {"mail": [b"twice@x.com"], "memberdn": [b"cn=twice,dc=x,dc=com"] * 2},
    "cn=odd,dc=x,dc=com": {"mail": [b"odd(*)@x.com"], "maildrop": [b"odd", b""]},
}


class LDAPError(Exception):
    pass


class ServerDown(LDAPError):
    pass


class NoSuchObject(LDAPError):
    pass


class Server:
    def __init__(self) -> None:
        self.connects: list[str] = []
        self.calls: list[tuple[Any, ...]] = []
        self.options: dict[int, object] = {}
        self.down = 0  # how many searches fail
        self.refuse = False


class Connection:
    def __init__(self, server: Server, urls: str) -> None:
        self._server = server
        server.connects.append(urls)

    def set_option(self, option: int, value: object) -> None:
        self._server.options[option] = value

    def start_tls_s(self) -> None:
        self._server.calls.append(("start_tls",))

    def simple_bind_s(self, dn: str, password: str) -> None:
        if self._server.refuse:
            raise LDAPError({"desc": "Invalid credentials", "info": "no"})
        self._server.calls.append(("bind", dn, password))

    def sasl_interactive_bind_s(self, dn: str, how: object) -> None:
        self._server.calls.append(("sasl", dn, how))

    def unbind_s(self) -> None:
        raise LDAPError("gone")

    def search_ext_s(
        self, base: str, scope: int, filter: str, attributes: list[str], sizelimit: int, timeout: int
    ) -> list[tuple[str | None, Any]]:
        self._server.calls.append(("search", base, scope, filter, sizelimit, timeout))
        if self._server.down:
            self._server.down -= 1
            raise ServerDown({"desc": "Can't contact LDAP server"})
        if base not in DIRECTORY and base != "dc=x,dc=com":
            raise NoSuchObject({"desc": "No such object"})
        wanted = re.fullmatch(r"\(?mail=(.*?)\)?", filter)
        found: list[tuple[str | None, Any]] = [(None, ["ldap://elsewhere/"])]
        for name, entry in DIRECTORY.items():
            mail = re.sub(rb"[(*)]", lambda match: b"\\%02x" % ord(match[0]), entry["mail"][0]).decode()
            if name == base if scope == 0 else wanted is not None and wanted[1] == mail:
                found.append((name, {key: values for key, values in entry.items() if key.lower() in attributes}))
        return found


class Url:
    def __init__(self, text: str) -> None:
        match = re.fullmatch(r"ldap:///([^?]*)\?([^?]*)\?([^?]*)\?(.*)", text)
        if match is None:
            raise ValueError(text)
        self.dn, self.filterstr = match[1], match[4]
        self.attrs = match[2].split(",") if match[2] else None
        self.scope = {"base": 0, "one": 1, "sub": 2}[match[3]]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    found = Server()
    module = types.ModuleType("ldap")
    module.__dict__.update(
        initialize=lambda urls: Connection(found, urls),
        LDAPError=LDAPError,
        SERVER_DOWN=ServerDown,
        NO_SUCH_OBJECT=NoSuchObject,
        OPT_X_TLS_DEMAND=2,
        OPT_X_TLS_NEVER=0,
    )
    options = ["NETWORK_TIMEOUT", "DEREF", "REFERRALS"]
    options += [
        f"X_TLS_{name}" for name in ("REQUIRE_CERT", "NEWCTX", "CACERTFILE", "CACERTDIR", "CERTFILE", "KEYFILE")
    ]
    module.__dict__.update({f"OPT_{name}": name for name in options})
    urls = types.ModuleType("ldapurl")
    urls.__dict__["LDAPUrl"] = Url
    sasl = types.ModuleType("ldap.sasl")
    sasl.__dict__.update(CB_USER=1, CB_AUTHNAME=2, CB_PASS=3, CB_GETREALM=4, sasl=lambda answers, how: (answers, how))
    for name, fake in (("ldap", module), ("ldapurl", urls), ("ldap.sasl", sasl)):
        monkeypatch.setitem(sys.modules, name, fake)
    return found


def table(tmp_path: Path, config: str, told: list[str] | None = None) -> LookupTable:
    path = tmp_path / "t.cf"
    path.write_text(config)
    return open_table(f"ldap:{path}", fold=bytes.lower, warn=[].append if told is None else told.append)


LEAF = "leaf_result_attribute = mail\n"
SPECIAL = "special_result_attribute = memberdn, memberurl\n"


# What postmap 3.7.11 answers over slapd with the same directory.
@pytest.mark.parametrize(
    ("more", "key", "value"),
    [
        ("", b"one@x.com", b"box1,box2"),
        ("", b"ONE@x.com", b"box1,box2"),
        ("", b"group@x.com", b"direct@y.com"),
        ("", b"url@x.com", None),
        ("", b"none@x.com", None),
        ("", b"odd(*)@x.com", b"odd"),
        ("", b"*", None),
        ("result_attribute = mail maildrop\n", b"one@x.com", b"one@x.com,box1,box2"),
        ("result_attribute = nosuch\n", b"one@x.com", None),
        ("result_format = <%s>\n", b"one@x.com", b"<box1>,<box2>"),
        ("result_filter = <%s>\n", b"one@x.com", b"<box1>,<box2>"),
        ("domain = y.com\n", b"one@x.com", None),
        (SPECIAL, b"group@x.com", b"direct@y.com,box1,box2,box3"),
        (
            SPECIAL + "leaf_result_attribute = mail\n",
            b"group@x.com",
            b"direct@y.com,one@x.com,box1,box2,two@x.com,box3",
        ),
        (SPECIAL + "leaf_result_attribute = mail\n", b"url@x.com", b"two@x.com,box3,one@x.com"),
        (SPECIAL + "leaf_result_attribute = mail\nresult_attribute =\n", b"group@x.com", b"one@x.com,two@x.com"),
        (SPECIAL + "terminal_result_attribute = maildrop\nresult_attribute = mail\n", b"group@x.com", b"direct@y.com"),
    ],
)
def test_answers(tmp_path: Path, server: Server, more: str, key: bytes, value: bytes | None) -> None:
    asked = table(tmp_path, CONFIG + more)
    assert asked.lookup(key) == value
    asked.close()
    asked.close()


def test_what_is_told(tmp_path: Path, server: Server) -> None:
    told: list[str] = []
    asked = table(tmp_path, CONFIG.replace("%s", "x") + SPECIAL + "scope = all\ndereference = 9\ncache = yes\n", told)
    place = f"dict_ldap_open: {asked.name}"
    assert told == [
        f"{place}: Unrecognized value all specified for scope; using sub",
        f"{place} Unrecognized value 9 specified for dereference; using 0",
        f"{place}: Fixed query_filter mail=x is probably useless",
        f"{place} ignoring cache",
    ]
    told.clear()
    table(tmp_path, CONFIG + SPECIAL, told).lookup(b"group@x.com")
    assert told == ["dict_ldap_get_values[1]: DN cn=gone,dc=x,dc=com not found, skipping"]


@pytest.mark.parametrize(
    ("more", "key", "words"),
    [
        ("expansion_limit = 1\n", b"one@x.com", "Expansion limit exceeded for key: 'one@x.com'"),
        (
            SPECIAL,
            b"loop@x.com",
            "[1000]: {name}: Recursion limit exceeded for special attribute memberdn=cn=loop",
        ),
        (SPECIAL + "recursion_limit = 1\n", b"loop@x.com", "dict_ldap_get_values[1]: {name}: Recursion limit exceeded"),
        ("search_base = dc=nosuch\n", b"one@x.com", "Search base 'dc=nosuch' not found: No such object"),
    ],
)
def test_failures(tmp_path: Path, server: Server, more: str, key: bytes, words: str) -> None:
    asked = table(tmp_path, CONFIG + more)
    with pytest.raises(TemporaryFailure) as caught:
        asked.lookup(key)
    assert words.format(name=asked.name) in str(caught.value)


def test_groups_within_each_other_end(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ldap_maps, "SEARCHES", 500)
    asked = table(tmp_path, CONFIG + SPECIAL + "recursion_limit = 100\n")
    with pytest.raises(TemporaryFailure, match=r"Recursion limit|more than 500 searches"):
        asked.lookup(b"twice@x.com")
    assert len(server.calls) < 600


def test_a_base_made_of_the_key(tmp_path: Path, server: Server) -> None:
    text = "search_base = cn=%u,dc=%2,dc=%1\nscope = base\nquery_filter = (mail=%s)\n"
    asked = table(tmp_path, text)
    assert asked.lookup(b"one@x.com") == b"box1,box2"
    assert asked.lookup(b"nobody@x.com") is None
    assert asked.lookup(b"one") is None
    assert asked.lookup(b'a,b="c @x.com') is None
    assert server.calls[-1][1] == r"cn=a\2cb\3d\22c\20,dc=x,dc=com"
    assert server.connects == ["ldap://localhost:389"]


@pytest.mark.parametrize(
    ("hosts", "urls"),
    [
        ("a", "ldap://a:777"),
        ("a:1, b", "ldap://a:1 ldap://b:777"),
        ("ldap://a:1 ldaps://b", "ldap://a:1 ldaps://b"),
        ("ldapi://%2Frun%2Fldapi", "ldapi://%2Frun%2Fldapi"),
    ],
)
def test_servers(tmp_path: Path, server: Server, hosts: str, urls: str) -> None:
    table(tmp_path, CONFIG + f"server_host = {hosts}\nserver_port = 777\n").lookup(b"one@x.com")
    assert server.connects == [urls]


def test_a_server_that_closed_meanwhile_is_asked_again(tmp_path: Path, server: Server) -> None:
    asked = table(tmp_path, CONFIG)
    server.down = 1
    assert asked.lookup(b"one@x.com") == b"box1,box2"
    assert len(server.connects) == 2
    server.down = 2
    with pytest.raises(TemporaryFailure, match="Search error: Can't contact LDAP server"):
        asked.lookup(b"one@x.com")


def test_binding(tmp_path: Path, server: Server) -> None:
    table(tmp_path, CONFIG + "bind_dn = cn=me\nbind_pw = p\n").lookup(b"one@x.com")
    table(tmp_path, CONFIG + "bind = no\n").lookup(b"one@x.com")
    sasl = "bind = sasl\nsasl_mechs = DIGEST-MD5\nsasl_realm = r\nsasl_authz_id = u\nbind_dn = n\nbind_pw = p\n"
    table(tmp_path, CONFIG + sasl).lookup(b"one@x.com")
    calls = [call for call in server.calls if call[0] != "search"]
    assert calls == [("bind", "cn=me", "p"), ("sasl", "", ({1: "u", 2: "n", 3: "p", 4: "r"}, "DIGEST-MD5"))]
    server.refuse = True
    words = "Unable to bind to server ldap://dir.example.com:389 with dn empty or implicit: Invalid credentials: no"
    with pytest.raises(TemporaryFailure, match=words):
        table(tmp_path, CONFIG).lookup(b"one@x.com")
    with pytest.raises(TemporaryFailure, match="unsupported parameter value: bind = foo"):
        table(tmp_path, CONFIG + "bind = foo\n")


def test_tls(tmp_path: Path, server: Server) -> None:
    tls = "start_tls = yes\ntls_ca_cert_file = /ca\ntls_cert = /cert\ntls_key = /key\ntls_require_cert = yes\n"
    table(tmp_path, CONFIG + tls).lookup(b"one@x.com")
    assert server.calls[0] == ("start_tls",)
    assert server.options["X_TLS_CACERTFILE"] == "/ca"  # type: ignore[index]
    assert server.options["X_TLS_REQUIRE_CERT"] == 2  # type: ignore[index]


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ldap", None)
    with pytest.raises(UnsupportedMap, match=r"^ldap tables need mailconf\[ldap\]: "):
        table(tmp_path, CONFIG)
