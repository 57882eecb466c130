from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailconf.diagnostics import Sink
from mailconf.files import Memory, Root
from mailconf.postfix.settings import given as given_settings
from mailconf.postfix.settings import machine
from mailconf.postfix.settings.configuration import Configuration
from mailconf.source import encode

MASTER = """\
smtp inet n - n - - smtpd
submission inet n - n - - smtpd
  -o syslog_name=postfix/$service_name -o { smtpd_helo_required = yes }
  -osmtpd_tls_wrappermode=yes
old unix - - n - - pipe
"""


@pytest.fixture(autouse=True)
def small_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "node_name", lambda: "box")
    monkeypatch.setattr(
        machine, "interfaces", lambda: [("127.0.0.1", 8), ("192.0.2.9", 24), ("::1", 128), ("fd00::9", 64)]
    )


def load(top: Path, main: str, master: str = MASTER) -> tuple[Configuration, Sink]:
    (top / "main.cf").write_bytes(encode(main))
    (top / "master.cf").write_bytes(encode(master))
    sink = Sink()
    return Configuration.load(str(top), sink), sink


def told(sink: Sink) -> list[str]:
    return [f"{d.code} {d.span.first.line}:{d.span.first.column}" if d.span else d.code for d in sink]


def test_values_and_their_places(tmp_path: Path) -> None:
    text = "myhostname = mail.example.com\nmyorigin =\n  # comment\n  $mydomain\nqueue_run_delay = 10m\n"
    conf, sink = load(tmp_path, text)
    assert conf.value("myorigin") == "example.com"
    assert conf.raw("myorigin") == "$mydomain"
    assert conf.setting("myorigin").span == conf.span("myorigin")
    span = conf.value_span("myorigin")
    assert span is not None and (span.text, span.first) == ("$mydomain", (4, 3))
    assert (conf.seconds("queue_run_delay"), conf.seconds("delay_warning_time")) == (600, 0)
    assert conf.is_set("myorigin") and not conf.is_set("mydomain") and conf.span("mydomain") is None
    assert (
        conf.words("mydestination") == ["mail.example.com,", *[]]
        or conf.words("mydestination")[0] == "mail.example.com"
    )
    assert not sink


def test_defaults_of_the_machine(tmp_path: Path) -> None:
    conf, _ = load(tmp_path, "compatibility_level = 3.6\n")
    assert (conf.value("myhostname"), conf.value("mydomain")) == ("box.localdomain", "localdomain")
    assert conf.value("mynetworks") == "127.0.0.1/32 192.0.2.9/32 [::1]/128 [fd00::9]/128"
    conf, _ = load(tmp_path, "inet_protocols = ipv4\nmydomain = example.com\nmynetworks_style = subnet\n")
    assert (conf.value("myhostname"), conf.value("mynetworks")) == ("box.example.com", "127.0.0.0/8 192.0.2.0/24")
    conf, sink = load(tmp_path, "mynetworks_style = wide\n")
    assert conf.value("mynetworks") == "" and told(sink) == ["PF013 1:20"]


@pytest.mark.parametrize(
    ("main", "hostname", "domain"),
    [
        ("myhostname = x.$mydomain\n", "x.", ""),
        ("mydomain = $myhostname\n", "box.", "box."),
        ("myhostname = $mydomain\n", "localdomain", "localdomain"),
    ],
)
def test_names_that_need_each_other(main: str, hostname: str, domain: str, tmp_path: Path) -> None:
    conf, _ = load(tmp_path, main)
    assert (conf.value("myhostname"), conf.value("mydomain")) == (hostname, domain)


def test_wrong_values_are_reported_once_and_the_default_stands_in(tmp_path: Path) -> None:
    main = "biff = perhaps\nmessage_size_limit = 1k\nqueue_run_delay = 5 m\nrelayhost = ${x\nmyorigin = $myorigin\n"
    conf, sink = load(tmp_path, main)
    for _ in range(2):
        assert conf.boolean("biff") is True
        assert conf.integer("message_size_limit") == 10240000
        assert conf.seconds("queue_run_delay") == 300
        assert conf.value("relayhost") == ""
        assert conf.value("myorigin") == "box.localdomain"
    assert told(sink) == ["PF007 1:8", "PF008 2:22", "PF009 3:19", "PF006 4:13", "PF006 5:12"]


