from __future__ import annotations

import json
from pathlib import Path

import pytest

from mailconf.cli.postfix.postconf import run
from mailconf.postfix.parameters import catalogue as parameters
from mailconf.postfix.parameters.catalogue import default_unit, parameter_set, recorded, time_value
from mailconf.postfix.parameters.releases import installed_release

VERSIONS = {"3.5": 817, "3.6": 817, "3.7": 831, "3.8": 835, "3.9": 843, "3.10": 855, "3.11": 873}


@pytest.mark.parametrize(("version", "count"), VERSIONS.items())
def test_every_version_is_known(version: str, count: int) -> None:
    found = parameter_set(version)
    assert found.version == parameters.version_numbers(version)
    assert found.parameters["mail_version"][1] == found.release
    assert found.release.startswith(version + ".")
    # postconf -d prints two more than those that its manual calls built in.
    assert abs(len(found.parameters) - count) <= 2
    for name, (kind, default) in found.parameters.items():
        assert kind in "bits" and isinstance(default, str), name


def test_versions_that_are_not_recorded() -> None:
    assert parameter_set("2.11").version == (3, 5)
    assert parameter_set("3.12.1").version == (3, 11)
    assert parameter_set("3.10.2").release == "3.10.2"
    assert parameter_set("3.10.2").parameters["mail_version"] == ("s", "3.10.2")
    assert parameter_set() is parameter_set("3.7")
    for wrong in ("3", "new", "3.x", "3.7.1.2"):
        with pytest.raises(ValueError, match="version"):
            parameter_set(wrong)


def test_what_changed() -> None:
    assert "smtpd_forbid_unauth_pipelining" in parameter_set("3.9").parameters
    assert parameter_set("3.5").parameters["smtpd_tls_fingerprint_digest"] == ("s", "md5")
    assert parameter_set("3.11").parameters["default_database_type"][1] != ""
    assert "smtp_use_tls" in parameter_set("3.9").deprecated
    assert not parameter_set("3.8").deprecated
    assert [each.version for each in recorded()] == [parameters.version_numbers(version) for version in VERSIONS]


def test_times() -> None:
    assert (default_unit("delay_warning_time"), default_unit("queue_run_delay")) == ("h", "s")
    assert default_unit("smtp_destination_rate_delay") == "s"
    assert [time_value(text, "m") for text in ("2", "3h", "1w", "", "x", "1x", "-1", "١")] == [
        *(120, 10800, 604800),
        *(None, None, None, None, None),
    ]


def test_the_installed_release() -> None:
    programs = {
        "/usr/sbin/postqueue": b"\0x\0mail_version=3.4.5\0y",
        "/usr/sbin/postlog": b"\x003.1\x003.9.1\0",
    }

    def read(name: str) -> bytes:
        if name not in programs:
            raise FileNotFoundError(name)
        return programs[name]

    assert installed_release(read) == "3.4.5"
    del programs["/usr/sbin/postqueue"]
    assert installed_release(read) == "3.9.1"
    programs.clear()
    assert installed_release(read) == ""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    main = 'smtp_use_tls = yes\nmyorigin = $mydomain "q"\nmydomain = m\u00fcller.example\nunknown = 1\n'
    (tmp_path / "main.cf").write_text(main, encoding="utf-8")
    (tmp_path / "master.cf").write_text("x unix - - - - - pipe {a b} {c d} e\n")
    return tmp_path


def test_deprecated_parameters_are_told_from_3_9_on(site: Path, capfd: pytest.CaptureFixture[str]) -> None:
    unused = f"postconf: warning: {site}/main.cf: unused parameter: unknown=1\n"
    deprecated = (
        f'postconf: warning: {site}/main.cf: support for parameter "smtp_use_tls" will be removed; '
        'instead, specify "smtp_tls_security_level"\n'
    )
    see = "postconf: warning: See https://www.postfix.org/DEPRECATION_README.html for details\n"
    for version, told in (("3.8", unused), ("3.11", deprecated + unused + see)):
        assert run("postconf", ["--postfix-version", version, "-c", str(site), "-hn", "myorigin"]) == 0
        assert capfd.readouterr() == ('$mydomain "q"\n', told)
    assert run("postconf", ["--postfix-version=3.11", "-c", str(site), "-qhn", "myorigin"]) == 0
    assert capfd.readouterr() == ('$mydomain "q"\n', "")


def test_json(site: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for options in (["-jqx", "myorigin"], ["-jqM"], ["-jqF", "x/unix/command"]):
        assert run("postconf", ["-c", str(site), *options]) == 0
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert lines == [
        {"myorigin": 'm\u00fcller.example "q"'},
        {"x/unix": "x unix - - - - - pipe a b {c d} e"},
        {"x/unix/command": "pipe a b {c d} e"},
    ]


def test_explain(site: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ours = ["--postfix-version", "3.7", "--explain", "-c", str(site)]
    assert run("postconf", [*ours, "mydomain", "smtp_use_tls", "delay_warning_time"]) == 0
    told = capfd.readouterr().out
    assert f"    in         {site}/main.cf, line 3\n" in told
    assert "    used by    myorigin\n" in told
    assert '    3.9.1      deprecated: instead, specify "smtp_tls_security_level"\n' in told
    assert "    type       a time, in hours without a unit\n" in told
    assert run("postconf", [*ours, "nosuch"]) == 1
    assert capfd.readouterr().err == "postconf: warning: nosuch: unknown parameter\n"


def test_explain_overrides_and_names_that_nothing_defines(site: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (site / "master.cf").write_text("smtp inet n - n - - smtpd\n  -o smtpd_helo_required=yes -o mydomain=$nothing\n")
    names = ["smtpd_helo_required", "mydomain", "nothing", "smtpd_tls_enable_rpk", "smtpd_helo_requird"]
    assert run("postconf", ["--postfix-version", "3.7", "--explain", "-c", str(site), *names]) == 1
    told = capfd.readouterr()
    assert f"    override   yes, for smtp/inet: {site}/master.cf, line 2\n" in told.out
    assert "    override   $nothing, for smtp/inet" in told.out
    assert "    type       none: nothing defines it\n    used by    smtp/inet/mydomain\n" in told.out
    assert "    type       none: Postfix 3.7.11 has no such parameter\n" in told.out
    assert "smtpd_helo_requird: unknown parameter; did you mean smtpd_helo_required?\n" in told.err


def test_a_wrong_version(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("postconf", ["--postfix-version", "new", "-d"]) == 1
    assert "is not a version of Postfix" in capfd.readouterr().err
