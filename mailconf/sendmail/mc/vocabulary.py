"""The names that a .mc may use before it defines any: m4's own and those of sendmail's library (cf/README).

They are needed where no library is installed, and to read a .mc without expanding it. A name that the library defines
and that is not here counts as text; the names that begin with an underscore are the library's own business.
"""

from __future__ import annotations

import mailconf.m4.builtins  # noqa: F401 - fills the table
from mailconf.m4.macros import BUILTINS

# m4's macros; those in BLIND are recognized only with a parenthesis after them. cf.m4 undefines format.
M4 = frozenset(name.decode() for name in BUILTINS) - {"format"}
BLIND = frozenset(name.decode() for name, builtin in BUILTINS.items() if builtin.blind)

# Their expansion ends with a dnl: what follows the call on its line is dropped, the newline too.
SWEEPING = frozenset(
    [
        *(f"{name}{file}" for file in ("", "_FILE") for name in (
            "CANONIFY_DOMAIN", "EXPOSED_USER", "GENERICS_DOMAIN", "LDAPROUTE_DOMAIN", "LDAPROUTE_EQUIVALENT",
            "LOCAL_USER", "MASQUERADE_DOMAIN", "MASQUERADE_EXCEPTION", "RELAY_DOMAIN", "VIRTUSER_DOMAIN",
        )),
        "LOCAL_DOMAIN",
        "TRUST_AUTH_MECH",
    ]
)  # fmt: skip

# What follows them, up to the next of them or a divert, is text of the .cf.
SECTIONS = frozenset(
    [
        "LOCAL_CLT_FEATURES",
        "LOCAL_CONFIG",
        "LOCAL_DNSBL",
        "LOCAL_NET_CONFIG",
        "LOCAL_RULESETS",
        "LOCAL_RULE_0",
        "LOCAL_RULE_1",
        "LOCAL_RULE_2",
        "LOCAL_RULE_3",
        "LOCAL_SRV_FEATURES",
        "LOCAL_TLS_CLIENT",
        "LOCAL_TLS_RCPT",
        "LOCAL_TLS_SERVER",
        "LOCAL_TRY_TLS",
        "LOCAL_UUCP",
        "MAILER_DEFINITIONS",
    ]
)

# They take arguments.
STATEMENTS = SWEEPING | frozenset(
    [
        "CLIENT_OPTIONS",
        "DAEMON_OPTIONS",
        "DOMAIN",
        "FEATURE",
        "HACK",
        "INPUT_MAIL_FILTER",
        "MAILER",
        "MAIL_FILTER",
        "MASQUERADE_AS",
        "MODIFY_MAILER_FLAGS",
        "OSTYPE",
        "QUEUE_GROUP",
        "SITE",
        "SITECONFIG",
        "UUCPSMTP",
        "VERSIONID",
        "CONCAT",
        "DOL",
        "PUSHDIVERT",
    ]
)

# Values that the library sets before the .mc is read. OSTYPE, DOMAIN and FEATURE set others.
VALUES = frozenset(
    [
        "ALIAS_FILE",
        "CF_LEVEL",
        "DATABASE_MAP_TYPE",
        "MAIL_SETTINGS_DIR",
        "POPDIVERT",
        "TEMPFILE",
        "confALIAS_WAIT",
        "confBLANK_SUB",
        "confCHECK_ALIASES",
        "confCON_EXPENSIVE",
        "confCR_FILE",
        "confCW_FILE",
        "confDELIVERY_MODE",
        "confFORWARD_PATH",
        "confFROM_LINE",
        "confLOG_LEVEL",
        "confMAILER_NAME",
        "confMCI_CACHE_SIZE",
        "confMCI_CACHE_TIMEOUT",
        "confMILTER_MACROS_CONNECT",
        "confMILTER_MACROS_ENVFROM",
        "confMILTER_MACROS_ENVRCPT",
        "confMILTER_MACROS_EOM",
        "confMILTER_MACROS_HELO",
        "confMIME_FORMAT_ERRORS",
        "confMIN_FREE_BLOCKS",
        "confOLD_STYLE_HEADERS",
        "confOPERATORS",
        "confPRIVACY_FLAGS",
        "confRECEIVED_HEADER",
        "confSAFE_QUEUE",
        "confSEVEN_BIT_INPUT",
        "confSMTP_LOGIN_MSG",
        "confTEMP_FILE_MODE",
        "confTIME_ZONE",
        "confTO_QUEUERETURN",
        "confTO_QUEUEWARN",
        "confUSE_ERRORS_TO",
        "lower",
        "strcasecmp",
    ]
)

VOCABULARY = M4 | SECTIONS | STATEMENTS | VALUES
