"""What serving an /etc/mail tells at its start."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.cli import main
from mailconf.cli.shared.sendmail_daemon import by_daemon, compiled, endpoints, secure, unserved
from mailconf.files import Root
from mailconf.sendmail.policy import SendmailPolicy
from mailconf.sendmail.rules.problems import Stopped
from tests.vectors.sendmail_smtp_cases import BASE


def policy_of(root: Root, text: str) -> SendmailPolicy:
    root.path("/conf").mkdir(exist_ok=True)
    root.path("/conf/x.cf").write_text((BASE + text).replace("FOLDER", "/conf"))
    return compiled(root, "/conf/x.cf", (), lambda problem: None)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("O AuthMechanisms=PLAIN gssapi Login\n", "gssapi"),
        ("O RefuseLA=12\n", "RefuseLA"),
        ("Mnone, P=/no/such/program, F=l, A=x $u\n", "mailer none waits: there is no program /no/such/program"),
        ("Mspeaks, P=/no/such/speaker, F=lmz, A=x -l\n", "mailer speaks waits: there is no program /no/such/speaker"),
        ("Scheck_compat\nR$*\t$#error $: no\n", "check_compat"),
    ],
)
def test_what_is_not_done_is_named(tmp_path: Path, text: str, name: str) -> None:
    root = Root(tmp_path)
    assert [name in line for line in unserved(policy_of(root, text))] == [True]
    assert unserved(policy_of(root, "Mspeaks, P=/bin/true, F=lmz, A=true -l\n")) == []


def test_a_filter_that_is_not_defined_keeps_a_server_from_starting(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    root = Root(tmp_path)
    filters = "O InputMailFilters=here, gone\nXhere, S=inet:1@127.0.0.1\n"
    with pytest.raises(Stopped) as stopped:
        policy_of(root, filters)
    assert stopped.value.status == 78
    root.path("/conf/q").mkdir(mode=0o700)
    assert main(["sendmail", "--root", str(tmp_path), "-C", "/conf/x.cf", "-bs"]) == 78
    said = b"451 4.0.0 InputFilter gone not defined: No such file or directory\r\n"  # as the original's
    assert capfdbinary.readouterr().out == said
    policy_of(root, filters.replace(", gone", ""))


def test_keys_that_are_of_no_use_are_named(tmp_path: Path) -> None:
    root = Root(tmp_path)
    keys = "O ServerCertFile=/etc/cert\nO ServerKeyFile=/etc/key\n"
    lines = secure(policy_of(root, keys), root)
    assert lines == ("STARTTLS is not served: CACertPath, CACertFile is not set to a path",)
    more = "O CACertPath=/etc\nO CACertFile=/etc/ca\n"
    lines = secure(policy_of(root, keys + more), root)
    assert lines == ("STARTTLS=server: file /etc/cert unsafe: No such file or directory",)
    assert secure(policy_of(root, ""), root) == ()


def test_each_daemon_has_its_flags(tmp_path: Path) -> None:
    root = Root(tmp_path)
    text = "O DaemonPortOptions=Port=2525, Name=MTA\nO DaemonPortOptions=Port=2465, Name=TLS, M=sA\n"
    policy = policy_of(root, text)
    found = by_daemon(policy)
    assert set(found) == {"MTA", "TLS"}
    wrapped = found["TLS"].site.tls
    assert wrapped is not None and wrapped.wrapper
    assert found["MTA"].site.tls is None and policy.site.tls is None


def test_what_an_ordinary_user_does_not_deliver_is_named(tmp_path: Path) -> None:
    (line,) = unserved(policy_of(Root(tmp_path), ""), 1234)
    assert line.startswith("mail for others than user 1234 waits") and line.endswith("(local, prog)")


def test_commands_of_hosts_deny_are_named(tmp_path: Path) -> None:
    root = Root(tmp_path)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts.deny").write_text("# nothing\n")
    assert unserved(policy_of(root, "")) == []
    (tmp_path / "etc/hosts.deny").write_text("ALL: ALL\n")
    assert unserved(policy_of(root, "")) == []
    (tmp_path / "etc/hosts.deny").write_text("ALL: ALL: spawn /bin/x\n")
    assert "/etc/hosts.deny" in unserved(policy_of(root, ""))[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [("0.0.0.0", 25, "MTA")]),
        ("O DaemonPortOptions=Name=MTA, Port=2525, Addr=127.0.0.1\n", [("127.0.0.1", 2525, "MTA")]),
        ("O DaemonPortOptions=Port=25\nO DaemonPortOptions=F=inet6,P=587,N=MSA\n",
         [("0.0.0.0", 25, "Daemon0"), ("::", 587, "MSA")]),
        ("O DaemonPortOptions=Family=local,Addr=/run/x\n", [("0.0.0.0", 25, "MTA")]),
    ],
)  # fmt: skip
def test_where_the_daemon_listens(tmp_path: Path, text: str, expected: list[tuple[str, int, str]]) -> None:
    assert endpoints(policy_of(Root(tmp_path), text)) == expected
