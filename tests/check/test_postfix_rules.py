"""What check says of configurations with one mistake each, and what it does not say of right ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mailconf.check.rules import check
from mailconf.diagnostics import Diagnostic, Severity, Sink
from mailconf.files import Root
from mailconf.postfix.configuration import Configuration
from mailconf.postfix.site import site_of

SITE = Path(__file__).parents[2] / "examples/etc-postfix"

# What stands at the end of main.cf instead of what the example says of the same names, and what is said of it.
MAIN = {
    "smtpd_recipent_limit = 3": ("CK001", 1, "no parameter smtpd_recipent_limit"),
    "tls_config_nam = x": ("CK001", 1, "no parameter tls_config_nam"),
    "smtpd_tls_enable_rpk = yes": ("CK001", 1, "it is new in 3.9"),
    "myorigin = $mydomian": ("CK070", 12, "refers to mydomian"),
    "process_name = x": ("CK072", 1, "process_name is set by Postfix"),
    "relayhost = [mail.example.com] # ours": ("CK073", 32, "begins no comment"),
    "relayhost = a\0b": ("CK074", 1, "value 0"),
    "smtpd_helo_required = on": ("PF007", 23, "neither yes nor no"),
    "message_size_limit = 10M": ("PF008", 22, "is not a number"),
    "queue_run_delay = 5 minutes": ("PF009", 19, "is not a time"),
    "smtpd_hard_error_limit = -1": ("CK075", 26, "is less than 1"),
    "smtpd_forbid_bare_newline = note": ("CK082", 29, "is there since Postfix 3.9"),
    "hopcount_limit = 0": ("CK075", 18, "is less than 1"),
    "default_process_limit = 99999999999": ("CK075", 25, "is more than"),
    "smtpd_timeout = 0": ("CK075", 17, "is less than 1 s"),
    "smtp_tls_security_level = maybe": ("CK075", 27, "means nothing"),
    "smtpd_tls_security_level = ecnrypt": ("CK075", 28, "means nothing"),
    "lmtp_tls_security_level = mey": ("CK075", 27, "means nothing"),
    "inet_protocols = ipv5": ("CK075", 18, "means nothing"),
    "masquerade_classes = envelope_sender, header_foo": ("CK075", 22, 'has "header_foo"'),
    "postscreen_greet_action = block": ("CK075", 27, "means nothing"),
    "postscreen_blacklist_action = block": ("CK075", 31, "means nothing"),
    "myorigin =": ("CK075", 11, "must not be"),
    "transport_maps = hash": ("CK076", 18, "names no table"),
    "transport_maps = hsah:/etc/postfix/transport": ("CK077", 18, 'no map type "hsah"'),
    "header_checks = regexp:": ("CK078", 17, "has no name"),
    "myhostname = mail_host..example": ("CK080", 14, "is no host name"),
    "compatibility_level = 3.x": ("CK080", 23, "is no compatibility level"),
    "unknown_client_reject_code = 50": ("CK080", 30, "is no reply code"),
    "smtpd_milters = localhost:8891": ("CK080", 17, "is no place of a milter"),
    "smtpd_tls_protocols = !SSLv2, !SSLv9": ("CK080", 23, 'no protocol "!SSLv9"'),
    "notify_classes = bounce, softwear": ("CK075", 18, 'has "softwear"'),
    "smtpd_tls_ciphers = strong": ("CK080", 21, 'no cipher grade "strong"'),
    "sendmail_path = sbin/sendmail": ("CK080", 17, "no absolute path"),
    "manpage_directory = no": ("CK080", 21, "no absolute path"),
    "readme_directory = none": ("CK080", 20, "no absolute path"),
    "mail_owner =": ("CK075", 13, "must not be"),
    "default_transport = nosuch": ("CK051", 21, 'defines no service "nosuch"'),
    "content_filter = scan:[127.0.0.1]:10024": ("CK051", 18, 'defines no service "scan"'),
    "cleanup_service_name = cleenup": ("CK054", 0, "does not define cleenup"),
    "smtpd_tls_cert_file = /etc/postfix/nosuch.pem": ("CK061", 23, "does not exist"),
    "smtpd_sender_restrictions = reject_unknown_domian": ("PF201", 29, "no restriction"),
    "smtpd_restriction_classes = strict": ("PF201", 29, '"strict" is not defined'),
}
MASTER = {
    "587 inet n - n - - smtpd -o smtpd_tls_wrappermode=si": ("PF007", 29, "neither yes nor no"),
    "587 inet n - n - - smtpd -o smtpd_tsl_wrappermode=yes": ("CK001", 29, "no parameter"),
    "587 inet n - n - - smtpd -o smtpd_tls_wrappermode": ("PF018", 29, "missing '='"),
    "587 inet n - n - - smtpd -o smtpd_client_restrictions=permit_sasl,reject": ("PF201", 29, "permit_sasl"),
    "587 inet n - n - - smtpd -o myorigin=$mydomian": ("CK070", 29, "mydomian"),
    "587 inet n - n - - smtpd -o { smtpd_timeout = 0 }": ("CK075", 29, "less than 1 s"),
    "submision inet n - n - - smtpd": ("PF014", 1, "submision"),
    "70000 inet n - n - - smtpd": ("PF014", 1, "70000"),
    "p unix - n n - - pipe user=nobody": ("CK052", 1, "no argv="),
    "p unix - n n - - pipe flags=RhZ user=nobody argv=/bin/true": ("CK053", 1, '"Z"'),
    "p unix - n n - - spawn argv=/bin/true": ("CK052", 1, "no user="),
}
RIGHT = """\
smtpd_restriction_classes = mine, theirs
mine = permit
theirs = reject
virtual_mailbox_domains = mysql:people, proxy:pgsql:others
people_hosts = 127.0.0.1
others_dbname = x
named = example.com
masquerade_domains = $named ${{$named} == {x} ? {y} : {z}}
smtp_destination_concurrency_limit = 3
smtp_tls_security_level = may
smtp_tls_mandatory_protocols = >=TLSv1.2, <=TLSv1.3
smtpd_tls_protocols = !SSLv2, !SSLv3, !TLSv1.1
smtpd_milters = inet:localhost:8891, unix:/run/x, { inet:127.0.0.1:3, connect_timeout = 5s }
smtpd_sasl_security_options = noanonymous, noplaintext
notify_classes = bounce, 2bounce, policy
smtpd_recipient_limit = 007
queue_run_delay = 1h
bounce_queue_lifetime = 0
inet_protocols = ipv4, ipv6
mailbox_command = /bin/x "#"
compatibility_level = 3.6
content_filter =
html_directory = no
tls_preempt_cipherlist = YES
"""


def found(folder: Path, top: Path) -> list[Diagnostic]:
    root, sink = Root(top), Sink()
    configuration = Configuration.load("/etc/postfix", sink, root)
    check(configuration, site_of(configuration), root, sink)
    assert folder.is_dir()
    return [d for d in sink if d.code != "CK010"]  # nothing is built here


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(SITE, tmp_path / "etc/postfix")
    (tmp_path / "etc/aliases").write_text("postmaster: root\n")
    return tmp_path / "etc/postfix"


def with_line(folder: Path, line: str) -> None:
    """Put ``line`` at the end of main.cf in the place of what it says of the same name."""
    name = line.split(" ")[0]
    kept: list[str] = []
    skipping = False
    for old in (folder / "main.cf").read_text().splitlines():
        skipping = old.startswith(name + " =") or (skipping and old[:1] in " \t")
        if not skipping:
            kept.append(old)
    (folder / "main.cf").write_text("\n".join([*kept, line]) + "\n")


def test_the_example_is_right(folder: Path, tmp_path: Path) -> None:
    assert found(folder, tmp_path) == []


@pytest.mark.parametrize("line", MAIN)
def test_a_mistake_in_main_cf(line: str, folder: Path, tmp_path: Path) -> None:
    with_line(folder, line)
    code, column, words = MAIN[line]
    [diagnostic] = [d for d in found(folder, tmp_path) if d.code == code and words in d.message]
    assert diagnostic.hint
    if column:
        assert diagnostic.span is not None
        assert diagnostic.span.first == ((folder / "main.cf").read_text().count("\n"), column)


@pytest.mark.parametrize("line", MASTER)
def test_a_mistake_in_master_cf(line: str, folder: Path, tmp_path: Path) -> None:
    with (folder / "master.cf").open("a") as file:
        file.write(line + "\n")
    code, column, words = MASTER[line]
    [diagnostic] = [d for d in found(folder, tmp_path) if d.code == code and words in d.message]
    assert diagnostic.span is not None
    assert diagnostic.span.first == ((folder / "master.cf").read_text().count("\n"), column)
    assert diagnostic.hint


def test_a_log_file_without_its_service(folder: Path, tmp_path: Path) -> None:
    with_line(folder, "maillog_file = /var/log/maillog")
    assert found(folder, tmp_path) == []
    master = (folder / "master.cf").read_text()
    (folder / "master.cf").write_text("".join(x for x in master.splitlines(True) if not x.startswith("postlog")))
    [diagnostic] = found(folder, tmp_path)
    assert diagnostic.code == "CK051"
    assert diagnostic.span is not None
    assert diagnostic.span.text == "/var/log/maillog"


def test_what_is_right_is_not_complained_of(folder: Path, tmp_path: Path) -> None:
    for line in RIGHT.splitlines():
        with_line(folder, line)
    assert found(folder, tmp_path) == []


def test_nothing_is_said_twice(folder: Path, tmp_path: Path) -> None:
    with_line(folder, "mynetworks = 127.0.0.0/33")
    with (folder / "master.cf").open("a") as file:
        file.write("587 inet n - n - - smtpd -o smtpd_helo_required=no\n588 inet n - n - - smtpd -o myorigin=x\n")
    said = found(folder, tmp_path)
    assert len(said) == len(set(said)) == 1


def test_a_newer_version_warns_of_what_will_go(folder: Path, tmp_path: Path) -> None:
    program = tmp_path / "usr/sbin/postconf"
    program.parent.mkdir(parents=True)
    program.write_bytes(b"\0mail_version=3.11.7\0")
    with_line(folder, "smtp_use_tls = yes")
    assert [d.code for d in found(folder, tmp_path)] == ["CK071"]


def test_severities(folder: Path, tmp_path: Path) -> None:
    with_line(folder, "smtpd_recipent_limit = 3")
    assert {d.severity for d in found(folder, tmp_path)} == {Severity.WARNING}