def test_services_see_their_own_settings(tmp_path: Path) -> None:
    conf, sink = load(tmp_path, "smtpd_helo_required = no\n")
    assert [(s.name, s.kind, s.program) for s in conf.services][:2] == [
        ("smtp", "inet", "smtpd"),
        ("submission", "inet", "smtpd"),
    ]
    seen = conf.for_service(conf.services[1])
    assert seen.value("syslog_name") == "postfix/submission"
    assert seen.boolean("smtpd_helo_required") and seen.boolean("smtpd_tls_wrappermode")
    assert seen.value("process_name") == "smtpd"
    assert not conf.boolean("smtpd_helo_required")
    assert conf.raw("old_time_limit") == "$command_time_limit" and conf.seconds("old_time_limit") == 1000
    assert not sink


def test_a_service_that_is_defined_twice(tmp_path: Path) -> None:
    conf, sink = load(tmp_path, "", "x unix - - - - - smtp\nx inet - - - - - smtpd\nx unix - - - - - lmtp\n")
    assert [(s.name, s.kind, s.program) for s in conf.services] == [("x", "inet", "smtpd"), ("x", "unix", "lmtp")]
    assert told(sink) == ["PF017 3:1"]


def test_broken_files(tmp_path: Path) -> None:
    conf, sink = load(tmp_path, " lead\nnoeq\n= x\nmyorigin = a\nmyorigin = b\n", "x\nx unix - - - - - smtpd -o {a\n")
    assert told(sink) == ["PF004 1:1", "PF002 2:1", "PF003 3:1", "PF005 5:1", "PF011 1:1", "PF233 2:27", "PF018 2:27"]
    assert conf.value("myorigin") == "b" and len(conf.services) == 1
    field_count = next(d for d in sink if d.code == "PF011")
    assert field_count.message == "bad field count: an entry has eight fields, and here are fewer"
    _, sink = load(tmp_path, "# comment\n" * 300_000)
    assert told(sink) == ["PF001 1:1"]
    sink = Sink()
    Configuration.load(str(tmp_path / "nowhere"), sink)
    assert told(sink) == ["PF001", "PF010"]


def test_below_another_root_and_with_overrides(tmp_path: Path) -> None:
    folder = tmp_path / "etc/postfix"
    folder.mkdir(parents=True)
    load(folder, "myorigin = a\n")
    sink = Sink()
    conf = Configuration.load("/etc/postfix", sink, Root(tmp_path), overrides={"myorigin": "$mydomain"})
    assert conf.directory == conf.value("config_directory") == "/etc/postfix"
    assert conf.value("myorigin") == "localdomain"
    assert str(conf.span("myorigin")) == "<command line>:1"


@given(
    main=st.text(alphabet="ab=$ {}?:\n#\t\\\0é", max_size=120),
    master=st.text(alphabet="x unix-o=a{}\n ", max_size=80),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_any_configuration_is_read(main: str, master: str, tmp_path: Path) -> None:
    conf, _ = load(tmp_path, main, master)
    for name in (*conf.names(), "myhostname", "mynetworks"):
        assert isinstance(conf.value(name), str)
        conf.value_span(name)


@pytest.mark.parametrize("kept", [0, 1, 4096])
def test_settings_that_are_read_again_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    """Of a main.cf that sets very many names, most are read again when they are asked for."""
    monkeypatch.setattr(given_settings, "_KEPT", kept)
    conf, sink = load(tmp_path, "# a\na = 1\n\nb = x\n  # c\n  y\na = $b\n")
    assert list(conf.names()) == ["a", "b"]
    assert (conf.value("a"), conf.raw("b")) == ("x  y", "x  y")
    assert told(sink) == ["PF005 7:1"] and "line 2, is lost" in next(iter(sink)).message
    span, value = conf.span("b"), conf.value_span("b", 3, 4)
    assert span is not None and span.text == "b = x\n  # c\n  y"
    assert value is not None and (value.text, value.first) == ("y", (6, 3))
    assert dict(conf.texts()) == {"a": "$b", "b": "x  y"}
    service = next(service for service in conf.services if service.overrides)
    view = conf.for_service(service)
    assert (view.value("a"), view.span("a")) == ("x  y", conf.span("a"))


def test_the_same_value_again_changes_nothing() -> None:
    """Postfix logs "overriding earlier entry" where the values differ, and nothing where they do not (3.7.11)."""
    sink = Sink()
    Configuration.load("/etc/postfix", sink, Memory({"/etc/postfix/main.cf": "biff = no\nbiff = no\nbiff = yes\n"}))
    again = [(d.severity.value, d.message) for d in sink.sorted() if d.code == "PF005"]
    assert again == [
        ("note", "biff is set again, to the value of line 1"),
        ("warning", "biff is set again; the earlier value, line 2, is lost"),
    ]
