"""An installed Postfix is damaged in one place at a time: ``mailconf check`` names what ``postfix check`` names."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from installed_postfix import InstalledPostfix
from private_postfix import mail_version

from mailconf.postfix.parameters.releases import version_numbers

pytestmark = pytest.mark.live

Q, E, D, L = "var/spool/postfix", "etc/postfix", "var/lib/postfix", "usr/lib/postfix"
LINKS = f"ln -s ../hosts {E}/h; ln -s main.cf {E}/i"
LINK_TO_FILE = f"touch etc/xx; chmod 666 etc/xx; ln -s /etc/xx {E}/k"
LINK_TO_FOLDER = f"mkdir etc/d; touch etc/d/f; chmod 666 etc/d/f; chown 1 etc/d/f; ln -s ../d {E}/d"
COPIES = f"mkdir {Q}/etc; echo x >{Q}/etc/hosts; cp etc/services {Q}/etc/services; echo y >{Q}/etc/nosuch"
COPY_OF_OTHERS = f"mkdir {Q}/etc; cp etc/hosts {Q}/etc/hosts; chown 1 {Q}/etc/hosts; chmod 666 {Q}/etc/hosts"
COPY_IS_A_LINK = f"mkdir {Q}/etc; ln -s nosuch {Q}/etc/hosts; chown -h 1 {Q}/etc/hosts"
# Shell commands, which run at the top of the copy.
DAMAGES = (
    "true",
    f"chown 1 {Q}",
    f"chmod g+w {Q}",
    f"chown postfix {Q}/pid",
    f"chmod o+w {Q}/pid",
    f"touch {Q}/pid/x; chown 1 {Q}/pid/x; chmod 666 {Q}/pid/x",
    f"chown 1 {L}/sbin/master",
    f"chmod g+w {L}/sbin/smtpd",
    f"mkdir {L}/sbin/d; touch {L}/sbin/d/f; chmod 666 {L}/sbin/d/f; chown 1 {L}/sbin/d",
    f"chown 1 {E}/main.cf",
    f"chmod 666 {E}/main.cf",
    f"chmod 777 {E}/sasl; touch {E}/sasl/f; chmod 664 {E}/sasl/f",
    f"chmod g+w {L}/libpostfix-dns.so; chown 1 {L}/postfix-cdb.so",
    LINKS,
    LINK_TO_FILE,
    LINK_TO_FOLDER,
    f"ln -sf /etc/xx {E}/makedefs.out; touch etc/xx; chmod 666 etc/xx",
    f"mv {E} etc/elsewhere; ln -s elsewhere {E}; chmod 666 {E}/main.cf; chown 1 {E}/master.cf",
    f"touch {D}/x; chmod 666 {D}/x",
    f"chmod 770 {D}",
    f"chown root {D}",
    f"touch {Q}/flush/example_com",
    f"mkdir {Q}/defer/9; touch {Q}/defer/9/9ABCDEF0123",
    f"chmod 777 {Q}/active",
    f"touch {Q}/private/x {Q}/public/y; mkfifo {Q}/private/z",
    f"ln -s x {Q}/private/x",
    f"chown root {Q}/public",
    f"chgrp root {Q}/public",
    f"chgrp root {Q}/maildrop",
    f"chmod 777 {Q}/maildrop",
    "chgrp root usr/sbin/postdrop",
    "chmod 755 usr/sbin/postqueue",
    "chmod 2750 usr/sbin/postdrop",
    "chmod 755 usr/sbin/postlog",
    "chown 1 usr/sbin/postqueue",
    COPIES,
    COPY_OF_OTHERS,
    COPY_IS_A_LINK,
    f"mkdir {Q}/q; echo s >{Q}/q/hosts; ln -s q {Q}/etc; chown -h 1 {Q}/etc",
    f"mkdir -p {Q}/usr/lib {Q}/lib {Q}/dev {Q}/var; echo x >{Q}/usr/lib/f; echo y >usr/lib/f; chown 1 {Q}/dev {Q}/var",
    f"touch {Q}/corrupt/x; mkdir {Q}/corrupt/D; touch {Q}/corrupt/D/9ABCDEF0123; chown -R postfix {Q}/corrupt",
    "echo x >usr/lib/sendmail",
    "ln -s /usr/sbin/sendmail usr/lib/sendmail",
    f"rm -r {Q}/active {Q}/maildrop {D}",
    f"mkdir {Q}/foo; chown 1 {Q}/foo",
    f"cd {Q}; for q in maildrop incoming active hold bounce defer flush trace saved; do"
    " touch $q/ab-def $q/.abcdef; chown -R postfix $q; done",
)
SAYS = {  # what the original says, and what we say of the same
    r"not owned by root: (.*)": r"(.*) does not belong to root",
    r"not owned by postfix: (.*)": r"(.*) does not belong to postfix",
    r"group or other writable: (.*)": r"(.*) can be written by its group or by everybody",
    r"not owned by group postdrop: (.*)": r"(.*) does not belong to the group postdrop",
    r"not set-gid or not owner\+group\+world executable: (.*)": r"(.*) is not set-group-ID .*",
    r"symlink leaves directory: (.*)": r"(.*) is a symbolic link that leads out of its folder",
    r"(.*) and .* differ": r"(.*) and .* differ",
    r"damaged message: (.*)": r"/var/spool/postfix/(.*) is a damaged message",
    r"bogus file name: (.*)": r"/var/spool/postfix/(.*) is no message: .*",
}
OWNER, WRITABLE, LEAVES, DIFFER = (
    next(number for number, words in enumerate(SAYS) if part in words)
    for part in ("owned by root", "writable", "symlink leaves", "differ")
)
Named = set[tuple[int, str]]
HOSTS = f"/{Q}/etc/hosts"
# Where Debian's 3.10 departs from its 3.7 and from us (docs/departures.md): what it alone names, and what we alone do.
NEWER: dict[str, tuple[Named, Named]] = {
    LINKS: ({(WRITABLE, f"/{E}/h"), (WRITABLE, f"/{E}/i")}, {(LEAVES, f"/{E}/h")}),
    LINK_TO_FILE: (set(), {(LEAVES, f"/{E}/k")}),
    LINK_TO_FOLDER: ({(WRITABLE, f"/{E}/d")}, {(LEAVES, f"/{E}/d"), (WRITABLE, f"/{E}/d/f")}),
    COPIES: (set(), {(DIFFER, HOSTS)}),
    COPY_OF_OTHERS: (set(), {(OWNER, HOSTS)}),
    COPY_IS_A_LINK: (set(), {(OWNER, HOSTS)}),
}
ALSO = ("Replace one by a symbolic link", "QUEUE FILE NAMES WERE CHANGED")  # a hint; what the original did
# What stops the original, and the code and the place in main.cf of ours (None: another file).
STOPS = {
    "rm -r var/spool/postfix": ("CK060", "queue_directory"),
    f"rm {E}/master.cf": ("PF010", None),
    f"rm {L}/sbin/master": ("CK060", None),
    f"rm -r {Q}/active; touch {Q}/active": ("CK060", None),
    f"touch {Q}/active/x; chown postfix {Q}/active/x": ("CK067", None),
    f"chown root {Q}/active": ("CK062", None),
    f"chown root {Q}/maildrop": ("CK062", None),
    "sed -i 's/^postfix:x:\\([0-9]*\\):[0-9]*/postfix:x:\\1:0/' etc/passwd": ("CK064", "mail_owner"),
    "sed -i \"1i other:x:$(sed -n 's/^postdrop:x:\\([0-9]*\\).*/\\1/p' etc/group):\" etc/group": (
        "CK064",
        "setgid_group",
    ),
    "sed -i \"1i other:x:$(sed -n 's/^postfix:x:\\([0-9]*\\).*/\\1/p' etc/passwd):9::/:\" etc/passwd": (
        "CK064",
        "mail_owner",
    ),
    "G=$(sed -n 's/^postdrop:x:\\([0-9]*\\).*/\\1/p' etc/group);"
    ' sed -i "s/^\\(postfix:x:[0-9]*\\):[0-9]*:/\\1:$G:/" etc/passwd': ("CK064", "setgid_group"),
    "sed -i 's/^nobody:x:\\([0-9]*\\):[0-9]*/nobody:x:\\1:0/' etc/passwd": ("CK064", "default_privs"),
    f"sed -i /^postlog/d {E}/master.cf; echo 'maillog_file = /var/log/mail' >>{E}/main.cf": ("CK051", "maillog_file"),
    **{
        f"sed -i '/^{line.split()[0]} /d' {E}/main.cf; echo '{line}' >>{E}/main.cf": (code, line.split()[0])
        for line, code in {
            "daemon_directory = /nosuch": "CK060",
            "command_directory = /nosuch": "CK060",
            "meta_directory = /nosuch": "CK060",
            "shlib_directory = /nosuch": "CK060",
            "shlib_directory = nosuch": "CK060",
            "data_directory = /nosuch/a/b": "CK060",
            "data_directory = /etc/hosts": "CK060",
            "data_directory = /etc/hosts/x": "CK060",
            "html_directory = nosuch": "CK080",
            "readme_directory = nosuch": "CK080",
            "manpage_directory = no": "CK080",
            "sendmail_path = nosuch": "CK080",
            "mailq_path = no": "CK080",
            "newaliases_path = nosuch": "CK080",
            "mail_owner = root": "CK064",
            "mail_owner = nosuch": "CK064",
            "mail_owner = 102": "CK064",
            "setgid_group = nosuch": "CK064",
            "setgid_group = root": "CK064",
            "setgid_group = postfix": "CK064",
            "default_privs = root": "CK064",
            "default_privs = nosuch": "CK064",
            "default_privs = postfix": "CK064",
            "data_directory =": "CK075",
            "mail_owner =": "CK075",
            "html_directory =": "CK075",
            "hash_queue_depth = x": "PF008",
            "myhostname = a..b": "CK080",
            "compatibility_level = x": "CK080",
        }.items()
    },
}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> tuple[InstalledPostfix, Path]:
    top = tmp_path_factory.mktemp("installed")
    postfix = InstalledPostfix(top / "root")
    postfix.save(top / "saved")
    return postfix, top / "saved"


@pytest.fixture
def postfix(installation: tuple[InstalledPostfix, Path]) -> Iterator[InstalledPostfix]:
    yield installation[0]
    installation[0].restore(installation[1])


def ours(postfix: InstalledPostfix) -> list[dict[str, str]]:
    words = [sys.executable, "-m", "mailconf", "check", "--root", str(postfix.top), "--format", "json", "/etc/postfix"]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    found: list[dict[str, str]] = json.loads(said)["findings"]
    return found


def damage(postfix: InstalledPostfix, command: str) -> None:
    subprocess.run(["sh", "-ec", command], cwd=postfix.top, check=True)


def named(texts: list[str], patterns: list[str]) -> Named:
    """Which patterns match, and what they name."""
    found: Named = set()
    for text in texts:
        for number, pattern in enumerate(patterns):
            if match := re.fullmatch(pattern, text):
                path = match[1].replace("/./", "/").removesuffix("/.")
                found.add((number, path))
    return found


@pytest.mark.parametrize("command", DAMAGES)
def test_the_same_is_named(command: str, postfix: InstalledPostfix) -> None:
    damage(postfix, command)
    said = [found["message"] for found in ours(postfix)]  # first: the original changes things
    theirs = [text.removeprefix("warning: ") for text in postfix.check()]
    theirs = [text for text in theirs if not text.startswith(ALSO)]
    assert all(any(re.fullmatch(pattern, text) for pattern in SAYS) for text in theirs), theirs
    newer = version_numbers(mail_version()) >= (3, 10)
    their_own, our_own = NEWER.get(command, (set(), set())) if newer else (set(), set())
    found, expected = named(said, list(SAYS.values())), named(theirs, list(SAYS))
    assert (expected - found, found - expected) == (their_own, our_own)


@pytest.mark.parametrize("command", STOPS)
def test_what_stops_the_original(command: str, postfix: InstalledPostfix) -> None:
    damage(postfix, command)
    said = ours(postfix)
    assert "fatal: " in postfix.postfix("check")
    code, parameter = STOPS[command]
    findings = [found for found in said if found["code"] == code]
    assert findings, said
    assert all(found["hint"] and found["file"] for found in findings)
    main = postfix.path("/etc/postfix/main.cf").read_text().splitlines()
    if parameter and any(line.startswith(parameter) for line in main):
        assert any(found["line"] and parameter in main[int(found["line"]) - 1] for found in findings), findings
    elif parameter:
        assert any(parameter in found["message"] and found["file"].endswith("main.cf") for found in findings)
