"""The values of main.cf are the same for each of its readers: check and serve, postconf, the table tools."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.cli.postfix.postfix_tool import Messages, ToolFatal, read_settings
from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.postfix.postconf.values import Postconf, PostconfFatal
from mailconf.postfix.settings import machine
from mailconf.postfix.settings.configuration import Configuration

NAMES = ["mail_name", "relayhost", "mydomain", "mydestination", "queue_directory", "one", "two"]
PIECES = [
    *("a", "b.c", " ", "$mail_name", "${relayhost}", "$(mydomain)", "${one?x}", "${two:{y z}}", "$$", "${nothing}"),
    *("${{$mail_name} == {Postfix} ? {same} : {other}}", "$mynetworks_style", "$compatibility_level", "$myhostname"),
]


@pytest.fixture(autouse=True)
def box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "node_name", lambda: "box.example")
    monkeypatch.setattr(machine, "interfaces", lambda: [("127.0.0.1", 8), ("::1", 128)])


settings = st.dictionaries(
    st.sampled_from(["relayhost", "one", "two", "mail_name", "queue_directory"]),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join),
)


@given(given=settings)
def test_each_reader_has_the_same_values(given: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("etc")
    text = "".join(f"{name} = {value}\n" for name, value in given.items())
    (folder / "main.cf").write_text(f"compatibility_level = 3.6\n{text}")
    (folder / "master.cf").touch()
    configuration = Configuration.load(str(folder), Sink())
    postconf = Postconf(str(folder), lambda _: None, lambda name: Path(name).read_text())
    postconf.read_main()
    for name in NAMES:
        assert configuration.raw(name) == postconf.raw(name, postconf.values)
        try:
            shown = postconf.value(name)
        except PostconfFatal:  # the references go round in a circle, after which configuration goes on with the default
            return
        assert configuration.value(name) == shown
    try:
        table_tool = read_settings(str(folder), Root(), Messages("postmap"))
    except ToolFatal:  # tests/cli/test_start_checks.py has what keeps programs from starting
        return
    for name in ("one", "two"):  # nothing is read later
        assert table_tool.value(name) == configuration.value(name)
