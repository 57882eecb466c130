"""Our own sendmail.cf: what a .mc comes to, and what is refused."""

from __future__ import annotations

import re

import pytest

from mailconf.diagnostics import Sink
from mailconf.files import Memory
from mailconf.sendmail.cf.read import read_cf
from mailconf.sendmail.cf_mistakes import mistakes, report_mistakes
from mailconf.sendmail.emit.facts import facts_of
from mailconf.sendmail.emit.own_library import own_library
from mailconf.sendmail.emit.render import own_cf
from mailconf.sendmail.emit.support import FEATURES, SupportState
from mailconf.sendmail.mc.mc import Mc, read
from mailconf.source import Source, decode

HEAD = "include(`/usr/share/sendmail/cf/m4/cf.m4')dnl\nOSTYPE(`linux')dnl\n"
MAILERS = "MAILER(`local')dnl\nMAILER(`smtp')dnl\n"
NEEDS = {
    "nullclient": ", `hub.example.com'",
    "dnsbl": ", `list.example.com'",
    "enhdnsbl": ", `list.example.com'",
    "nouucp": ", `reject'",
    "nopercenthack": ", `nospecial'",
}


def mc_of(text: str) -> Mc:
    sink = Sink()
    mc = read("/etc/mail/x.mc", own_library(), sink, root=Memory({"/etc/mail/x.mc": text}))
    assert mc is not None and not mc.expanded.failed, list(map(str, sink))
    return mc


def cf_of(middle: str, after: str = "") -> str:
    sink = Sink()
    text = own_cf(mc_of(HEAD + middle + MAILERS + after), sink)
    assert text is not None, list(map(str, sink))
    return decode(text)


def lines_of(text: str, start: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(start)]


@pytest.mark.parametrize("feature", [name for name, known in FEATURES.items() if known.state is SupportState.DONE])
def test_each_feature_gives_a_cf_that_sendmail_reads(feature: str) -> None:
    text = cf_of(f"FEATURE(`access_db')dnl\nFEATURE(`{feature}'{NEEDS.get(feature, '')})dnl\n")
    sink = Sink()
    source = Source("x.cf", text)
    report_mistakes(source, mistakes(source), lambda _: None, "/etc/mail/x.cf", sink, Memory({}))
    assert not [str(d) for d in sink if "cannot" not in d.message]
    cf = read_cf(Source("x.cf", text))
    assert cf.macros


@pytest.mark.parametrize("feature", [name for name, known in FEATURES.items() if known.state is SupportState.LACKING])
def test_a_feature_that_is_lacking_is_an_error_at_its_line(feature: str) -> None:
    sink = Sink()
    assert own_cf(mc_of(f"{HEAD}FEATURE(`{feature}')dnl\n{MAILERS}"), sink) is None
    (found,) = sink
    assert found.code == "SM050" and found.place.startswith("/etc/mail/x.mc:3:")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("FEATURE(`acess_db')dnl", "SM050"),
        ("MAILER(`usenet')dnl", "SM051"),
        ("OSTYPE(`irix6')dnl", "SM052"),
        ("DOMAIN(`Berkeley.EDU')dnl", "SM052"),
        ("HACK(`x')dnl", "SM053"),
        ("UUCPSMTP(`old', `new.example.com')dnl", "SM053"),
        ("SITECONFIG(`uucp.neighbours', `mail', `U')dnl", "SM053"),
        ("LDAPROUTE_DOMAIN(`example.com')dnl", "SM053"),
        ("define(`confLDAP_CLUSTER', `x')dnl", "SM053"),
        ("FEATURE(`access_db', `LDAP')dnl", "SM054"),
        ("FEATURE(`access_db', , , `relaytofulladdress')dnl", "SM054"),
        ("FEATURE(`ratecontrol')dnl", "SM054"),
        ("FEATURE(`nouucp')dnl", "SM054"),
        ("FEATURE(`nopercenthack', `never')dnl", "SM054"),
        ("FEATURE(`delay_checks', `friend')dnl", "SM054"),
        ("FEATURE(`access_db')FEATURE(`conncontrol', `nodelay')dnl", "SM054"),
        ("define(`confMAX_HOPS', `9')dnl", "SM053"),
        ("define(`SMTP_MAILER_GROUP', `x')dnl", "SM053"),
    ],
)
def test_what_else_is_refused(text: str, code: str) -> None:
    sink = Sink()
    assert own_cf(mc_of(f"{HEAD}{text}\n{MAILERS}"), sink) is None
    assert [d.code for d in sink] == [code]
    assert sink.sorted()[0].place.startswith("/etc/mail/x.mc:3")


