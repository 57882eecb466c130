"""Files that local(8) and virtual(8) open: whose they are, what they are, and what becomes of the mail.

Each case lays out files below a folder that root owns (modes and owners as they are said here), and has a recipient.
Two accounts of every Debian system are users: games, and news, who is somebody else.
"""

from __future__ import annotations

import os
import pwd
import shutil
from dataclasses import dataclass, field
from pathlib import Path

GAMES, NEWS, NOBODY = (pwd.getpwnam(name).pw_uid for name in ("games", "news", "nobody"))
UNKNOWN = 54321  # a user id without an account

BASE = {
    "myhostname": "mail.example.com",
    "mydomain": "example.com",
    "myorigin": "example.com",
    "mydestination": "example.com",
    "inet_interfaces": "loopback-only",
    "mynetworks": "127.0.0.0/8",
    "recipient_delimiter": "+",
    "alias_maps": "hash:@TOP@/aliases",
    "alias_database": "",
    "forward_path": "@TOP@/fw/$user.forward${recipient_delimiter}${extension}, @TOP@/fw/$user.forward",
    "allow_mail_to_commands": "alias,forward,include",
    "allow_mail_to_files": "alias,forward,include",
    "mail_spool_directory": "@TOP@/mail",
    "smtpd_reject_unlisted_recipient": "no",
    "default_transport": "discard:away",
    "virtual_mailbox_domains": "vm.example",
    "virtual_mailbox_base": "@TOP@/mail",
    "virtual_mailbox_maps": "static:box",
    "virtual_uid_maps": f"static:{GAMES}",
    "virtual_gid_maps": "static:60",
    "virtual_minimum_uid": "1",
}
ALIASES = """\
inc: :include:@TOP@/lists/inc
rel: :include:lists/inc
cmd: "|id -u > @TOP@/out/uid"
file: @TOP@/box/file
mdir: @TOP@/box/mdir/
null: /dev/null
"""
WHO = '"|id -u > @TOP@/out/uid"\n'
AWAY = "away@remote.example\n"


@dataclass
class File:
    """A file below the folder: text, where a link leads to, "fifo", "dir" or "device"."""

    name: str
    text: str = ""
    owner: int = 0
    mode: int = 0o644
    kind: str = "file"


@dataclass
class Case:
    recipient: str
    files: list[File] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    spool: int = 0o1777
    aliases: int = 0  # who owns the alias database


def fw(
    text: str = WHO, owner: int = GAMES, mode: int = 0o644, kind: str = "file", name: str = "fw/games.forward"
) -> File:
    return File(name, text, owner, mode, kind)


def inc(text: str = AWAY, owner: int = 0, mode: int = 0o644, kind: str = "file") -> File:
    return File("lists/inc", text, owner, mode, kind)


SECRET = File("secret", "secret1, secret2\n", 0, 0o600)
VIRTUAL = "a@vm.example"


def box(name: str, text: str = "old\n", owner: int = NOBODY, mode: int = 0o600, kind: str = "file") -> File:
    return File(name, text, owner, mode, kind)


