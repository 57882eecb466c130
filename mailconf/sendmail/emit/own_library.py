"""A small library of m4 macros of our own: it writes down what a .mc asks for.

A .mc is expanded with it as with sendmail's (`mailconf.sendmail.mc.expansion`); what comes out is no .cf but a record
(`mailconf.sendmail.emit.facts`): the text of the diversion 0, the values of the names that the .mc can define, each
call of a macro with its arguments, and the text of the sections. A name of the library does what cf/README gives it,
except that FEATURE, MAILER and the others only record. The numbers of the diversions are those of the library, since a
.mc may write ``divert(6)``.
"""

from __future__ import annotations

from mailconf.files import Memory
from mailconf.sendmail.emit.conf_names import CONF_NAMES
from mailconf.sendmail.emit.support import SECTIONS, STATEMENTS, VALUES
from mailconf.sendmail.emit.systems import DOMAIN_TEXTS, OSTYPE_TEXTS
from mailconf.sendmail.mc.library import PLACES, START, Library
from mailconf.sendmail.mc.vocabulary import SWEEPING

FOLDER = "/mailconf-own-cf"
MARK, WORD, PART = "\x01", "\x02", "\x03"  # begin an entry, an argument, a part of the record
# An argument ends with a new line: one that is `dnl', as Red Hat's no_default_msa has it, takes that and no more.
_FACTS = 60  # the diversion in which the calls are written down
DIVERSIONS = {
    "LOCAL_NET_CONFIG": 1,
    "LOCAL_RULE_3": 2,
    "LOCAL_RULE_0": 3,
    "LOCAL_UUCP": 4,
    "LOCAL_CONFIG": 6,
    "MAILER_DEFINITIONS": 7,
    "LOCAL_DNSBL": 8,
}
_RULESETS = 9  # of all other sections, each after a line that begins its ruleset
_HEADS = {
    "LOCAL_RULE_1": "S1",
    "LOCAL_RULE_2": "S2",
    "LOCAL_TLS_CLIENT": "SLocal_tls_client",
    "LOCAL_TLS_SERVER": "SLocal_tls_server",
    "LOCAL_TLS_RCPT": "SLocal_tls_rcpt",
    "LOCAL_TRY_TLS": "SLocal_try_tls",
    "LOCAL_SRV_FEATURES": "SLocal_srv_features",
    "LOCAL_CLT_FEATURES": "SLocal_clt_features",
}

# The values that the library sets before the .mc is read (cf/README); those of the options come from CONF_NAMES.
DEFAULTS = {
    "MAIL_SETTINGS_DIR": "/etc/mail/",
    "DATABASE_MAP_TYPE": "hash",
    "ALIAS_FILE": "MAIL_SETTINGS_DIR`'aliases",
    "confCW_FILE": "MAIL_SETTINGS_DIR`'local-host-names",
    "confCR_FILE": "-o MAIL_SETTINGS_DIR`'relay-domains",
    "confMAILER_NAME": "MAILER-DAEMON",
    "confTIME_ZONE": "USE_SYSTEM",
    "confTO_QUEUERETURN": "5d",
    "confMILTER_MACROS_CONNECT": "j, _, {daemon_name}, {if_name}, {if_addr}",
    "confMILTER_MACROS_HELO": "{tls_version}, {cipher}, {cipher_bits}, {cert_subject}, {cert_issuer}",
    "confMILTER_MACROS_ENVFROM": "i, {auth_type}, {auth_authen}, {auth_ssf}, {auth_author}, {mail_mailer}, "
    "{mail_host}, {mail_addr}",
    "confMILTER_MACROS_ENVRCPT": "{rcpt_mailer}, {rcpt_host}, {rcpt_addr}",
    "confMILTER_MACROS_EOM": "{msg_id}",
}

