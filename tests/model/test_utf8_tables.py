"""Keys and values of tables that are not UTF-8, as Postfix's daemons have them (postconf(5) smtputf8_enable).

The answers are those of Postfix 3.7.11's dict_open with the flag utf8_request, which tests/live puts the same to.
"""

from __future__ import annotations

import pytest

from mailconf.diagnostics import Sink
from mailconf.files import Memory
from mailconf.model.fileworld import FileWorld
from mailconf.model.world import Outcome, run
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of

NO_UTF8 = "a\udcff"


def asked(table: str, key: str, *, utf8: bool = True) -> tuple[Outcome, str]:
    answer = run(FileWorld(Memory({"/t": f"k v{NO_UTF8}\n"}), utf8=utf8).lookup(table, key))
    return answer.outcome, answer.reason or answer.value


@pytest.mark.parametrize(
    "table", ["static:x", "inline:{{k=v}}", "regexp:{{/./ x}}", "fail:all", f"inline:{{{NO_UTF8}=x}}"]
)
@pytest.mark.parametrize("key", [NO_UTF8, "\udced\udca0\udc80", "\udcc3"])
def test_no_table_has_a_key_that_is_not_utf8(table: str, key: str) -> None:
    assert asked(table, key)[0] is Outcome.ABSENT


def test_a_key_of_other_letters_is_asked_for() -> None:
    assert asked("regexp:{{/./ x}}", "\u0394\u03b7") == (Outcome.FOUND, "x")


def test_a_value_that_is_not_utf8_is_a_failure() -> None:
    assert asked(f"static:{NO_UTF8}", "k") == (
        Outcome.FAILED,
        f'static:{NO_UTF8}: key "k": non-UTF-8 value "{NO_UTF8}": malformed UTF-8 or invalid codepoint',
    )
    assert asked(f"regexp:{{{{/^k$/ {NO_UTF8}}}}}", "k")[0] is Outcome.FAILED
    assert asked(f"regexp:{{{{/^k$/ {NO_UTF8}}}}}", "l")[0] is Outcome.ABSENT


def test_an_inline_table_is_utf8_or_is_not_opened() -> None:
    spec = f"{{{{k=v}}, {{l={NO_UTF8}}}}}"
    text = f'bad UTF-8 syntax: "inline:{spec}"; need "inline:{{name=value...}}"'
    assert asked(f"inline:{spec}", "k") == (Outcome.FAILED, text)


def test_without_smtputf8_bytes_are_bytes() -> None:
    assert asked("static:x", NO_UTF8, utf8=False) == (Outcome.FOUND, "x")
    assert asked(f"static:{NO_UTF8}", "k", utf8=False) == (Outcome.FOUND, NO_UTF8)
    assert asked(f"inline:{{{NO_UTF8}=x}}", NO_UTF8, utf8=False) == (Outcome.FOUND, "x")
    assert asked("texthash:/t", "k", utf8=False) == (Outcome.FOUND, f"v{NO_UTF8}")
    assert asked("texthash:/t", "k") == (Outcome.ABSENT, "")


@pytest.mark.parametrize(("value", "expected"), [("yes", True), ("no", False)])
def test_the_configuration_decides(value: str, expected: bool) -> None:
    text = f"compatibility_level = 3.6\nsmtputf8_enable = {value}\n"
    tree = Memory({"/etc/postfix/main.cf": text, "/etc/postfix/master.cf": ""})
    assert site_of(Configuration.load("/etc/postfix", Sink(), tree)).utf8_tables is expected
