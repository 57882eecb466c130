"""An installed Postfix below another root: what check says of its folders, users, owners and permissions."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mailconf.check.machine.ownership import MOST_NAMED
from mailconf.check.rules import check
from mailconf.diagnostics import Diagnostic, Sink
from mailconf.files import Root
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of

SITE = Path(__file__).parents[2] / "examples/postfix/etc/postfix"
SERVICES = [line for line in (SITE / "master.cf").read_text().splitlines() if line[:1].strip(" #")]
PROGRAMS = {"master", *(line.split()[7] for line in SERVICES)}
QUEUES = ("active", "corrupt", "deferred", "maildrop", "public", "private", "pid")
POSTFIX, POSTDROP, OTHER = 99, 97, 98
PASSWD = "root:x:0:0::/:\npostfix:x:99:99::/:\nother:x:98:1::/:\nweb:x:98:98::/:\nnobody:x:65534:65534::/:\n"
GROUP = "root:x:0:\npostfix:x:99:\npostdrop:x:97:\n"

Owners = dict[Path, tuple[int, int]]
Change = Callable[[Path, Owners], None]


@pytest.fixture
def owners(monkeypatch: pytest.MonkeyPatch) -> Owners:
    """Whose the files are, for whoever runs the tests: root's, but for those in here (user, group)."""
    changed: Owners = {}

    def stat(self: Root, name: str | os.PathLike[str], *, follow: bool = True) -> os.stat_result:
        fields = list(original(self, name, follow=follow))
        fields[4:6] = changed.get(self.path(name), (0, 0))
        return os.stat_result(fields)

    original = Root.stat
    monkeypatch.setattr(Root, "stat", stat)
    return changed


@pytest.fixture
def top(tmp_path: Path, owners: Owners) -> Path:
    """A root in which a Postfix is installed as it should be."""
    shutil.copytree(SITE, tmp_path / "etc/postfix")
    folders = [f"var/spool/postfix/{name}" for name in QUEUES]
    for name in ("usr/lib/postfix/sbin", "usr/sbin", "var/lib/postfix", *folders):
        (tmp_path / name).mkdir(parents=True)
    for path in (path for path in tmp_path.rglob("*")):
        path.chmod(0o755)
    for name in (*(f"usr/lib/postfix/sbin/{name}" for name in PROGRAMS), "usr/sbin/postdrop", "usr/sbin/postqueue"):
        (tmp_path / name).touch(0o755)
        owners[tmp_path / name] = (0, POSTDROP if "usr/sbin" in name else 0)
    for name in ("postdrop", "postqueue"):
        (tmp_path / "usr/sbin" / name).chmod(0o2755)
    for path in (tmp_path / "var/lib/postfix", *(tmp_path / name for name in folders[:-1])):
        owners[path] = (POSTFIX, POSTDROP if path.name in ("maildrop", "public") else 0)
    (tmp_path / "etc/passwd").write_text(PASSWD)
    (tmp_path / "etc/group").write_text(GROUP)
    (tmp_path / "etc/aliases").write_text("postmaster: root\n")
    (tmp_path / "etc/hosts").write_text("127.0.0.1 localhost\n")
    with (tmp_path / "etc/postfix/main.cf").open("a") as file:
        file.write("daemon_directory = /usr/lib/postfix/sbin\n")
    return tmp_path


def found(top: Path, directory: str = "/etc/postfix") -> list[Diagnostic]:
    root, sink = Root(top), Sink()
    configuration = Configuration.load(directory, sink, root)
    check(configuration, site_of(configuration), root, sink)
    return [d for d in sink if d.code not in ("CK010", "CK013", "BD001", "PF005")]  # nothing is built here


def said(top: Path, directory: str = "/etc/postfix") -> list[str]:
    return [f"{d.code} {d.message}" for d in found(top, directory)]


def test_an_installation_as_it_should_be(top: Path) -> None:
    assert said(top) == []


