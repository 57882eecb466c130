"""Which names of a .mc our own sendmail.cf has: the source of docs/sendmail-features.md.

What is not here, or is `LACKING`, is an error of the build (SM050 to SM054); nothing is left out in silence.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class SupportState(Enum):
    """What becomes of a name."""

    DONE = "done"
    LACKING = "lacking"


class Support(NamedTuple):
    """state  whether it works
    note   what it is for, or why it is lacking
    """

    state: SupportState
    note: str = ""


def _done(words: str) -> dict[str, Support]:
    return {word: Support(SupportState.DONE) for word in words.split()}


def _lacking(**notes: str) -> dict[str, Support]:
    return {name: Support(SupportState.LACKING, note) for name, note in notes.items()}


FEATURES: dict[str, Support] = {
    **_done(
        "accept_unqualified_senders accept_unresolvable_domains access_db allmasquerade always_add_domain authinfo"
        " badmx bestmx_is_local bitdomain block_bad_helo check_cert_altnames check_other"
        " tls_session_features uucpdomain notsticky"
        " enhdnsbl lookupdotdomain queuegroup relay_based_on_MX require_rdns"
        " blacklist_recipients blocklist_recipients compat_check conncontrol delay_checks dnsbl domaintable"
        " generics_entire_domain genericstable greet_pause limited_masquerade local_lmtp local_no_masquerade"
        " local_procmail loose_relay_check mailertable masquerade_entire_domain masquerade_envelope msp no_default_msa"
        " nocanonify nopercenthack nouucp nullclient preserve_local_plus_detail preserve_luser_host promiscuous_relay"
        " ratecontrol redirect relay_entire_domain relay_hosts_only relay_local_from relay_mail_from smrsh stickyhost"
        " use_client_ptr use_ct_file use_cw_file virtuser_entire_domain virtusertable"
    ),
    **_lacking(
        bcc="writes an option that sendmail 8.17 of Debian does not know",
        domainmap="an addition of Debian's that is not written",
        drac="an addition of Debian's that is not written",
        ldap_routing="needs maps of type ldap, which are not supported",
        mtamark="an experiment that has ended",
        prefixmod="of an early sendmail 8.12, without a description in cf/README",
        rhsbl="an addition of Debian's: it asks for the sender's domain when a client connects, before there is one",
        sts="an experiment of sendmail 8.17: it needs a server for a map of type socket",
        tls_failures="an error in the library of 8.17 as well",
        vnet="an addition of Debian's that is not written",
    ),
}  # fmt: skip
MAILERS: dict[str, Support] = {
    **_done("cyrusv2 local procmail smtp uucp"),
    **_lacking(
        cyrus="superseded by cyrusv2",
        fax="extinct",
        mail11="extinct",
        phquery="extinct",
        pop="extinct",
        qpage="extinct",
        ssh="an addition of Debian's that is not written",
        usenet="extinct",
        xagent="an addition of Debian's that is not written",
    ),
}
OSTYPES: dict[str, Support] = _done(
    "bsd4.4 debian freebsd4 freebsd5 freebsd6 linux openbsd solaris2 solaris8 solaris11"
)
DOMAINS: dict[str, Support] = _done("debian-msp debian-mta generic")
# Macros that are called with arguments.
STATEMENTS: dict[str, Support] = {
    **_done(
        "CANONIFY_DOMAIN CANONIFY_DOMAIN_FILE CLIENT_OPTIONS DAEMON_OPTIONS DOMAIN EXPOSED_USER EXPOSED_USER_FILE"
        " FEATURE GENERICS_DOMAIN GENERICS_DOMAIN_FILE INPUT_MAIL_FILTER LOCAL_DOMAIN LOCAL_USER LOCAL_USER_FILE MAILER"
        " MAIL_FILTER MASQUERADE_AS MASQUERADE_DOMAIN MASQUERADE_DOMAIN_FILE MASQUERADE_EXCEPTION"
        " MASQUERADE_EXCEPTION_FILE MODIFY_MAILER_FLAGS OSTYPE QUEUE_GROUP RELAY_DOMAIN RELAY_DOMAIN_FILE"
        " SITE TRUST_AUTH_MECH VERSIONID VIRTUSER_DOMAIN VIRTUSER_DOMAIN_FILE"
    ),
    **_lacking(
        HACK="a file of the site's own, with rules for the library's diversions",
        LDAPROUTE_DOMAIN="needs maps of type ldap, which are not supported",
        LDAPROUTE_DOMAIN_FILE="needs maps of type ldap, which are not supported",
        LDAPROUTE_EQUIVALENT="needs maps of type ldap, which are not supported",
        LDAPROUTE_EQUIVALENT_FILE="needs maps of type ldap, which are not supported",
        SITECONFIG="reads a file of the library that lists the neighbours of a machine",
        UUCPSMTP="no form of address was seen to be decided by it: name the machine in a mailertable",
    ),
}
# Names that a .mc defines, beside the confXXX of `mailconf.sendmail.emit.conf_names`.
VALUES: dict[str, Support] = {
    **_done(
        "ALIAS_FILE BITNET_RELAY DECNET_RELAY"
        " CYRUSV2_MAILER_ARGS CYRUSV2_MAILER_FLAGS CYRUSV2_MAILER_MAXMSGS DATABASE_MAP_TYPE"
        " ESMTP_MAILER_ARGS FAX_RELAY HELP_FILE LOCAL_MAILER_ARGS LOCAL_MAILER_CHARSET"
        " LOCAL_MAILER_DSN_DIAGNOSTIC_CODE LOCAL_MAILER_FLAGS LOCAL_MAILER_MAX LOCAL_MAILER_MAXMSGS LOCAL_MAILER_PATH"
        " LOCAL_RELAY LOCAL_SHELL_ARGS LOCAL_SHELL_DIR LOCAL_SHELL_FLAGS LOCAL_SHELL_PATH LUSER_RELAY"
        " MAIL_HUB MAIL_SETTINGS_DIR MSP_QUEUE_DIR PROCMAIL_MAILER_ARGS PROCMAIL_MAILER_FLAGS PROCMAIL_MAILER_MAX"
        " PROCMAIL_MAILER_PATH QUEUE_DIR RELAY_MAILER_ARGS RELAY_MAILER_FLAGS RELAY_MAILER_MAXMSGS SMART_HOST"
        " SMTP8_MAILER_ARGS DSMTP_MAILER_ARGS SMTP_MAILER_ARGS SMTP_MAILER_CHARSET SMTP_MAILER_FLAGS SMTP_MAILER_MAX"
        " SMTP_MAILER_MAXMSGS SMTP_MAILER_MAXRCPTS STATUS_FILE confCF_VERSION confCR_FILE confCT_FILE confCW_FILE"
        " confDEQUOTE_OPTS confDOMAIN_NAME confFROM_HEADER confINPUT_MAIL_FILTERS confLOCAL_MAILER confMAILER_NAME"
        " confMESSAGEID_HEADER confMILTER_LOG_LEVEL confMILTER_MACROS_CONNECT confMILTER_MACROS_DATA"
        " confMILTER_MACROS_ENVFROM confMILTER_MACROS_ENVRCPT confMILTER_MACROS_EOH confMILTER_MACROS_EOM"
        " confMILTER_MACROS_HELO confRCPTREJ_MSG confRECEIVED_HEADER confREJECT_MSG confRELAY_MAILER confRELAY_MSG"
        " confSMTP_MAILER confTRUSTED_USERS confEBINDIR confUUCP_MAILER UUCP_RELAY UUCP_MAILER_ARGS UUCP_MAILER_CHARSET"
        " UUCP_MAILER_FLAGS UUCP_MAILER_MAX UUCP_MAILER_PATH LOCAL_MAILER_QGRP LOCAL_PROG_QGRP SMTP_MAILER_QGRP"
        " ESMTP_MAILER_QGRP SMTP8_MAILER_QGRP DSMTP_MAILER_QGRP RELAY_MAILER_QGRP PROCMAIL_MAILER_QGRP"
        " CYRUSV2_MAILER_QGRP UUCP_MAILER_QGRP"
    ),
    # Options of earlier sendmails, which the library of 8.17 does not read either.
    "confAUTO_REBUILD": Support(SupportState.DONE, "without effect, as with the library of 8.17"),
    "confUNSAFE_GROUP_WRITES": Support(SupportState.DONE, "without effect, as with the library of 8.17"),
    **_lacking(
        confLDAP_CLUSTER="needs maps of type ldap, which are not supported",
    ),
}
# What follows them is text of the .cf.
SECTIONS: dict[str, Support] = {
    **_done(
        "LOCAL_CLT_FEATURES LOCAL_CONFIG LOCAL_DNSBL LOCAL_NET_CONFIG LOCAL_RULESETS LOCAL_RULE_0 LOCAL_RULE_1"
        " LOCAL_RULE_2 LOCAL_RULE_3 LOCAL_SRV_FEATURES LOCAL_TLS_CLIENT LOCAL_TLS_RCPT LOCAL_TLS_SERVER LOCAL_TRY_TLS"
        " LOCAL_UUCP MAILER_DEFINITIONS"
    ),
}
