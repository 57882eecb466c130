"""`mailconf build /etc/mail`, `makefile`, `check` and `m4 --explain` as programs, with a small library of our own."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from site_fixture import ENVIRONMENT, TOP, mailconf

from mailconf.files import Root
from mailconf.maps.registry import open_table
from tests.sendmail.small_library import MC, write_library

ACCESS = "Connect:192.0.2\tRELAY\n"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A root with an /etc/mail and the library at its usual place."""
    write_library(tmp_path / "usr/share/sendmail/cf")
    mail = tmp_path / "etc/mail"
    mail.mkdir(parents=True)
    (mail / "sendmail.mc").write_text(MC)
    (mail / "access").write_text(ACCESS)
    (mail / "virtusertable").write_text("info@example.org\tbob\n")
    (mail / "aliases").write_text("postmaster: root\n")
    return tmp_path


def build(top: Path, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    return mailconf("build", "--root", str(top), "/etc/mail", *arguments, status=status)


def built(top: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (top / "etc/mail").iterdir() if path.suffix in (".db", ".cf")}


def test_build(top: Path) -> None:
    plan = build(top, "--dry-run").stdout
    assert plan == (
        "would build /etc/mail/sendmail.cf: 9 lines (no sendmail.cf yet)\n"
        "would build hash:/etc/mail/access: 1 entry (no map yet)\n"
        "would build hash:/etc/mail/virtusertable: 1 entry (no map yet)\n"
        "would build hash:/etc/mail/aliases: 2 entries (no map yet)\n"
        "4 files would build, 0 up to date\n"
    )
    assert built(top) == {} and not (top / "etc/mail/.mailconf").exists()
    assert build(top).stdout == plan.replace("would build", "built")
    assert build(top).stdout == "0 files built, 4 up to date\n"
    access = open_table("hash:/etc/mail/access", Root(top))
    assert access.lookup(b"connect:192.0.2") == b"RELAY"
    assert build(top, "--force").stdout.endswith("4 files built, 0 up to date\n")
    assert build(top, "--force", "access", "aliases.db").stdout.endswith("2 maps built, 0 up to date\n")


def test_a_name_that_nothing_has(top: Path) -> None:
    build(top)
    done = build(top, "acess", status=1)
    assert "nothing that is built is called acess [BD014]" in done.stderr
    assert "what is built: sendmail.cf, access.db, virtusertable.db, aliases.db" in done.stderr


def test_every_mistake_is_told_and_nothing_is_built(top: Path) -> None:
    build(top)
    before = built(top)
    mail = top / "etc/mail"
    (mail / "sendmail.mc").write_text(MC + "FEATURE(`nosuch')\n")
    (mail / "access").write_text(ACCESS * 2)
    (mail / "aliases").write_text("postmaster\n")
    done = build(top, status=1)
    assert f"{mail}/sendmail.mc:6:1: error: cannot open" in done.stderr
    assert f"{mail}/access:2:1: error: the table has" in done.stderr
    assert f"{mail}/aliases:1:1: error:" in done.stderr
    assert done.stderr.endswith("/etc/mail: nothing was built; the old files are as they were\n")
    assert built(top) == before
    found = json.loads(build(top, "--format", "json", status=1).stdout)["findings"]
    assert {each["code"] for each in found} == {"M4001", "BD012", "TB052"}


def test_rollback(top: Path) -> None:
    build(top)
    before = built(top)
    (top / "etc/mail/access").write_text(ACCESS + "Connect:198.51.100\tREJECT\n")
    (top / "etc/mail/sendmail.mc").write_text(MC + "MAILER(`smtp')\n")
    assert build(top).stdout.endswith("2 files built, 2 up to date\n")
    assert build(top, "--rollback").stdout == (
        "/etc/mail/sendmail.cf restored\n/etc/mail/access.db restored\n2 files as in the generation before\n"
    )
    assert built(top) == before
    assert "[BD010]" in build(top, "--rollback", status=1).stderr


def test_without_the_library(top: Path) -> None:
    (top / "usr/share/sendmail/cf").rename(top / "elsewhere")
    if not Path("/usr/share/sendmail/cf").exists():  # a machine's own serves, too
        assert "own rulesets [SM055]" in build(top).stderr
    assert "[SM901]" in build(top, "--force", "--cf-library", str(top / "none"), status=1).stderr
    build(top, "--force", "--cf-library", str(top / "elsewhere"))
    assert len(built(top)) == 4


def test_one_file_before_there_is_a_cf(top: Path) -> None:
    mail = top / "etc/mail"
    (top / "etc/aliases").write_text("postmaster: root\n")
    (mail / "aliases").unlink()
    (mail / "sendmail.mc").write_text(MC + "define(`ALIAS_FILE', `/etc/aliases')LOCAL_CONFIG\nKx hash /etc/mail/none\n")
    (mail / "submit.mc").write_text("broken(")
    assert "[BD001]" in build(top, status=1).stderr
    assert build(top, "aliases").stdout == (
        "built hash:/etc/aliases: 2 entries (no map yet)\n1 map built, 0 up to date\n"
    )
    assert built(top) == {} and (top / "etc/aliases.db").exists()
    assert build(top, "sendmail.cf").stdout.endswith("1 file built, 0 up to date\n")
    assert list(built(top)) == ["sendmail.cf"]
    done = build(top, "none", status=1)
    assert "/etc/mail/none, the source of hash:/etc/mail/none, does not exist [BD001]" in done.stderr
    assert "[BD014]" not in done.stderr
    (mail / "sendmail.cf").unlink()
    (mail / "sendmail.mc").write_text("broken(")
    assert build(top, "access").stdout.endswith("1 map built, 0 up to date\n")


def test_a_folder_where_a_cf_should_be(top: Path) -> None:
    cf = top / "etc/mail/sendmail.cf"
    cf.mkdir()
    os.utime(cf, (cf.stat().st_mtime + 3600,) * 2)
    assert f"{cf}: error: /etc/mail/sendmail.cf is a folder [BD017]" in build(top, status=1).stderr
    assert not list((top / "etc/mail").glob("*.db"))
    (top / "etc/mail/access.db").mkdir()
    assert build(top, "aliases").stdout.endswith("1 map built, 0 up to date\n")
    assert "[BD017]" in build(top, "access", status=1).stderr


@pytest.mark.parametrize("called", ["/usr/local/src/sendmail/cf", "/opt/nowhere", ".."])
def test_a_library_that_is_named_stands_for_any(top: Path, called: str) -> None:
    (top / "usr/share/sendmail/cf").rename(top / "elsewhere")
    mc = top / "etc/mail/sendmail.mc"
    mc.write_text(MC.replace("/usr/share/sendmail/cf", called))
    for _ in range(2):
        build(top, "--cf-library", str(top / "elsewhere"))
    assert build(top, "--cf-library", str(top / "elsewhere")).stdout == "0 files built, 4 up to date\n"
    assert f"##### using {called}/ as".encode() in built(top)["sendmail.cf"]
    feature = top / "elsewhere/feature/access_db.m4"
    os.utime(feature, (feature.stat().st_mtime + 3600,) * 2)
    assert "access_db.m4 is newer)" in build(top, "--cf-library", str(top / "elsewhere")).stdout
    done = mailconf("check", "--root", str(top), "--cf-library", str(top / "elsewhere"), "/etc/mail", status=1)
    assert done.stdout == "/etc/mail: 0 errors, 1 warning\n" and "access_db.m4 is newer [CK010]" in done.stderr


def test_the_library_that_the_mc_names(top: Path) -> None:
    library = top / "usr/local/src/sendmail/cf"
    library.parent.mkdir(parents=True)
    (top / "usr/share/sendmail/cf").rename(library)
    mail = top / "etc/mail"
    (mail / "sendmail.mc").write_text(MC.replace("/usr/share/sendmail/cf", "/usr/local/src/sendmail/cf"))
    build(top)
    assert build(top).stdout == "0 files built, 4 up to date\n"
    mailconf("check", "--root", str(top), "/etc/mail")
    assert "[SM901]" in build(top, "--force", "--cf-library", str(top / "none"), status=1).stderr
    # What others can write is not believed, whatever part of it.
    for part in (library, library / "m4", library / "feature", library / "m4/cf.m4"):
        mode = part.stat().st_mode
        part.chmod(0o777)
        assert "only root can write to it" in build(top, "--force", status=1).stderr
        part.chmod(mode)
    if os.geteuid() == 0:
        os.chown(library / "ostype", 12345, -1)
        assert "only root can write to it" in build(top, "--force", status=1).stderr
        os.chown(library / "ostype", 0, -1)
    # Nothing but its parts is the library's to show.
    (library / "secret").write_text("SECRET\n")
    with (mail / "sendmail.mc").open("a") as file:
        file.write("include(`/usr/local/src/sendmail/cf/secret')\n")
    assert "[M4005]" in build(top, status=1).stderr
    # sendmail's own folder of .mc files: they include nothing.
    (library / "cf").mkdir()
    (library / "cf/generic.mc").write_text("OSTYPE(`linux')dnl\nMAILER(`local')\n")
    done = mailconf("build", "--root", str(top), "/usr/local/src/sendmail/cf/cf")
    assert done.stdout.startswith("built /usr/local/src/sendmail/cf/cf/generic.cf")


def test_a_tree_of_sources_with_its_version_in_the_name(top: Path) -> None:
    """As it is unpacked, with a link to it; sendmail's own examples include ../m4/cf.m4."""
    library = top / "usr/local/src/sendmail-8.18.1/cf"
    library.parent.mkdir(parents=True)
    (top / "usr/share/sendmail/cf").rename(library)
    (top / "usr/local/src/sendmail").symlink_to("sendmail-8.18.1")
    (library / "cf").mkdir()
    for folder, named in {
        "/etc/mail": "/usr/local/src/sendmail-8.18.1/cf",
        "/etc/mail/": "/usr/local/src/sendmail/cf",
        "/usr/local/src/sendmail/cf/cf": "..",
        "/usr/local/src/sendmail-8.18.1/cf/cf": "..",
    }.items():
        (top / f".{folder}/sendmail.mc").write_text(MC.replace("/usr/share/sendmail/cf", named))
        mailconf("build", "--root", str(top), "--force", folder, "sendmail.cf")
        cf = (top / f".{folder}/sendmail.cf").read_bytes()
        assert f"##### using {named}/ as".encode() in cf


def test_the_shell_only_when_it_is_allowed(top: Path) -> None:
    with (top / "etc/mail/sendmail.mc").open("a") as file:
        file.write('esyscmd(`echo "# from a shell"\')')
    assert 'running a command is not allowed: echo "# from a shell" [M4005]' in build(top, status=1).stderr
    build(top, "--allow-shell")
    assert b"# from a shell\n" in built(top)["sendmail.cf"]


def test_source_date_epoch(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRONMENT, "SOURCE_DATE_EPOCH", "1700000000")
    build(top)
    assert b" on Tue Nov 14 22:13:20 UTC 2023\n" in built(top)["sendmail.cf"]


def test_map_type(top: Path) -> None:
    done = build(top, "--map-type", "btree")
    assert "built btree:/etc/mail/access" in done.stdout and "[BD004]" in done.stderr
    assert mailconf("build", "--root", str(top), "--map-type", "lmdb", "/etc/mail", status=2).stderr


# -- watch


class Watcher:
    def __init__(self, top: Path) -> None:
        words = ["build", "--root", str(top), "--watch", "--interval", "0.05", "/etc/mail"]
        command = [sys.executable, "-m", "mailconf", *words]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT
        )

    def until(self, end: str) -> list[str]:
        """Its lines up to one that ends with ``end``."""
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line.rstrip("\n"))
            if lines[-1].endswith(end):
                return lines
        raise AssertionError(lines)