def write(name: str, text: str) -> Change:
    def change(top: Path, _: Owners) -> None:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)

    return change


def link(name: str, to: str) -> Change:
    return lambda top, _: (top / name).symlink_to(to)


def mode(name: str, bits: int) -> Change:
    return lambda top, _: (top / name).chmod(bits)


def owned(name: str, user: int, group: int = 0) -> Change:
    return lambda top, owners: owners.update({top / name: (user, group)})


QUEUE = "var/spool/postfix"
DAMAGES = {
    "the queue folder's owner": (owned(QUEUE, 1), "CK062 /var/spool/postfix does not belong to root"),
    "a queue's owner": (owned(f"{QUEUE}/active", 0), "CK062 /var/spool/postfix/active does not belong to postfix"),
    "the maildrop's group": (
        owned(f"{QUEUE}/maildrop", POSTFIX, 1),
        "CK062 /var/spool/postfix/maildrop does not belong to the group postdrop",
    ),
    "a program's owner": (
        owned("usr/lib/postfix/sbin/smtpd", 1),
        "CK062 /usr/lib/postfix/sbin/smtpd does not belong to root",
    ),
    "a program without its group": (
        mode("usr/sbin/postdrop", 0o755),
        "CK062 /usr/sbin/postdrop is not set-group-ID postdrop, or not everybody may run it",
    ),
    "a file that can be written": (
        mode("etc/postfix/main.cf", 0o664),
        "CK063 /etc/postfix/main.cf can be written by its group or by everybody",
    ),
    "the data folder": (
        mode("var/lib/postfix", 0o777),
        "CK063 /var/lib/postfix can be written by its group or by everybody",
    ),
    "a link that leaves": (
        link("etc/postfix/hosts", "/etc/hosts"),
        "CK065 /etc/postfix/hosts is a symbolic link that leads out of its folder",
    ),
    "a link to nothing": (link("etc/postfix/x", "nosuch"), "CK065 /etc/postfix/x is a symbolic link to nothing"),
    "a copy": (
        write(f"{QUEUE}/etc/hosts", "x"),
        "CK066 /var/spool/postfix/etc/hosts and /etc/hosts differ",
    ),
    "a file that is no copy": (write(f"{QUEUE}/etc/own", "x"), None),
    "a queue that is a file": (write(f"{QUEUE}/hold", ""), "CK060 /var/spool/postfix/hold is no folder"),
    "two sendmails": (
        lambda top, _: [write(f"usr/{name}/sendmail", name)(top, {}) for name in ("lib", "sbin")],
        "CK068 /usr/lib/sendmail and /usr/sbin/sendmail differ",
    ),
    "no master": (
        lambda top, _: (top / "usr/lib/postfix/sbin/master").unlink(),
        "CK060 /usr/lib/postfix/sbin/master does not exist",
    ),
    "folders that Postfix makes": (lambda top, _: shutil.rmtree(top / QUEUE / "active"), None),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_one_damage(name: str, top: Path, owners: Owners) -> None:
    change, expected = DAMAGES[name]
    change(top, owners)
    findings = found(top)
    assert [f"{d.code} {d.message}" for d in findings if "hold does not belong" not in d.message] == (
        [expected] if expected else []
    )
    assert all(d.hint and d.file for d in findings)


def test_files_in_the_queue(top: Path, owners: Owners) -> None:
    for name in ("corrupt/9ABCDEF", "deferred/a-b", "maildrop/.x", "maildrop/4ABCDEF"):
        owned(f"{QUEUE}/{name}", POSTFIX)(top, owners)
        write(f"{QUEUE}/{name}", "")(top, owners)
    assert said(top) == [
        "CK067 /var/spool/postfix/corrupt/9ABCDEF is a damaged message",
        "CK067 /var/spool/postfix/deferred/a-b is no message: no queue file has such a name",
        "CK067 /var/spool/postfix/maildrop/.x is no message: no queue file has such a name",
    ]


def test_many_files_are_counted(top: Path, owners: Owners) -> None:
    for number in range(MOST_NAMED + 5):
        owned(f"{QUEUE}/deferred/A{number:05}", 0)(top, owners)
        write(f"{QUEUE}/deferred/A{number:05}", "")(top, owners)
    messages = said(top)
    assert len(messages) == MOST_NAMED + 1
    assert messages[-1].startswith("CK062 the same of 5 other files below /var/spool/postfix/deferred")


USERS = {
    "mail_owner = nosuch": "there is no user nosuch",
    "mail_owner = root": "mail_owner is root",
    "mail_owner = web": "shares its number with other",
    "setgid_group = nosuch": "there is no group nosuch",
    "setgid_group = root": "setgid_group is root",
    "setgid_group = postfix": "is the group of postfix, the mail_owner",
    "default_privs = root": "default_privs is root",
    "default_privs = postfix": "is the mail_owner as well",
    "queue_directory = /var/spool/nosuch": "/var/spool/nosuch, the queue_directory, does not exist",
    "shlib_directory = /nosuch": "/nosuch, the shlib_directory, does not exist",
    "data_directory = /nosuch/x": "is in a folder that does not exist",
}


@pytest.mark.parametrize("line", USERS)
def test_users_and_folders(line: str, top: Path) -> None:
    with (top / "etc/postfix/main.cf").open("a") as file:
        file.write(line + "\n")
    [finding] = [d for d in found(top) if d.code in ("CK060", "CK064") and USERS[line] in d.message]
    assert finding.span is not None
    assert finding.span.first.column == line.index("=") + 3


def test_a_program_that_is_missing(top: Path) -> None:
    with (top / "etc/postfix/master.cf").open("a") as file:
        file.write("x unix - - n - - nosuchdaemon\n")
    assert [d.code for d in found(top)] == ["CK050"]


def test_links_that_go_round(top: Path) -> None:
    (top / "etc/postfix/round").symlink_to(".")
    (top / "etc/postfix/self").symlink_to("self")
    assert said(top) == ["CK065 /etc/postfix/self is a symbolic link to nothing"]


def test_a_copy_in_a_working_folder_is_its_owners(top: Path, owners: Owners) -> None:
    shutil.copytree(top / "etc/postfix", top / "home/me/postfix")
    owned("home/me/postfix/main.cf", 1)(top, owners)
    owned(f"{QUEUE}/active", 1)(top, owners)
    assert said(top, "/home/me/postfix") == []


def test_another_instance(top: Path, owners: Owners) -> None:
    """It is looked at as the first one is, but for what they share."""
    shutil.copytree(top / "etc/postfix", top / "etc/postfix-out")
    with (top / "etc/postfix/main.cf").open("a") as file:
        file.write("multi_instance_directories = /etc/postfix-out\n")
    owned("etc/postfix-out/main.cf", 1)(top, owners)
    owned("usr/lib/postfix/sbin/smtpd", 1)(top, owners)
    assert said(top, "/etc/postfix-out") == ["CK062 /etc/postfix-out/main.cf does not belong to root"]


def test_owners_say_nothing_in_a_tree_that_somebody_unpacked(top: Path, owners: Owners) -> None:
    for path in (top, *top.rglob("*")):
        owners[path] = (1000, 1000)
    assert said(top) == []
    (top / "etc/postfix/main.cf").chmod(0o666)
    assert [d.code for d in found(top)] == ["CK063"]


def test_without_a_postfix_nothing_is_looked_at(tmp_path: Path) -> None:
    shutil.copytree(SITE, tmp_path / "etc/postfix")
    (tmp_path / "etc/aliases").write_text("postmaster: root\n")
    (tmp_path / "etc/postfix/main.cf").chmod(0o666)
    (tmp_path / "etc/passwd").write_text(PASSWD)
    assert said(tmp_path) == []
