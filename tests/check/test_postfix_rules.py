"""What check says of configurations with one mistake each, and what it does not say of right ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mailconf.check.rules import check
from mailconf.diagnostics import Diagnostic, Severity, Sink
from mailconf.files import Root
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of

SITE = Path(__file__).parents[2] / "examples/postfix/etc/postfix"

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
    "hopcount_limit = 2147483648": ("CK075", 18, "is more than 2147483647"),
    "default_recipient_limit = -2147483649": ("CK075", 27, "is less than -2147483648"),
    "queue_minfree = 9223372036854775808": ("CK075", 17, "is more than 9223372036854775807"),
    "lmdb_map_size = 9223372036854775808": ("CK075", 17, "is more than 9223372036854775807"),
    "mailbox_size_limit = -9223372036854775809": ("CK075", 22, "is less than -9223372036854775808"),
    "mailbox_size_limit = 1": ("CK088", 22, "mailbox_size_limit (1) is smaller than message_size_limit"),
    "message_size_limit = 51200001": ("CK088", 22, "(51200000) is smaller than message_size_limit (51200001)"),
    "message_size_limit = 0": ("CK088", 22, "without limit"),
    "queue_minfree = 15359999": ("CK088", 17, "less than 1.5 times"),
    "myorigin = a.example, b.example": ("CK080", 12, "more than one domain"),
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
    "transport_maps = nisplus:x": ("CK085", 18, "mailconf does not read tables of type nisplus"),
    "myorigin = /etc/mailname": ("PF228", 12, "/etc/mailname: cannot open file: No such file or directory"),
    "myorigin = a.test, b.test": ("PF228", 12, "must not contain multiple values: a.test, b.test"),
    "mydestination = /etc/postfix/none": ("PF206", 17, "open file /etc/postfix/none: No such file or directory"),
    "mydestination = a.test # b.test": ("PF229", 24, "comment at end of line is not supported: # b.test"),
    "header_checks = regexp:": ("CK078", 17, "has no name"),
    "myhostname = mail_host..example": ("CK080", 14, "is no host name"),
    "compatibility_level = 3.x": ("CK080", 23, "is no compatibility level"),
    "unknown_client_reject_code = 50": ("CK081", 30, "no refusal"),
    "reject_code = 350": ("CK081", 15, "answers 450 4.7.1 Service unavailable instead"),
    "access_map_reject_code = 600": ("CK081", 26, "no refusal"),
    "maps_rbl_reject_code = -450": ("CK081", 24, "no refusal"),
    "smtpd_relay_restrictions = defer_unauth_destination\nrelay_domains_reject_code = 450": (
        *("CK081", 29, "less 100, which is 350"),
    ),
    "smtpd_client_restrictions = reject_rbl_client a.example\ndefault_rbl_reply = 250 ok": (
        *("PF221", 21, "begins with no 4xx or 5xx"),
    ),
    "smtpd_client_restrictions = reject_rbl_client a.example\ndefault_rbl_reply = $rbl_code $rbl_text": (
        *("PF220", 21, 'no name "rbl_text"'),
    ),
    "unverified_sender_defer_code = 350": ("CK081", 32, "no refusal"),
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
    "587 inet n - n - - smtpd -o reject_code=250": ("CK081", 29, "no refusal"),
    "587 inet n - n - - smtpd -o myorigin=$mydomian": ("CK070", 29, "mydomian"),
    "587 inet n - n - - smtpd -o { smtpd_timeout = 0 }": ("CK075", 29, "less than 1 s"),
    "submision inet n - n - - smtpd": ("PF014", 1, "submision"),
    "70000 inet n - n - - smtpd": ("PF014", 1, "70000"),
    "26 inet n - n - 1 postscreen": ("PF230", 1, '26 runs postscreen, which hands clients to "smtpd"'),
    "smtpd pass - - n - - smtpd -o smtpd_sender_restrictions=permit_sasl": ("PF201", 31, "permit_sasl"),
    "p unix - n n - - pipe user=nobody": ("CK052", 1, "no argv="),
    "p unix - n n - - pipe flags=RhZ user=nobody argv=/bin/true": ("CK053", 23, '"Z"'),
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
tlsproxy_tls_mandatory_protocols = >=TLSv1.2, <=TLSv1.3
tlsproxy_tls_protocols = !SSLv2, !SSLv3, !TLSv1.1
smtpd_milters = inet:localhost:8899, unix:/run/x, { inet:127.0.0.1:3, connect_timeout = 5s }
notify_classes = bounce, 2bounce, policy
smtpd_recipient_limit = 007
hopcount_limit = 0000000000000000000000000000050
mailbox_size_limit = 9223372036854775807
virtual_mailbox_limit = 4294967296
message_size_limit = 4294967296
queue_minfree = 9223372036854775807
lmdb_map_size = 4294967296
default_destination_concurrency_negative_feedback = 1/concurrency
local_destination_concurrency_positive_feedback = 1/sqrt_concurrency
lmtp_tcp_port = lmtp
smtpd_tls_loglevel = routine
milter_protocol = 6
mynetworks = 127.0.0.0/8, [::1]/128
proxy_read_maps = $mynetworks $mydestination $virtual_mailbox_domains proxy:unix:passwd.byname words
proxy_write_maps = $mydestination
reject_code = 400
defer_code = 0599
unverified_sender_defer_code = 250
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
    return [d for d in sink if d.code not in ("CK010", "CK013")]  # nothing is built here


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


def test_a_default_that_ends_programs_is_found_beside_another_mistake(folder: Path, tmp_path: Path) -> None:
    """It has no place of its own: the first line of main.cf stands for it, which may be wrong by itself."""
    domain = ".".join(["a" * 60] * 4) + ".abcdefghij"  # 254 bytes; the host's name has 255 at most
    (folder / "main.cf").write_text(f"alias_maps = hash:/nosuch\nmydomain = {domain}\n")
    started = [(d.span.line, d.message) for d in found(folder, tmp_path) if d.code == "CK090" and d.span]
    (start,) = started
    assert start[0] == 1 and "myhostname comes to" in start[1]


def test_what_a_folded_value_is_reported_for_is_not_reported_again(folder: Path, tmp_path: Path) -> None:
    (folder / "main.cf").write_text("myhostname =\n  -a.example.com\n")
    codes = [d.code for d in found(folder, tmp_path)]
    assert "CK080" in codes and "CK090" not in codes


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
        file.write("589 inet n - n - - smtpd -o smtpd_helo_required=no\n588 inet n - n - - smtpd -o myorigin=x\n")
    said = found(folder, tmp_path)
    assert len(said) == len(set(said)) == 1


def test_a_newer_version_warns_of_what_will_go(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAILCONF_POSTFIX_VERSION")  # a named version would be meant
    program = tmp_path / "usr/sbin/postconf"
    program.parent.mkdir(parents=True)
    program.write_bytes(b"\0mail_version=3.11.7\0")
    with_line(folder, "smtp_use_tls = yes")
    assert [d.code for d in found(folder, tmp_path)] == ["CK071"]


def test_the_types_of_the_installed_postfix(folder: Path, tmp_path: Path) -> None:
    """As Debian installs it: what dynamicmaps.cf does not name is "unsupported dictionary type" (3.7.11)."""
    (tmp_path / "usr/lib/postfix/sbin").mkdir(parents=True)
    types = ("ldap", "pcre", "mysql", "nisplus", "nis", "cidr")
    with_line(folder, f"virtual_mailbox_domains = {' '.join(f'{kind}:x' for kind in types)}")

    def said() -> list[tuple[str, str]]:
        of_types = (d for d in found(folder, tmp_path) if d.code in ("CK084", "CK085"))
        return [(d.code, d.message.partition(" map type ")[2].partition(":")[0]) for d in of_types]

    assert [code for code, _ in said()] == ["CK085"]  # no dynamicmaps.cf: all types may be built in
    (folder / "dynamicmaps.cf").write_text("# type file function\npcre\tpostfix-pcre.so\tdict_pcre_open\n")
    assert said() == [("CK084", "ldap"), ("CK084", "mysql"), ("CK084", "nisplus")]
    (folder / "dynamicmaps.cf.d").mkdir()
    (folder / "dynamicmaps.cf.d/ldap").write_text("ldap postfix-ldap.so dict_ldap_open\n")
    assert said() == [("CK084", "mysql"), ("CK084", "nisplus")]


def test_files_of_lists_are_read(folder: Path, tmp_path: Path) -> None:
    (folder / "networks").write_text("# ours\n192.0.2.0/24\ncidr:/etc/postfix/cidr\nhash:/etc/postfix/none\n")
    with_line(folder, "mynetworks = /etc/postfix/networks")
    said = {d.code: d.message for d in found(folder, tmp_path)}
    assert said.keys() == {"CK030", "BD001"}
    assert "/etc/postfix/cidr" in said["CK030"]
    assert "/etc/postfix/none" in said["BD001"]


def test_the_default_that_names_nis_is_not_complained_of(folder: Path, tmp_path: Path) -> None:
    with_line(folder, "alias_maps = x")
    text = (folder / "main.cf").read_text()
    (folder / "main.cf").write_text(text.replace("alias_maps = x\n", ""))
    assert found(folder, tmp_path) == []


def test_severities(folder: Path, tmp_path: Path) -> None:
    with_line(folder, "smtpd_recipent_limit = 3")
    assert {d.severity for d in found(folder, tmp_path)} == {Severity.WARNING}


def test_a_class_with_a_parameters_name(folder: Path, tmp_path: Path) -> None:
    """Its restrictions are the parameter's value, here a default: the finding is at main.cf."""
    with_line(folder, "smtpd_restriction_classes = parent_domain_matches_subdomains")
    wrong = [d for d in found(folder, tmp_path) if d.code == "PF201"]
    assert 1 in {d.span and d.span.line for d in wrong}
    assert all(d.span for d in wrong)
