"""The .mc files that the live tests of sendmail's library share: the library's own and generated ones."""

from __future__ import annotations

import re
from pathlib import Path

from mailconf.sendmail.mc.library import Library
from tests.live.map_tools import SENDMAIL_ROOT

FOLDER = SENDMAIL_ROOT / "usr/share/sendmail/cf"
LIBRARY = Library(str(FOLDER), {"/usr/share/sendmail/cf": str(FOLDER)})

# What a feature needs before it, and with which arguments it is asked for.
NEEDS_ACCESS = (
    "blocklist_recipients", "blacklist_recipients", "check_other", "compat_check", "conncontrol", "greet_pause",
    "lookupdotdomain", "queuegroup", "ratecontrol", "relay_mail_from",
)  # fmt: skip
ARGUMENTS = {
    "access_db": "`hash -o -T<TMPF> /etc/mail/my-access', `skip', `relaytofulladdress'",
    "always_add_domain": "`example.org'",
    "authinfo": "`hash -o /etc/mail/auth/authinfo'",
    "bcc": "`hash /etc/mail/bcc', `relay.example.org', `archive@example.org'",
    "bestmx_is_local": "`example.org example.net'",
    "conncontrol": "`', `terminate'",
    "delay_checks": "`friend', `n'",
    "dnsbl": '`dnsbl.example.org\', `"550 " $&{client_addr} " refused"\', `t\'',
    "domainmap": "`example.org', `hash -o /etc/mail/example-users'",
    "domaintable": "`btree MAIL_SETTINGS_DIR`'domains'",
    "drac": "`btree /etc/mail/drac'",
    "enhdnsbl": "`enh.example.org', `', `t', `127.0.0.2.'",
    "genericstable": "`dbm /etc/mail/generics'",
    "greet_pause": "`5000'",
    "ldap_routing": "`ldap -1 -v mailHost -k mail=%0', `', `passthru', `preserve'",
    "local_lmtp": "`/usr/lib/mail.local', `mail.local -l -7'",
    "local_procmail": "`/usr/bin/procmail', `procmail -t -a $h -d $u', `SPfhn9'",
    "mailertable": "`hash -o /etc/mail/mailertable'",
    "msp": "`[127.0.0.1]', `MSA'",
    "nocanonify": "`canonify_hosts'",
    "nopercenthack": "`reject'",
    "nouucp": "`reject'",
    "nullclient": "`hub.example.org'",
    "prefixmod": "`+', `a'",
    "queuegroup": "`main'",
    "ratecontrol": "`', `terminate'",
    "relay_mail_from": "`domain'",
    "rhsbl": "`rhs.example.org'",
    "smrsh": "`/usr/lib/sm.bin/smrsh'",
    "virtusertable": "`hash -o /etc/mail/virtuser'",
    "vnet": "`'",
}
HACK_ARGUMENTS = {"dnsblaccess": "`bl.example.org'", "msp_nullclient": "`hub.example.org'", "xconnect": "`'"}
HEAD = "divert(-1)\n#\n# every one of them: it's a test\n#\ndivert(0)dnl\nVERSIONID(`test')\nOSTYPE(`linux')dnl\n"

