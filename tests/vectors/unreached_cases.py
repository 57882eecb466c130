"""Sites with a domain in a virtusertable or genericstable that no lookup asks for, and the same sites in order.

A case is a .mc, whose folder is ``@``, files beside it, what is different in the site in order, and the table, the
domain and the line that check is to report. `questions` are put to both: each key of the table, in the forms in which
addresses have it, as recipient and as header sender.
"""

from __future__ import annotations

from typing import Any

HOST = "mail.corp.test"
HEAD = """\
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`linux')dnl
"""
# What Debian's and Red Hat's own sendmail.mc begin with, as far as it changes where tables are asked.
DEBIAN = """\
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
DOMAIN(`debian-mta')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
FEATURE(`no_default_msa')dnl
define(`confPRIVACY_FLAGS', `needmailhelo,needexpnhelo,needvrfyhelo,restrictqrun,restrictexpand,nobodyreturn')dnl
FEATURE(`use_cw_file')dnl
FEATURE(`access_db', , `skip')dnl
FEATURE(`always_add_domain')dnl
MASQUERADE_AS(`corp.test')dnl
FEATURE(`allmasquerade')dnl
FEATURE(`masquerade_envelope')dnl
"""
RED_HAT = """\
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
VERSIONID(`setup for linux')dnl
OSTYPE(`linux')dnl
define(`confTRY_NULL_MX_LIST', `True')dnl
define(`UUCP_MAILER_MAX', `2000000')dnl
FEATURE(`no_default_msa', `dnl')dnl
FEATURE(`smrsh', `/usr/sbin/smrsh')dnl
FEATURE(`mailertable', `hash -o @/mailertable.db')dnl
FEATURE(redirect)dnl
FEATURE(always_add_domain)dnl
FEATURE(use_cw_file)dnl
FEATURE(use_ct_file)dnl
FEATURE(`access_db', `hash -T<TMPF> -o @/access.db')dnl
FEATURE(`blocklist_recipients')dnl
EXPOSED_USER(`root')dnl
FEATURE(`accept_unresolvable_domains')dnl
LOCAL_DOMAIN(`localhost.localdomain')dnl
"""
PLACES = """\
define(`confDOMAIN_NAME', `mail.corp.test')dnl
define(`MAIL_SETTINGS_DIR', `@/')dnl
define(`ALIAS_FILE', `@/aliases')dnl
define(`QUEUE_DIR', `@/queue')dnl
define(`confCW_FILE', `@/local-host-names')dnl
define(`confCT_FILE', `-o @/trusted-users')dnl
define(`confTO_IDENT', `0')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confDONT_BLAME_SENDMAIL', `MapInUnsafeDirPath,GroupWritableDirPathSafe,ClassFileInUnsafeDirPath')dnl
"""
MAILERS = "MAILER(`local')dnl\nMAILER(`smtp')dnl\n"
CW, VIRTUAL, GENERIC = "use_cw_file", "virtusertable", "genericstable"


def _feature(*names: str) -> str:
    return "".join(f"FEATURE(`{name}')dnl\n" for name in names)


def _table(name: str) -> str:
    return f"FEATURE(`{name}', `hash -o @/{name}')dnl\n"


def _case(
    name: str, mc: str, domain: str, line: int, files: dict[str, str], mended: dict[str, str], *, head: str = HEAD
) -> dict[str, Any]:
    """``mended`` replaces files; its "mc" is put before the mailers."""
    table = VIRTUAL if VIRTUAL in files else GENERIC
    return {
        "name": name,
        "mc": head + PLACES + mc,
        "files": {"local-host-names": "corp.test\nmail.corp.test\n", "aliases": "postmaster: root\n", **files},
        "mended": mended,
        "table": table,
        "domain": domain,
        "line": line,
    }


