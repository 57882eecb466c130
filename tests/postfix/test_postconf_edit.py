"""Editing: what an edit does not concern stays as it is, byte by byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.cli.postfix.postconf import run
from mailconf.postfix.postconf.edit import edit_main, edit_master
from mailconf.postfix.text import main_cf, master_cf

LINE = st.sampled_from(
    [
        "a = 1",
        "b=2",
        "  more",
        "\ttext",
        "# comment",
        "   # indented",
        "",
        "  ",
        "name",
        "= x",
        "a=3",
        "c = é \udcff",
        "\r",
    ]
)
TEXT = st.lists(LINE, max_size=10).map("\n".join)
NAME = st.sampled_from(["a", "b", "c", "d", "name"])
VALUE = st.sampled_from(["x", "", "a  b", "$c {d}", "é"])
SERVICE = st.sampled_from(
    ["smtp inet n - n - - smtpd", "  -o a=b", "# comment", "", "x unix - - - - - smtp -v", "  {arg x}", "  # more"]
)
SERVICES = st.lists(SERVICE, max_size=8).map(lambda lines: "y unix - - - - - z\n" + "".join(f"{x}\n" for x in lines))


def silent(_: str) -> None:
    pass


def defined(text: str) -> dict[str, str]:
    return {d.name: d.value for d in main_cf.read(text) if isinstance(d, main_cf.Definition)}


def skipped(text: str) -> list[str]:
    """The comments and empty lines, in order."""
    return [line for line in text.split("\n") if line.strip(" \t\r")[:1] in ("", "#") and line.strip(" \t\r")]


@given(TEXT, NAME, VALUE)
def test_setting_a_parameter_sets_it_and_nothing_else(text: str, name: str, value: str) -> None:
    before, after = defined(text), edit_main(text, "e", [f"{name} = {value}"], "main.cf", silent)
    expected = {**before, name: value}
    assert defined(after) == expected
    assert skipped(after) == skipped(text)


@given(TEXT, NAME)
def test_removing_a_parameter_removes_it_and_nothing_else(text: str, name: str) -> None:
    after = edit_main(text, "X", [name], "main.cf", silent)
    assert defined(after) == {k: v for k, v in defined(text).items() if k != name}
    assert skipped(after) == skipped(text)


@given(TEXT, NAME)
def test_commenting_out_loses_no_character(text: str, name: str) -> None:
    after = edit_main(text, "#", [name], "main.cf", silent)
    assert defined(after) == {k: v for k, v in defined(text).items() if k != name}
    pairs = zip(text.split("\n"), after.split("\n"), strict=True)
    assert all(new in (old, "#" + old) for old, new in pairs)


@given(SERVICES)
def test_services_that_no_edit_concerns_stay(text: str) -> None:
    for mode, action, request in (("M", "X", "none/unix"), ("P", "e", "none/unix/a=b"), ("F", "e", "none/*/chroot=y")):
        assert edit_master(text, mode, action, [request], "master.cf", silent) == text


@given(SERVICES, VALUE.filter(lambda value: " " not in value))
def test_a_services_setting_is_set_everywhere_it_should(text: str, value: str) -> None:
    after = edit_master(text, "P", "e", [f"*/inet/new={value}"], "master.cf", silent)
    assert skipped(after) == skipped(text) or sorted(skipped(after)) == sorted(skipped(text))
    for entry in master_cf.read(after):
        values = {override.name: override.value for override in entry.overrides}
        assert (values.get("new") == value) == (entry.type == "inet")


def test_the_file_is_replaced_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "main.cf"
    path.write_bytes(b"# c\nmyorigin = a")
    path.chmod(0o640)
    inode = path.stat().st_ino
    assert run("postconf", ["-c", str(tmp_path), "-e", "myorigin=b", "mydomain = \udcff"]) == 0
    assert path.read_bytes() == b"# c\nmyorigin = b\nmydomain = \xff\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.stat().st_ino != inode
    assert [file.name for file in tmp_path.iterdir()] == ["main.cf"]


def test_below_another_root(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "etc/postfix"
    folder.mkdir(parents=True)
    (folder / "main.cf").write_text("myorigin = a\n")
    (folder / "master.cf").write_text("")
    root = ["--root", str(tmp_path)]
    assert run("postconf", [*root, "-e", "mydomain=example.com"]) == 0
    assert run("postconf", [*root, "-n"]) == 0
    assert capfd.readouterr() == ("mydomain = example.com\nmyorigin = a\n", "")


def test_a_missing_file_and_a_broken_request_leave_everything(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    where = ["-c", str(tmp_path)]
    assert run("postconf", [*where, "-e", "a=b"]) == 1
    (tmp_path / "main.cf").write_text("a = 1\n")
    assert run("postconf", [*where, "-e", "a=2", "b"]) == 1
    assert (tmp_path / "main.cf").read_text() == "a = 1\n"
    assert "No such file or directory" in capfd.readouterr().err
