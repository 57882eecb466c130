"""The host's names in main.cf: those that main.cf has itself are judged, those of the machine are not."""

from __future__ import annotations

from mailconf.check.rules import check
from mailconf.diagnostics import Sink
from mailconf.files import Memory
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of
from tests.check.test_hints import MASTER


def codes(text: str) -> set[str]:
    main = "compatibility_level = 3.6\nalias_maps =\nalias_database =\n" + text
    root = Memory({"/etc/postfix/main.cf": main, "/etc/postfix/master.cf": MASTER})
    sink = Sink()
    configuration = Configuration.load("/etc/postfix", sink, root)
    check(configuration, site_of(configuration), root, sink)
    return {d.code for d in sink} & {"PF225", "PF241"}


def test_a_name_that_comes_from_the_machine_may_be_another_one_where_the_file_is_used() -> None:
    assert codes("myorigin = $mydomain\n") == set()
    assert codes("myorigin = $myhostname\n") == set()


def test_a_name_that_main_cf_has_is_judged() -> None:
    assert codes("myorigin = $mydomain\nmydomain = localdomain\n") == {"PF241"}
    assert "PF225" in codes("myorigin = $mydomain\nmyhostname = mail\n")
