"""The host's names in main.cf: those that main.cf has itself are judged, those of the machine are not."""

from __future__ import annotations

from mailconf.check.causes import joined
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


def test_what_follows_from_an_empty_name_is_not_a_finding_of_its_own() -> None:
    main = "myhostname =\nmydomain =\nmyorigin = $mydomain\nsmtpd_banner = $myhostname ESMTP\n"
    root = Memory({"/etc/postfix/main.cf": f"compatibility_level = 3.6\n{main}", "/etc/postfix/master.cf": MASTER})
    sink = Sink()
    configuration = Configuration.load("/etc/postfix", sink, root)
    check(configuration, site_of(configuration), root, sink)
    told = [(d.code, d.span.line) for d in joined(sink.sorted()) if d.span and d.code in ("CK075", "PF281", "CK090")]
    assert told == [("CK075", 2), ("CK075", 3)]


def test_what_master_cf_may_have_is_not_judged_without_it() -> None:
    main = "smtpd_sasl_auth_enable = yes\nsmtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n"
    for master, expected in ((MASTER, True), ("", False)):
        files = {"/etc/postfix/main.cf": main} | ({"/etc/postfix/master.cf": master} if master else {})
        sink, root = Sink(), Memory(files)
        configuration = Configuration.load("/etc/postfix", sink, root)
        check(configuration, site_of(configuration), root, sink)
        assert ("PF291" in {d.code for d in sink}) is expected