def test_a_name_that_is_nearly_right_is_suggested() -> None:
    sink = Sink()
    own_cf(mc_of(f"{HEAD}FEATURE(`acess_db')dnl\n{MAILERS}"), sink)
    assert "access_db" in sink.sorted()[0].hint


def test_values_are_those_at_the_end_of_the_mc() -> None:
    text = cf_of("define(`confMAX_HOP', `5')define(`confMAX_HOP', `7')dnl\nundefine(`confLOG_LEVEL')dnl\n")
    assert lines_of(text, "O MaxHopCount") == ["O MaxHopCount=7"]
    assert not lines_of(text, "O LogLevel")
    assert lines_of(text, "O AliasWait") == ["O AliasWait=10"]


def test_an_empty_value_is_an_option_without_one() -> None:
    assert lines_of(cf_of("define(`confCOPY_ERRORS_TO', `')dnl\n"), "O PostmasterCopy") == ["O PostmasterCopy"]


def test_names_in_arguments_are_expanded() -> None:
    text = cf_of("FEATURE(`genericstable', `DATABASE_MAP_TYPE -o MAIL_SETTINGS_DIR`'names')dnl\n")
    assert lines_of(text, "Kgenerics") == ["Kgenerics hash -o /etc/mail/names"]


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        ("", "Kaccess hash -T<TMPF> /etc/mail/access"),
        (", `hash -o /etc/mail/a'", "Kaccess hash -T<TMPF> -o /etc/mail/a"),
        (", `hash -T<TMPF> -o /etc/mail/a'", "Kaccess hash -T<TMPF> -o /etc/mail/a"),
    ],
)
def test_a_lookup_in_the_access_table_that_fails_is_marked(argument: str, line: str) -> None:
    assert lines_of(cf_of(f"FEATURE(`access_db'{argument})dnl\n"), "Kaccess") == [line]


def test_flags_of_a_mailer_are_changed() -> None:
    text = cf_of("MODIFY_MAILER_FLAGS(`SMTP', `+x')dnl\nMODIFY_MAILER_FLAGS(`ESMTP', `-a')dnl\n")
    flags = {line.split(",")[0]: after for line, after in zip(text.splitlines(), text.splitlines()[1:], strict=False)}
    assert "F=mDFMuXx" in flags["Msmtp"] and "F=mDFMuX," in flags["Mesmtp"]


def test_a_feature_sets_values_that_the_mc_can_change() -> None:
    text = cf_of("FEATURE(`local_lmtp')dnl\ndefine(`LOCAL_MAILER_ARGS', `mine -l')dnl\n")
    assert "P=/usr/sbin/mail.local" in text and "A=mine -l" in text


def test_sections_stand_where_the_library_has_them() -> None:
    sections = "LOCAL_CONFIG\nKmine hash /x\nLOCAL_RULE_0\nR$-@a\tb\nLOCAL_RULESETS\nSMine\nR$*\t$@ x\n"
    text = cf_of("", sections)
    assert text.index("Kmine hash /x") < text.index("Scanonify=3") < text.index("R$-@a\tb") < text.index("SMine")
    assert text.index("SParseLocal=98") < text.index("R$-@a\tb") < text.index("SParse1")


def test_text_before_the_sections_is_the_head() -> None:
    """What stands behind a VERSIONID without a line's end is part of its comment, as with the library."""
    assert cf_of("VERSIONID(`mine 1.0')\nCwextra.example.com\n").startswith("#####  mine 1.0  #####\nCwextra.example")
    assert cf_of("VERSIONID(`mine 1.0')dnl\nCwextra.example.com\n").startswith("#####  mine 1.0  #####Cwextra")