CASES: dict[str, Case] = {
    # ~/.forward
    "forward": Case("games", [fw()]),
    "forward, read by its owner only": Case("games", [fw(mode=0o400)]),
    "forward of root": Case("games", [fw(owner=0)]),
    "forward of root that the user cannot read": Case("games", [fw(owner=0, mode=0o600)]),
    "forward that the user cannot read": Case("games", [fw(mode=0)]),
    "forward of another": Case("games", [fw(owner=NEWS)]),
    "forward that all may write": Case("games", [fw(mode=0o646)]),
    "forward that the group may write": Case("games", [fw(mode=0o664)]),
    "forward that is executable": Case("games", [fw(mode=0o755)]),
    "forward that is a link": Case("games", [fw("real", kind="link"), fw(name="fw/real")]),
    "forward that leads to a secret": Case("games", [SECRET, fw("../secret", kind="link")]),
    "forward that leads nowhere": Case("games", [fw("nowhere", kind="link")]),
    "forward that is a pipe": Case("games", [fw(kind="fifo")]),
    "forward that is a folder": Case("games", [fw(kind="dir", mode=0o755)]),
    "forward that is a device": Case("games", [fw(kind="device")]),
    "forward that is empty": Case("games", [fw("")]),
    "forward with comments only": Case("games", [fw("# x\n\n")]),
    "forward with an extension": Case("games+x", [fw(name="fw/games.forward+x"), fw(AWAY)]),
    "forward with an extension, ignored": Case("games+x", [fw(name="fw/games.forward+x", owner=NEWS), fw(AWAY)]),
    "forward with a slash in the extension": Case("games+d/../real", [fw(name="fw/real"), fw(AWAY)]),
    "forward below a folder by the extension": Case(
        "games+/real", [fw(name="fw/games.forward+", kind="dir", mode=0o755), fw(name="fw/games.forward+/real")]
    ),
    "forward of a file and an include": Case("games", [SECRET, fw(":include:@TOP@/secret\n")]),
    "forward includes another's": Case("games", [inc(WHO, NEWS), fw(":include:@TOP@/lists/inc\n")]),
    "forward includes another's secret": Case("games", [inc(WHO, NEWS, 0o600), fw(":include:@TOP@/lists/inc\n")]),
    "forward includes a link to a secret": Case(
        "games", [SECRET, inc("../secret", GAMES, kind="link"), fw(":include:@TOP@/lists/inc\n")]
    ),
    "forward to a file of root": Case("games", [box("box/file", owner=0), fw("@TOP@/box/file\n")]),
    "forward to a file of one's own": Case("games", [box("box/file", owner=GAMES), fw("@TOP@/box/file\n")]),
    "forward by local part": Case(
        "games+up/../../x", [fw(name="fw/x")], {"forward_path": "@TOP@/fw/$local, @TOP@/fw/$extension"}
    ),
    "forward with what the filter takes away": Case(
        "games+a=b",
        [fw(name="fw/games+a_b")],
        {"forward_path": "@TOP@/fw/$local", "forward_expansion_filter": "abgmes+"},
    ),
    "forward of the superuser": Case("root", [fw(owner=0, name="fw/root.forward")]),
    "forward of the superuser to a file": Case("root", [fw("@TOP@/box/file\n", 0, name="fw/root.forward")]),
    "command for the superuser": Case("root", parameters={"mailbox_command": "id -u > @TOP@/out/uid"}),
    "command for a user": Case("games", parameters={"mailbox_command": "id -u > @TOP@/out/uid"}),
    "forward without a home": Case("games", [], {"require_home_directory": "yes"}),
    # :include:
    "include": Case("inc", [inc()]),
    "include, command": Case("inc", [inc(WHO)]),
    "include of a user, command": Case("inc", [inc(WHO, GAMES)]),
    "include of a user that the user cannot read": Case("inc", [inc(AWAY, GAMES, 0)]),
    "include that only root can read": Case("inc", [inc(AWAY, 0, 0o600)]),
    "include of an unknown user": Case("inc", [inc(WHO, UNKNOWN)]),
    "include that all may write": Case("inc", [inc(mode=0o646)]),
    "include that the group may write": Case("inc", [inc(mode=0o664)]),
    "include that is a link": Case("inc", [inc("real", kind="link"), File("lists/real", AWAY)]),
    "include of a user's link to a user's file": Case(
        "inc", [inc("real", GAMES, kind="link"), File("lists/real", WHO, GAMES)]
    ),
    "include of root's link to a secret": Case("inc", [SECRET, inc("../secret", kind="link")]),
    "include of a user's link to a secret": Case("inc", [SECRET, inc("../secret", GAMES, kind="link")]),
    "include that is a pipe": Case("inc", [inc(kind="fifo")]),
    "include that is a folder": Case("inc", [inc(kind="dir", mode=0o755)]),
    "include that is a device": Case("inc", [inc(kind="device")]),
    "include that is not there": Case("inc"),
    "include that is empty": Case("inc", [inc("")]),
    "include with a relative path": Case("rel", [inc()]),
    "include to a file": Case("inc", [inc("@TOP@/box/file\n", GAMES)]),
    # Aliases
    "command of root's aliases": Case("cmd"),
    "command of a user's aliases": Case("cmd", aliases=GAMES),
    "command of an unknown user's aliases": Case("cmd", aliases=UNKNOWN),
    "include of a user's aliases": Case("inc", [inc(WHO, NEWS)], aliases=GAMES),
    "secret include of a user's aliases": Case("inc", [inc(WHO, 0, 0o600)], aliases=GAMES),
    "file of a user's aliases": Case("file", aliases=GAMES),
    # Files
    "file": Case("file"),
    "file that is there": Case("file", [box("box/file")]),
    "file that is executable": Case("file", [box("box/file", mode=0o700)]),
    "file of another": Case("file", [box("box/file", owner=NEWS, mode=0o600)]),
    "file of another that all may write": Case("file", [box("box/file", owner=NEWS, mode=0o666)]),
    "file that is a link": Case("file", [box("box/file", "real", kind="link"), box("box/real")]),
    "file that is root's link": Case("file", [box("box/file", "../out/real", 0, kind="link"), box("out/real")]),
    "file that leads nowhere": Case("file", [box("box/file", "real", kind="link")]),
    "file with two names": Case("file", [box("box/file"), box("box/other", "file", kind="hard")]),
    "file that is a pipe": Case("file", [box("box/file", kind="fifo")]),
    "file that is a folder": Case("file", [box("box/file", kind="dir", mode=0o700)]),
    "file that is a device": Case("file", [box("box/file", kind="device", mode=0o666)]),
    "null device": Case("null"),
    "maildir of an alias": Case("mdir"),
    "maildir that is a link": Case(
        "mdir", [box("box/mdir", "real", kind="link"), box("box/real", kind="dir", mode=0o700)]
    ),
    "maildir that is a file": Case("mdir", [box("box/mdir")]),
}
for _who, _agent in (("games", "local"), (VIRTUAL, "virtual")):
    _name = "mail/games" if _agent == "local" else "mail/box"
    CASES |= {
        f"{_agent} mailbox": Case(_who),
        f"{_agent} mailbox that is there": Case(_who, [box(_name, owner=GAMES)]),
        f"{_agent} mailbox of another": Case(_who, [box(_name, owner=NEWS)]),
        f"{_agent} mailbox of another that all may write": Case(_who, [box(_name, owner=NEWS, mode=0o666)]),
        f"{_agent} mailbox of another, not strict": Case(
            _who, [box(_name, owner=NEWS, mode=0o666)], {"strict_mailbox_ownership": "no"}
        ),
        f"{_agent} mailbox of root": Case(_who, [box(_name, owner=0, mode=0o666)]),
        f"{_agent} mailbox that is executable": Case(_who, [box(_name, owner=GAMES, mode=0o700)]),
        f"{_agent} mailbox that is a link": Case(
            _who, [box(_name, "x", GAMES, kind="link"), box("mail/x", owner=GAMES)]
        ),
        f"{_agent} mailbox that is root's link": Case(
            _who, [box(_name, "../out/x", 0, kind="link"), box("out/x", owner=GAMES)]
        ),
        f"{_agent} mailbox that leads to a secret": Case(_who, [SECRET, box(_name, "../secret", GAMES, kind="link")]),
        f"{_agent} mailbox with two names": Case(_who, [box(_name, owner=GAMES), box("mail/x", _name, kind="hard")]),
        f"{_agent} mailbox that is a pipe": Case(_who, [box(_name, owner=GAMES, kind="fifo")]),
        f"{_agent} mailbox that is a folder": Case(_who, [box(_name, owner=GAMES, kind="dir", mode=0o700)]),
        f"{_agent} mailbox that is a device": Case(_who, [box(_name, owner=GAMES, kind="device", mode=0o666)]),
        f"{_agent} spool of root": Case(_who, spool=0o755),
        f"{_agent} spool of root, mailbox of another": Case(_who, [box(_name, owner=NEWS)], spool=0o755),
        f"{_agent} spool of root, mailbox of root": Case(_who, [box(_name, owner=0)], spool=0o755),
        f"{_agent} spool of root, link": Case(
            _who, [box(_name, "../out/x", 0, kind="link"), box("out/x", owner=GAMES)], spool=0o755
        ),
    }