@pytest.fixture
def watcher(top: Path) -> Iterator[Watcher]:
    made = Watcher(top)
    yield made
    made.process.send_signal(signal.SIGINT)
    assert made.process.wait(10) == 130
    made.process.stdout.close()  # type: ignore[union-attr]


def test_watch(top: Path, watcher: Watcher) -> None:
    mail = top / "etc/mail"
    assert watcher.until("up to date")[-1] == "4 files built, 0 up to date"
    (mail / "access").write_text(ACCESS + "Connect:198.51.100\tREJECT\n")
    assert watcher.until("up to date")[0].startswith("built hash:/etc/mail/access: 2 entries")
    with (mail / "sendmail.mc").open("a") as file:
        file.write("include(`site.m4')\n")
    assert "cannot open `site.m4'" in watcher.until("as they were")[0]
    (mail / "site.m4").write_text("dnl\n")  # what it is waiting for
    assert watcher.until("up to date")[0].startswith("built /etc/mail/sendmail.cf")
    Path(top, "usr/share/sendmail/cf/feature/access_db.m4").write_text("divert(6)Kaccess btree /etc/mail/access\n")
    assert watcher.until("up to date")[0].startswith("built /etc/mail/sendmail.cf")
    (mail / "submit.mc").write_text(MC)
    assert watcher.until("up to date")[0].startswith("built /etc/mail/submit.cf")
    (mail / "mailertable").write_text("example.net\tsmtp:x\n")
    assert watcher.until("up to date")[0].startswith("built hash:/etc/mail/mailertable")