def test_rules_of_a_section_come_before_ours_for_the_same_ruleset() -> None:
    text = cf_of("", "LOCAL_RULESETS\nSHdrFromSMTP\nR$*\t$@ all@example.com\nSRelay_ok\nR$*\t$: $1\n")
    theirs = text.index("R$*\t$@ all@example.com")
    for name in ("EnvFromL", "HdrFromL", "EnvToSMTP", "HdrFromSMTP", "MasqSMTP", "PseudoToReal", "AddDomain"):
        assert theirs < text.rindex(f"\nS{name}\n"), name
    assert text.index("\nSRelay_ok\n") < theirs < text.rindex("\nSRelay_ok\n")


def test_an_address_of_this_machine_becomes_its_name() -> None:
    rules = cf_of("").partition("\nSOwnName")[2].partition("\nS")[0].splitlines()
    assert rules.index("R< $=w >\t$@ $j .") == rules.index("R[ $* ]\t$: < [ $1 ] >") + 1


def test_calls_have_their_places() -> None:
    facts = facts_of(mc_of(f"{HEAD}FEATURE(`redirect')dnl\nDOMAIN(`generic')dnl\nFEATURE(`smrsh')dnl\n{MAILERS}"))
    assert [(f.argument(1), f.span.line) for f in facts.named("FEATURE") if f.span] == [
        ("local_procmail", 2),
        ("redirect", 3),
        ("redirect", 4),
        ("use_cw_file", 4),
        ("smrsh", 5),
    ]


def test_a_domain_whose_name_is_no_word_sets_its_values() -> None:
    text = cf_of("define(`confDONT_BLAME_SENDMAIL', `MapInUnsafeDirPath')dnl\nDOMAIN(`debian-mta')dnl\n")
    assert lines_of(text, "O PidFile") == ["O PidFile=/var/run/sendmail/mta/sendmail.pid"]
    (blame,) = lines_of(text, "O DontBlameSendmail")
    assert blame.startswith("O DontBlameSendmail=MapInUnsafeDirPath,AssumeSafeChown,")


def test_the_mailer_local_need_not_be_asked_for() -> None:
    sink = Sink()
    text = own_cf(mc_of(f"{HEAD}MAILER(`smtp')dnl\n"), sink)
    assert text is not None and lines_of(decode(text), "Mlocal") and lines_of(decode(text), "Mprog")


def test_mail_is_relayed_for_virtual_domains_that_are_declared_alone() -> None:
    """LOCAL_CONFIG may fill the class: that does not make it a class of domains to relay for."""
    table = "FEATURE(`virtusertable')dnl\n"
    assert "CR$={VirtHost}" not in cf_of(table, "LOCAL_CONFIG\nC{VirtHost}example.com\n")
    assert "CR$={VirtHost}" in cf_of(f"{table}VIRTUSER_DOMAIN(`example.com')dnl\n")


@pytest.mark.parametrize("access", ["", "FEATURE(`access_db')dnl\n"])
@pytest.mark.parametrize("feature", [name for name, known in FEATURES.items() if known.state is SupportState.DONE])
def test_each_ruleset_that_is_called_is_there(feature: str, access: str) -> None:
    sink = Sink()
    text = own_cf(mc_of(f"{HEAD}{access}FEATURE(`{feature}'{NEEDS.get(feature, '')})dnl\n{MAILERS}"), sink)
    if text is None:  # the FEATURE needs the access table
        assert not access
        return
    found = decode(text)
    called = set(re.findall(r"\$>\s*(\w+)", found))
    named = set(re.findall(r"^S(\w+)", found, re.MULTILINE))
    assert len(called) > 20
    assert called <= named


def test_uucp_has_the_mailers_with_domains_only_beside_smtp() -> None:
    def mailers(asked: str) -> list[str]:
        text = own_cf(mc_of(f"{HEAD}{asked}"), Sink())
        assert text is not None
        return [line[1:].partition(",")[0] for line in decode(text).splitlines() if line.startswith("Muucp-")]

    assert mailers("MAILER(`local')dnl\nMAILER(`uucp')dnl\n") == ["uucp-old", "uucp-new"]
    assert mailers(f"{MAILERS}MAILER(`uucp')dnl\n") == ["uucp-old", "uucp-new", "uucp-dom", "uucp-uudom"]