def lay_out(top: Path, case: Case) -> None:
    """Put the case's files below ``top``, where whatever lay there before is removed."""
    for name, mode in (("fw", 0o755), ("lists", 0o755), ("out", 0o1777), ("box", 0o1777), ("mail", case.spool)):
        shutil.rmtree(top / name, ignore_errors=True)
        (top / name).mkdir()
        (top / name).chmod(mode)
    (top / "secret").unlink(missing_ok=True)
    for file in case.files:
        _make(top, file)


def _make(top: Path, file: File) -> None:
    path = top / file.name
    text = file.text.replace("@TOP@", str(top))
    if file.kind == "link":
        path.symlink_to(text)
        os.lchown(path, file.owner, file.owner)
        return
    if file.kind == "hard":
        path.hardlink_to(path.parent / Path(text).name)
        return
    if file.kind == "fifo":
        os.mkfifo(path)
    elif file.kind == "dir":
        path.mkdir()
    elif file.kind == "device":
        os.mknod(path, 0o20666, os.makedev(1, 3))
    else:
        path.write_text(text)
    os.chown(path, file.owner, file.owner)
    path.chmod(file.mode)


def state(top: Path) -> dict[str, str]:
    """What was written: the user id that a command ran as, and who owns which file of how many messages."""
    found = {}
    uid = top / "out/uid"
    if uid.exists():
        found["uid"] = uid.read_text().strip()
    for folder in ("box", "mail", "out"):
        for path in sorted((top / folder).rglob("*")):
            if path.is_file() and not path.is_symlink() and path.name != "uid":
                name = str(path.relative_to(top))
                if "/new/" in name:
                    name = name.partition("/new/")[0] + "/new"
                found[name] = (
                    f"{path.stat().st_uid} {path.read_text().count('From s@') or path.read_text().count('Subject')}"
                )
    return found