COMMON = (
    HEAD
    + """\
DOMAIN(`generic')dnl
define(`DATABASE_MAP_TYPE', `btree')dnl
define(`confCW_FILE', `-o MAIL_SETTINGS_DIR`'names')dnl
define(`confCT_FILE', `-o MAIL_SETTINGS_DIR`'trusted')dnl
define(`confCR_FILE', `/etc/mail/relays')dnl
define(`confTO_QUEUEWARN', `8h')define(`confMAX_MESSAGE_SIZE', eval(10 * 1024 * 1024))dnl
define(`confPRIVACY_FLAGS',dnl
`goaway,restrictqrun')dnl
define(`confDOMAIN_NAME', `mail.example.org')dnl
define(`ALIAS_FILE', `/etc/aliases,dbm:/etc/mail/lists')dnl
define(`confUSERDB_SPEC', `MAIL_SETTINGS_DIR`'userdb.db')dnl
define(`SMART_HOST', `esmtp:[relay.example.org]')dnl
define(`MAIL_HUB', `hub.example.org.')dnl
define(`LOCAL_RELAY', `inner.example.org')dnl
define(`LUSER_RELAY', `error:5.1.1:"550 User unknown"')dnl
define(`UUCP_RELAY', `uucp.example.org')dnl
undefine(`confCON_EXPENSIVE')
FEATURE(`use_cw_file')dnl
FEATURE(use_ct_file)dnl
FEATURE(`access_db', `', `skip')dnl
FEATURE(`virtusertable')dnl
FEATURE(`genericstable', `hash -o /etc/mail/generics')dnl
FEATURE(`mailertable', `dbm MAIL_SETTINGS_DIR`'mailertable')dnl
FEATURE(`domaintable')dnl
FEATURE(`masquerade_envelope')dnl
FEATURE(`redirect')
MASQUERADE_AS(`example.org')dnl
MASQUERADE_DOMAIN(`example.net example.com')dropped
MASQUERADE_DOMAIN_FILE(`/etc/mail/masquerade')
MASQUERADE_EXCEPTION(`odd.example.org')
EXPOSED_USER(`root')
EXPOSED_USER_FILE(`/etc/mail/exposed')
LOCAL_USER(`operator')
LOCAL_DOMAIN(`example.info')
RELAY_DOMAIN(`192.0.2 friends.example.org')
RELAY_DOMAIN_FILE(`-o /etc/mail/more-relays')
VIRTUSER_DOMAIN(`virtual.example.org')
VIRTUSER_DOMAIN_FILE(`/etc/mail/virtual-domains')
GENERICS_DOMAIN(`generic.example.org')
GENERICS_DOMAIN_FILE(`/etc/mail/generics-domains')
CANONIFY_DOMAIN(`canon.example.org')
TRUST_AUTH_MECH(`PLAIN LOGIN')
DAEMON_OPTIONS(`Name=MTA, Port=smtp, Addr=192.0.2.1')dnl
DAEMON_OPTIONS(`Name=MSA, Port=587, M=Ea')dnl
CLIENT_OPTIONS(`Family=inet, Address=192.0.2.1')dnl
INPUT_MAIL_FILTER(`dkim', `S=local:/run/dkim.sock, F=T')dnl
INPUT_MAIL_FILTER(`spam', `S=inet:7357@localhost')dnl
MAIL_FILTER(`spare', `S=local:/run/spare.sock')dnl
QUEUE_GROUP(`main', `P=/var/spool/mqueue, R=5')dnl
MODIFY_MAILER_FLAGS(`LOCAL', `+W')dnl
ifdef(`SMART_HOST', `define(`confTO_ICONNECT', `10s')dnl
define(`confTO_IDENT', `0')', `define(`confTO_IDENT', `5s')')dnl
ifelse(eval(1 + 1), `2', `FEATURE(`relay_entire_domain')', `FEATURE(`relay_hosts_only')')dnl
MAILER(`local')dnl
MAILER(`smtp')
LOCAL_CONFIG
# a table of one's own; it's "text"
Kmine hash -o /etc/mail/mine
C{Mine}one two
LOCAL_RULE_0
R$* < @ mine.example.org. > $*	$#local $: $1
LOCAL_NET_CONFIG
R$* < @ $* .$m. > $*	$#esmtp $@ $2.$m $: $1 < @ $2.$m. > $3
LOCAL_RULESETS
SLocal_check_mail
R$* (include) $*	$: $1 don`'t $2
"""
)


def library_files() -> list[Path]:
    return [*sorted(FOLDER.glob("cf/*.mc")), *sorted(FOLDER.glob("debian/*.mc"))]


def generated() -> dict[str, str]:
    """By name: one with much in it, and one for every FEATURE (with and without arguments), HACK, MAILER and so on."""
    texts = {"common": COMMON}
    for feature in LIBRARY.available("feature"):
        before = "FEATURE(`access_db')dnl\n" if feature in NEEDS_ACCESS else ""
        if feature == "preserve_luser_host":
            before = "define(`LUSER_RELAY', `local:nobody')dnl\n"
        mailers = "" if feature in ("msp", "nullclient") else "MAILER(`local')dnl\nMAILER(`smtp')dnl\n"
        for name, arguments in (("", ""), ("-arguments", ARGUMENTS.get(feature))):
            if arguments is not None:
                call = f"FEATURE(`{feature}'{', ' if arguments else ''}{arguments})dnl\n"
                texts[f"feature-{feature}{name}"] = HEAD + before + call + mailers
    for hack in LIBRARY.available("hack"):
        arguments = HACK_ARGUMENTS.get(hack)
        call = f"HACK(`{hack}'{', ' + arguments if arguments else ''})dnl\n"
        mailers = "" if hack == "msp_nullclient" else "MAILER(`local')dnl\nMAILER(`smtp')dnl\n"
        texts[f"hack-{hack}"] = HEAD + "FEATURE(`access_db')dnl\n" + call + mailers
    for mailer in LIBRARY.available("mailer"):
        first = "MAILER(`smtp')dnl\n" if mailer in ("uucp",) else ""
        texts[f"mailer-{mailer}"] = HEAD + first + f"MAILER(`{mailer}')dnl\n"
    for domain in LIBRARY.available("domain"):
        texts[f"domain-{domain}"] = f"VERSIONID(`test')\nOSTYPE(`linux')\nDOMAIN(`{domain}')dnl\nMAILER(`local')dnl\n"
    for ostype in LIBRARY.available("ostype"):
        texts[f"ostype-{ostype}"] = f"OSTYPE(`{ostype}')\nMAILER(`local')dnl\nMAILER(`smtp')dnl\n"
    return texts


def same_but_for_the_header(data: bytes) -> bytes:
    return re.sub(rb"^(##### (?:built by|in|using) ).*$", rb"\1", data, flags=re.MULTILINE)