def test_a_route_in_the_user_is_refused_where_the_mc_says_so() -> None:
    def refused(argument: str) -> list[str]:
        text = cf_of(f"FEATURE(`nouucp', `{argument}')dnl\nFEATURE(`nopercenthack', `{argument}')dnl\n")
        return [line for line in lines_of(text, "R$*") if line.endswith("\t$@ < ? >") and "<" not in line[:-10]]

    assert refused("reject") == ["R$* ! $*\t$@ < ? >", "R$* % $*\t$@ < ? >"]
    assert refused("nospecial") == []


@pytest.mark.parametrize(
    ("section", "ruleset"),
    [
        ("LOCAL_TLS_CLIENT", "tls_client"),
        ("LOCAL_TLS_SERVER", "tls_server"),
        ("LOCAL_TLS_RCPT", "tls_rcpt"),
        ("LOCAL_TRY_TLS", "try_tls"),
        ("LOCAL_SRV_FEATURES", "srv_features"),
        ("LOCAL_CLT_FEATURES", "clt_features"),
    ],
)
def test_a_section_of_a_session_is_a_ruleset_that_is_asked_first(section: str, ruleset: str) -> None:
    lines = cf_of("", f"{section}\nRmine\t$# OK\n").splitlines()
    assert lines[lines.index(f"SLocal_{ruleset}") + 1] == "Rmine\t$# OK"
    first = next(line for line in lines[lines.index(f"S{ruleset}") :] if line.startswith("R"))
    assert f"$>Local_{ruleset} " in first
    assert f"Local_{ruleset}" not in cf_of("")


def test_sections_of_networks_and_lists_stand_in_their_rulesets() -> None:
    text = cf_of("define(`FAX_RELAY', `fax.example.com')dnl\n", "LOCAL_UUCP\nRu\tv\nLOCAL_DNSBL\nRd\te\n")
    assert text.index("SParse1") < text.index("Ru\tv") < text.index("$>OtherNetwork")
    assert text.index("SBasic_check_relay") < text.index("Rd\te") < text.index("SCanonAddr")


def test_a_mailer_has_its_queue_group() -> None:
    names = "LOCAL_MAILER LOCAL_PROG SMTP_MAILER ESMTP_MAILER SMTP8_MAILER DSMTP_MAILER RELAY_MAILER PROCMAIL_MAILER"
    names += " CYRUSV2_MAILER"
    words = "".join(f"define(`{name}_QGRP', `of_{name}')dnl\n" for name in names.split())
    text = cf_of(words, "MAILER(`procmail')dnl\nMAILER(`cyrusv2')dnl\n")
    found = dict(re.findall(r"^M(\w+),(?:.*\n\t)*?Q=(\w+),", text, re.MULTILINE))
    words = {name.removesuffix("_MAILER").removeprefix("LOCAL_"): f"of_{name}" for name in names.split()}
    assert found == {name.lower(): group for name, group in words.items()}
    assert "Q=" not in cf_of("")


def test_names_of_a_certificate_are_asked_for_where_the_mc_says_so() -> None:
    asked = cf_of("FEATURE(`access_db')FEATURE(`check_cert_altnames')dnl\n")
    assert "$={cert_altnames}" in asked and lines_of(asked, "O SetCertAltnames") == ["O SetCertAltnames=true"]
    assert "cert_altnames" not in cf_of("FEATURE(`access_db')dnl\n")


def test_a_relay_for_decnet() -> None:
    text = cf_of("define(`DECNET_RELAY', `smtp:dec.example.com')dnl\n")
    assert "DCsmtp:dec.example.com" in text and "CPDECNET" in text and "< @ $1 .DECNET >" in text
    assert "DECNET" not in cf_of("")


def test_an_argument_that_is_dnl_takes_nothing_of_what_follows() -> None:
    """Red Hat's sendmail.mc has it; what comes after all calls is text of the .cf."""
    facts = facts_of(mc_of(f"{HEAD}FEATURE(`no_default_msa', `dnl')dnl\n{MAILERS}Cwlast.example.com\n"))
    assert [f.arguments for f in facts.named("FEATURE")][-1] == ("no_default_msa", "")
    assert [f.arguments for f in facts.named("MAILER")] == [("local",), ("smtp",)]
    assert facts.head == "Cwlast.example.com\n"