# -- check


def check(top: Path, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    return mailconf("check", "--root", str(top), "/etc/mail", *arguments, status=status)


def test_check(top: Path) -> None:
    mail = top / "etc/mail"
    before = check(top)
    assert before.stdout == "/etc/mail: 0 errors, 0 warnings, 1 note\n"
    assert f"{mail}/sendmail.mc:1:1: note: nothing has been built yet [CK013]" in before.stderr
    assert built(top) == {}
    build(top)
    assert check(top).stdout == "/etc/mail: 0 errors, 0 warnings\n"
    (mail / "local-host-names").write_text("example.com\n  # indented\n")
    with (mail / "sendmail.mc").open("a") as file:
        file.write("LOCAL_CONFIG\nFw/etc/mail/local-host-names\nFt/etc/mail/trusted-users\nFR-o /etc/mail/relay\n")
    (mail / "access").write_text("Connect:192.0.2\tRELY\n")
    built_at = (mail / "sendmail.cf").stat().st_mtime
    os.utime(mail / "sendmail.mc", (built_at + 3600,) * 2)
    done = check(top, status=1)
    assert f"{mail}/sendmail.mc:8:1: error: /etc/mail/trusted-users cannot be read: No such file" in done.stderr
    assert f"{mail}/local-host-names:2:" in done.stderr
    assert f"{mail}/access:1:17: error" in done.stderr
    assert f"{mail}/sendmail.cf:1:1: warning: this file is not current: the source is newer [CK010]" in done.stderr
    assert "relay" not in done.stderr


def test_check_finds_what_m4_passes_over(top: Path) -> None:
    mail = top / "etc/mail"
    (mail / "sendmail.mc").write_text(MC + "FEATURE (`open_relay')\nMAILER(`local')\nesyscmd(`id')\n")
    done = check(top, status=1)
    assert f"{mail}/sendmail.mc:6:" in done.stderr
    assert f"{mail}/sendmail.mc:7:1: error: MAILER(local) already included [M4006]" in done.stderr
    assert f"{mail}/sendmail.mc:8:1: error: running a command is not allowed: id [M4005]" in done.stderr
    assert "[M4005]" not in check(top, "--allow-shell", status=1).stderr


def test_pipes_where_files_should_be(top: Path) -> None:
    """Nothing writes to these pipes, so a program that opens one waits for ever."""
    mail = top / "etc/mail"
    with (mail / "sendmail.mc").open("a") as file:
        file.write("sinclude(`pipe')LOCAL_CONFIG\nFw/etc/mail/names\nKlist hash /etc/mail/list\n")
    for name in ("pipe", "names", "list", "userdb", "sendmail.cf"):
        os.mkfifo(mail / name)
    done = check(top, status=1)
    assert "/etc/mail/names cannot be read: it is no file" in done.stderr
    assert "the source of hash:/etc/mail/list, does not exist" in build(top, status=1).stderr


def test_check_a_map_that_is_damaged(top: Path) -> None:
    build(top)
    path = top / "etc/mail/access.db"
    path.write_bytes(path.read_bytes()[:100])
    assert "[CK011]" in check(top, status=1).stderr


# -- the Makefile


def make(top: Path, *targets: str, status: int = 0) -> str:
    text = mailconf("makefile", "--root", str(top), "/etc/mail").stdout
    (top / "etc/mail/Makefile").write_text(text)
    command = ["make", "-C", str(top / "etc/mail"), f"MAILCONF={shlex.quote(sys.executable)} -m mailconf", *targets]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def test_make(top: Path) -> None:
    assert "4 files built, 0 up to date" in make(top)
    assert "0 files built, 4 up to date" in make(top, "all")
    assert "built hash:/etc/mail/access: 1 entry (forced)\n1 map built" in make(top, "access")
    assert "built hash:/etc/mail/aliases: 2 entries (forced)\n1 map built" in make(top, "newaliases")
    assert "built /etc/mail/sendmail.cf: 9 lines (forced)\n1 file built" in make(top, "sendmail.cf")
    assert "4 files built, 0 up to date" in make(top, "force")
    assert "is up to date" in make(top, str(top / "etc/mail/access.db"))
    (top / "etc/mail/access").write_text("broken\n")
    assert f"{top}/etc/mail/access:1:1: error" in make(top, status=2)
    make(top, "clean")
    assert list(built(top)) == ["sendmail.cf"]  # as Red Hat's Makefile: mail goes on


def test_m4_explains_a_line(top: Path) -> None:
    library = top / "usr/share/sendmail/cf"
    mc = top / "etc/mail/own.mc"
    mc.write_text(MC.replace("/usr/share/sendmail/cf", str(library)))
    (library / "sh/makeinfo.sh").write_text("echo '# made by nobody'\n")
    head = library / "m4/head.m4"
    head.write_text(head.read_text().replace("/tmp/", f"{top}/"))
    out = mailconf("m4", str(mc)).stdout.splitlines()
    number = out.index("Kaccess hash -o /etc/mail/access") + 1
    done = mailconf("m4", "--explain", str(number), str(mc)).stdout
    assert f"in {library}/feature/access_db.m4:2:10" in done
    assert f"expansion of `FEATURE' (defined at {library}/m4/head.m4:8) at {mc}:3:1" in done


def test_both_kinds_of_configuration_in_one_folder(top: Path) -> None:
    """An /etc/postfix with a stray .mc is one of Postfix."""
    (top / "etc/mail/main.cf").write_text("myhostname = mail.example.com\n")
    assert "[PF010]" in build(top, status=1).stderr  # there is no master.cf
    assert "sendmail.cf" not in built(top)


def test_a_folder_that_cannot_be_written(top: Path) -> None:
    (top / "etc/mail/.mailconf").write_text("")  # not even root can
    assert "[BD007]" in build(top, status=1).stderr
    assert built(top) == {}


def test_the_example_is_in_order(tmp_path: Path) -> None:
    """What can be said of it without sendmail's own library: its tables, and the text of the .mc files."""
    shutil.copytree(TOP / "examples/sendmail/etc/mail", tmp_path / "etc/mail")
    done = mailconf("check", "--root", str(tmp_path), "/etc/mail", "--fail-on", "error")
    assert done.stdout.startswith("/etc/mail: 0 errors")
    names = ["access", "aliases", "domaintable", "genericstable", "mailertable", "virtusertable"]
    mailconf("build", "--root", str(tmp_path), "/etc/mail", *names)
    assert sorted(built(tmp_path)) == [f"{name}.db" for name in names]


def test_the_example_is_built_on_a_machine_without_m4_and_sendmail(tmp_path: Path) -> None:
    shutil.copytree(TOP / "examples/sendmail", tmp_path, dirs_exist_ok=True)

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "mailconf", *arguments, "/etc/mail"]
        bare = {"PYTHONPATH": str(TOP), "PATH": ""}
        done = subprocess.run(command, capture_output=True, text=True, env=bare, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    root = ["--root", str(tmp_path)]
    assert "built /etc/mail/sendmail.cf" in run("build", "--own-cf", *root)
    assert run("build", "--own-cf", *root).startswith("0 files built, ")
    assert "/etc/mail: 0 errors, 0 warnings" in run("check", *root)
    for name, number in (("sendmail.cf", 98), ("submit.cf", 5)):
        text = (tmp_path / "etc/mail" / name).read_text("latin-1")
        assert f"={number}\n" in text


def test_a_table_is_found_in_the_mc_of_which_our_own_cf_is_made(tmp_path: Path) -> None:
    """Its FEATURE or ALIAS_FILE, or the first line where the .mc does not name it; not a line of the .cf."""
    shutil.copytree(TOP / "examples/sendmail", tmp_path, dirs_exist_ok=True)
    mail = tmp_path / "etc/mail"
    mc = (mail / "sendmail.mc").read_text().replace("/usr/share/sendmail/cf/m4/cf.m4", "/nowhere/m4/cf.m4")
    (mail / "sendmail.mc").write_text(mc)
    (mail / "submit.mc").unlink()
    line = mc.partition("FEATURE(`access_db'")[0].count("\n") + 1
    command = [sys.executable, "-m", "mailconf", "check", "--root", str(tmp_path), "/etc/mail", "--fail-on", "error"]
    bare = {"PYTHONPATH": str(TOP), "PATH": ""}

    def report() -> str:
        return subprocess.run(command, capture_output=True, text=True, env=bare, check=False).stderr

    assert f"  {mail}/sendmail.mc:{line}:1: hash:/etc/mail/access\n" in report()
    subprocess.run([*command[:3], "build", "--own-cf", *command[4:7]], capture_output=True, env=bare, check=True)
    (mail / "access.db").unlink()
    (mail / "aliases.db").unlink()
    told = report()
    assert f"{mail}/sendmail.mc:{line}:1: warning: the map of hash:/etc/mail/access has not been built" in told
    assert f"{mail}/sendmail.mc:1:1: warning: the map of hash:/etc/mail/aliases has not been built" in told
    (mail / "sendmail.mc").write_text("define(`ALIAS_FILE', `/etc/mail/aliases')dnl\n" + mc)
    assert f"{mail}/sendmail.mc:{line + 1}:1: warning: the map of hash:/etc/mail/access has not been built" in report()