_BASE = r"""divert(-1)
changecom
undefine(`format')
define(`PUSHDIVERT', `pushdef(`own_before_', divnum)divert($1)')
define(`POPDIVERT', `divert(own_before_)popdef(`own_before_')')
define(`own_words_', `@W@$1
`'ifelse(eval($# > 1), 1, `own_words_(shift($@))')')
define(`own_record_', `PUSHDIVERT(@F@)@M@`$1'ifelse(eval($# > 1), 1, `own_words_(shift($@))')`'POPDIVERT`'')
define(`CONCAT', `$1$2$3$4$5$6$7$8$9')
define(`DOL', ``$'$1')
define(`lower', `translit(`$1', `ABCDEFGHIJKLMNOPQRSTUVWXYZ', `abcdefghijklmnopqrstuvwxyz')')
define(`strcasecmp', `ifelse(lower($1), lower($2), `1', `0')')
define(`CF_LEVEL', `10')
changequote([, ])define([own_apostrophe_], ['])changequote([`], ['])
"""
# FEATUREs that set names at once, so that the .mc can change them afterwards; $1 is the FEATURE.
_FEATURES = {
    "local_procmail": "define(`LOCAL_MAILER_PATH', ifelse(`$2', `', `ifdef(`PROCMAIL_MAILER_PATH',"
    " `PROCMAIL_MAILER_PATH', `/usr/local/bin/procmail')', `$2'))"
    "define(`LOCAL_MAILER_ARGS', ifelse(`$3', `', ``procmail -a $h -d $u'', ``$3''))"
    "define(`LOCAL_MAILER_FLAGS', ifelse(`$4', `', `SPfhn9', ``$4''))"
    "define(`LOCAL_MAILER_DSN_DIAGNOSTIC_CODE', `X-Unix')",
    "local_lmtp": "define(`LOCAL_MAILER_PATH', ifelse(`$2', `', `ifdef(`confEBINDIR',"
    " `confEBINDIR', `/usr/libexec')`'/mail.local', `$2'))"
    "define(`LOCAL_MAILER_ARGS', ifelse(`$3', `', ``mail.local -l'', ``$3''))"
    "define(`LOCAL_MAILER_FLAGS', `PSXmnz9')define(`LOCAL_MAILER_DSN_DIAGNOSTIC_CODE', `SMTP')",
    "msp": "undefine(`ALIAS_FILE')define(`confFORWARD_PATH', `')define(`confDELIVERY_MODE', `i')"
    "define(`confUSE_MSP', `True')define(`confDONT_PROBE_INTERFACES', `True')"
    "define(`confPRIVACY_FLAGS', `goaway,noetrn,restrictqrun')"
    "define(`confQUEUE_FILE_MODE', `0660')ifdef(`MSP_QUEUE_DIR',, `define(`MSP_QUEUE_DIR', `/var/spool/clientmqueue')')"
    "define(`QUEUE_DIR', `MSP_QUEUE_DIR')define(`MAIL_HUB', ifelse(`$2', `', `[localhost]', `$2'))"
    "ifdef(`STATUS_FILE',, `define(`STATUS_FILE', `/var/spool/clientmqueue/sm-client.st')')"
    "ifdef(`confPID_FILE',, `define(`confPID_FILE', `/var/spool/clientmqueue/sm-client.pid')')"
    "ifdef(`confRUN_AS_USER',, `define(`confRUN_AS_USER', `smmsp')')"
    "ifdef(`confTRUSTED_USER',, `define(`confTRUSTED_USER', `smmsp')')",
    "nullclient": "undefine(`ALIAS_FILE')define(`confFORWARD_PATH', `')"
    "define(`confFROM_HEADER', `<$g>')define(`SMART_HOST', `$2')define(`MAIL_HUB', `$2')"
    "ifdef(`own_masquerade_',, `MASQUERADE_AS(`$2')')",
    "smrsh": "define(`LOCAL_SHELL_PATH', ifelse(`$2', `', `ifdef(`confEBINDIR',"
    " `confEBINDIR', `/usr/libexec')`'/smrsh', `$2'))define(`LOCAL_SHELL_ARGS', `smrsh -c $u')",
}
_AFTER = r"""define(`MASQUERADE_AS', `own_record_(`MASQUERADE_AS', $@)define(`own_masquerade_')')
define(`FEATURE', `own_record_(`FEATURE', $@)ifdef(`own_feature_$1_', `own_feature_$1_($@)')`'')
define(`OSTYPE', `own_record_(`OSTYPE', `$1')ifdef(`own_ostype_$1_', `indir(`own_ostype_$1_')')`'')
define(`DOMAIN', `own_record_(`DOMAIN', `$1')ifdef(`own_domain_$1_', `indir(`own_domain_$1_')')`'')
define(`INPUT_MAIL_FILTER', `own_record_(`INPUT_MAIL_FILTER', $@)'dnl
`define(`confINPUT_MAIL_FILTERS', ifdef(`confINPUT_MAIL_FILTERS', `defn(`confINPUT_MAIL_FILTERS')`, '')`$1')')
define(`VERSIONID', ``#####  $1  #####'')
m4wrap(`include(`@FOLDER@/m4/finish.m4')')
divert(0)dnl
"""