ONE = "joe@corp.test\tjoe\ninfo@shop.test\tann\n@shop.test\tjoe\n"
BELOW = "info@sub.shop.test\tann\n"
FROM = "joe\tjoe.user@corp.test\njoe@shop.test\tjoe.shop@corp.test\n"
CASES = [
    _case("no class", _feature(CW) + _table(VIRTUAL), "shop.test", 2, {VIRTUAL: ONE},
          {"mc": "VIRTUSER_DOMAIN(`shop.test')dnl\n"}),
    _case("another domain", _feature(CW) + _table(VIRTUAL) + "VIRTUSER_DOMAIN(`stop.test')dnl\n", "shop.test", 2,
          {VIRTUAL: ONE}, {"mc": "VIRTUSER_DOMAIN(`shop.test')dnl\n"}),
    _case("class file", _feature(CW) + _table(VIRTUAL) + "VIRTUSER_DOMAIN_FILE(`@/virtuser-domains')dnl\n",
          "shop.test", 2, {VIRTUAL: ONE, "virtuser-domains": "virt.test\n"},
          {"virtuser-domains": "virt.test\nshop.test\n"}),
    _case("local domain", _feature(CW, "redirect") + _table(VIRTUAL), "shop.test", 2, {VIRTUAL: ONE},
          {"local-host-names": "corp.test\nmail.corp.test\nshop.test\n"}),
    _case("no local-host-names", _table(VIRTUAL), "corp.test", 1, {VIRTUAL: "joe@corp.test\tann\n"},
          {"mc": _feature(CW)}),
    _case("relayed only", _feature(CW) + _table(VIRTUAL) + "RELAY_DOMAIN(`shop.test')dnl\n", "shop.test", 2,
          {VIRTUAL: ONE}, {"mc": "VIRTUSER_DOMAIN(`shop.test')dnl\n"}),
    _case("subdomain", _feature(CW) + _table(VIRTUAL) + "VIRTUSER_DOMAIN(`shop.test')dnl\n", "sub.shop.test", 1,
          {VIRTUAL: BELOW}, {"mc": _feature("virtuser_entire_domain")}),
    _case("detail", _feature(CW, "preserve_local_plus_detail") + _table(VIRTUAL), "shop.test", 1,
          {VIRTUAL: "info+*@shop.test\tann\n"}, {"mc": "VIRTUSER_DOMAIN(`shop.test')dnl\n"}),
    _case("capitals", _feature(CW) + _table(VIRTUAL), "shop.test", 1, {VIRTUAL: "Info@SHOP.Test\tann\n"},
          {"mc": "VIRTUSER_DOMAIN(`Shop.Test')dnl\n"}),
    _case("no GENERICS_DOMAIN", _feature(CW) + _table(GENERIC), "shop.test", 2, {GENERIC: FROM},
          {"mc": "GENERICS_DOMAIN(`shop.test')dnl\n"}),
    _case("local, not generic", _feature(CW) + _table(GENERIC), "corp.test", 1, {GENERIC: "joe@corp.test\tj@a.test\n"},
          {"mc": "GENERICS_DOMAIN(`corp.test')dnl\n"}),
    _case("generics file", _feature(CW) + _table(GENERIC) + "GENERICS_DOMAIN_FILE(`@/generics-domains')dnl\n",
          "shop.test", 2, {GENERIC: FROM, "generics-domains": "corp.test\n"},
          {"generics-domains": "corp.test\nshop.test\n"}),
    _case("generic subdomain", _feature(CW) + _table(GENERIC) + "GENERICS_DOMAIN(`shop.test')dnl\n", "sub.shop.test",
          1, {GENERIC: "joe@sub.shop.test\tj@a.test\n"}, {"mc": _feature("generics_entire_domain")}),
    _case("masqueraded", _feature(CW) + _table(GENERIC) + "MASQUERADE_AS(`a.test')dnl\nMASQUERADE_DOMAIN(`shop.test')"
          "dnl\n" + _feature("masquerade_envelope"), "shop.test", 2, {GENERIC: FROM},
          {"mc": "GENERICS_DOMAIN(`shop.test')dnl\n"}),
    _case("Debian", _table(VIRTUAL), "shop.test", 2, {VIRTUAL: ONE, "access": "Connect:10.1 RELAY\n"},
          {"mc": "VIRTUSER_DOMAIN(`shop.test')dnl\n"}, head=DEBIAN),
    _case("Debian, generic", _table(GENERIC), "shop.test", 2, {GENERIC: FROM, "access": "Connect:10.1 RELAY\n"},
          {"mc": "GENERICS_DOMAIN(`shop.test')dnl\n"}, head=DEBIAN),
    _case("Red Hat", _table(VIRTUAL), "shop.test", 2,
          {VIRTUAL: ONE, "access": "Connect:10.1 RELAY\n", "mailertable": "far.test smtp:[gw.far.test]\n"},
          {"local-host-names": "corp.test\nmail.corp.test\nshop.test\n"}, head=RED_HAT),
    _case("Red Hat, generic", _table(GENERIC), "shop.test", 2,
          {GENERIC: FROM, "access": "Connect:10.1 RELAY\n", "mailertable": "far.test smtp:[gw.far.test]\n"},
          {"mc": "GENERICS_DOMAIN(`shop.test')dnl\n"}, head=RED_HAT),
]  # fmt: skip


def files_of(case: dict[str, Any], *, mended: bool) -> dict[str, str]:
    """All files of a site by their names, with ``@`` for the folder."""
    changed = dict(case["mended"]) if mended else {}
    mc = case["mc"] + changed.pop("mc", "") + MAILERS
    return {**case["files"], **changed, "sendmail.mc": mc}


def questions(case: dict[str, Any]) -> list[str]:
    """The lines for address test mode: what is asked of the map is shown, as recipient and as sender."""
    domain = case["domain"]
    lines = ["-d60.1", "/tryflags HS"]
    for line in case["files"][case["table"]].splitlines():
        local, at, of = line.split("\t")[0].rpartition("@")
        if at and of.lower() == domain:
            for name in (local.replace("*", "detail") or "anybody", "nobody+detail"):
                for address in (f"{name}@{of}", f"<{name}@{of}>", f"{name}%{of}@{HOST}", f"@{HOST}:{name}@{of}"):
                    lines += [f"3,0 {address}", f"/try esmtp {address}", f"/try local {address}"]
    return lines