def test_a_name_that_the_library_does_not_read_either_is_no_mistake() -> None:
    assert "REBUILD" not in cf_of("define(`confAUTO_REBUILD')dnl\n")


def test_there_is_room_for_the_rulesets_of_a_site() -> None:
    """sendmail has room for 100 rulesets without a number; with all FEATUREs ours take no more than 65."""
    asked = "".join(f"FEATURE(`{name}'{NEEDS.get(name, '')})dnl\n" for name in FEATURES if name in _TOGETHER)
    relays = "".join(f"define(`{name}_RELAY', `x.example.com')dnl\n" for name in ("UUCP", "DECNET", "LUSER", "LOCAL"))
    text = cf_of(f"{asked}{relays}", "MAILER(`uucp')dnl\n")
    named = dict.fromkeys(re.findall(r"^S([A-Za-z_]\w*)$", text, re.MULTILINE))
    numbers = re.findall(r"^S\w+=(\d+)$", text, re.MULTILINE)
    assert len(named) <= 65 and len(numbers) > 40
    assert len(set(numbers)) == len(numbers)


_TOGETHER = {name for name, known in FEATURES.items() if known.state is SupportState.DONE} - {"msp", "nullclient"}


def test_rulesets_of_a_section_keep_their_names_and_numbers() -> None:
    rules = "LOCAL_RULESETS\nSAnswer\nRa\t$@ $>89 $1\nSMine=88\nRb\t$>Answer x\nS87\nRc\td\nSLocal_check_mail\nRe\tf\n"
    text = cf_of("FEATURE(`access_db')dnl\n", rules)
    assert rules.removeprefix("LOCAL_RULESETS\n") in text
    ours = text.partition("SAnswer\n")[0]
    assert "Sown_Answer=" in ours and "$>own_Answer <" in ours and "$>Answer" not in ours
    numbers = re.findall(r"^S\w+=(\d+)$", ours, re.MULTILINE)
    assert numbers and not {"87", "88", "89"} & set(numbers)


def test_all_mail_filters_are_asked() -> None:
    """As with sendmail's library, whose line is the same (8.17.1.9)."""
    text = cf_of("".join(f"INPUT_MAIL_FILTER(`{name}', `S=local:/run/{name}, F=T')dnl\n" for name in "xyz"))
    assert lines_of(text, "O InputMailFilters") == ["O InputMailFilters=x, y, z"]
    assert len(lines_of(text, "X")) == 3


@pytest.mark.parametrize(
    ("system", "more", "sender", "flags", "daemons"),
    [
        ("solaris2", "", "EnvFromL/HdrFromL", "fSmn9", ["Name=MTA"]),
        ("solaris8", "", "EnvFromSMTP/HdrFromL", "PSXmnz9", ["Name=MTA-v4, Family=inet", "Name=MTA-v6, Family=inet6"]),
        ("solaris11", "DAEMON_OPTIONS(`Name=X')dnl\n", "EnvFromSMTP/HdrFromL", "PSXmnz9", ["Name=X"]),
        ("solaris8", "FEATURE(`local_procmail')DAEMON_OPTIONS(`Name=X')\n", "EnvFromL/HdrFromL", "SPfhn9", ["Name=X"]),
    ],
)  # fmt: skip
def test_the_local_mailer_of_a_system(system: str, more: str, sender: str, flags: str, daemons: list[str]) -> None:
    """As the library's .cf has it."""
    head = f"OSTYPE(`{system}')dnl\nFEATURE(`no_default_msa')dnl\n{more}"
    text = own_cf(mc_of(head + MAILERS), Sink())
    assert text is not None
    mailer = decode(text).partition("\nMlocal,")[2].partition("\nM")[0]
    assert f"S={sender}" in mailer and f"F=lsDFMAw5:/|@q{flags}" in mailer
    assert mailer.count("X-Unix") == (sender == "EnvFromL/HdrFromL")
    assert lines_of(decode(text), "O DaemonPortOptions=") == [f"O DaemonPortOptions={each}" for each in daemons]