def own_library() -> Library:
    """The library, which stands for any that a .mc includes."""
    files = {f"{FOLDER}/{START}": _start(), f"{FOLDER}/m4/finish.m4": _finish()}
    for part in ("domain", "feature", "hack", "mailer", "ostype", "sh", "siteconfig"):
        files[f"{FOLDER}/{part}/"] = ""
    return Library(FOLDER, dict.fromkeys(PLACES, FOLDER), given=True, tree=Memory(files))


def _start() -> str:
    lines = [_filled(_BASE)]
    values = {conf: default for conf, _, default in CONF_NAMES if default is not None}
    lines += [f"define(`{name}', `{value}')\n" for name, value in {**values, **DEFAULTS}.items()]
    for name in STATEMENTS:
        sweeps = "dnl`'" if name in SWEEPING else ""
        lines.append(f"define(`{name}', `ifelse(`$#', `0', ``{name}'', `own_record_(`{name}', $@){sweeps}')')\n")
    for name in SECTIONS:
        number = DIVERSIONS.get(name, _RULESETS)
        head = f"{_HEADS[name]}\n" if name in _HEADS else ""
        lines.append(f"define(`{name}', `own_record_(`{name}')divert({number}){head}dnl')\n")
    lines += [f"define(`own_ostype_{name}_', `{text}')\n" for name, text in OSTYPE_TEXTS.items()]
    lines += [f"define(`own_domain_{name}_', `{text}')\n" for name, text in DOMAIN_TEXTS.items()]
    lines += [f"define(`own_feature_{name}_', `{text}')\n" for name, text in _FEATURES.items()]
    lines.append(_filled(_AFTER))
    return "".join(lines)


def _filled(text: str) -> str:
    for name, value in (("@F@", str(_FACTS)), ("@M@", MARK), ("@W@", WORD), ("@FOLDER@", FOLDER)):
        text = text.replace(name, value)
    return text


def _finish() -> str:
    """The end: everything that was collected, in parts."""
    lines = [f"divert(0)dnl\n{PART}values"]
    names = dict.fromkeys([*VALUES, *(conf for conf, _, _ in CONF_NAMES)])
    # The name in quotes is the name itself; the second one is expanded.
    lines += [f"ifdef(`{name}', `{MARK}`{name}'{WORD}{name}`'')dnl\n" for name in names]
    text = "".join(lines[1:])
    diversions = sorted({*DIVERSIONS.values(), _RULESETS})
    sections = "".join(f"{PART}{number}{MARK}undivert({number})dnl\n" for number in diversions)
    return f"{lines[0]}dnl\n{text}{PART}facts`'undivert({_FACTS})dnl\n{sections}"
