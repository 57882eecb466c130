"""A small library of sendmail macros of our own wording, for tests that must not need the real one."""

from __future__ import annotations

from pathlib import Path

from mailconf.sendmail.mc.library import Library

START = """\
divert(-1)
changecom()undefine(`format')
define(`PUSHDIVERT', `pushdef(`_D_', divnum)divert($1)')
define(`POPDIVERT', `divert(_D_)popdef(`_D_')')
define(`MAIL_SETTINGS_DIR', `/etc/mail/')
define(`DATABASE_MAP_TYPE', `hash')
define(`ALIAS_FILE', `MAIL_SETTINGS_DIR`'aliases')
define(`confLOG_LEVEL', `9')
define(`confCW_FILE', `MAIL_SETTINGS_DIR`'local-host-names')
define(`_FOLDER_', substr(__file__, 0, eval(len(__file__) - 8)))
define(`VERSIONID', `#  $1')
define(`OSTYPE', `PUSHDIVERT(-1)define(`_OS_', `$1')include(_FOLDER_`'ostype/$1.m4)POPDIVERT`'')
define(`DOMAIN', `PUSHDIVERT(-1)include(_FOLDER_`'domain/$1.m4)POPDIVERT`'')
define(`FEATURE', `PUSHDIVERT(-1)ifdef(`_MAILERS_', `errprint(`*** ERROR: FEATURE() should be before MAILER()
')')define(`_ARG_', `$2')include(_FOLDER_`'feature/$1.m4)POPDIVERT`'')
define(`HACK', `PUSHDIVERT(-1)include(_FOLDER_`'hack/$1.m4)POPDIVERT`'')
define(`MAILER', `define(`_MAILERS_')PUSHDIVERT(7)include(_FOLDER_`'mailer/$1.m4)POPDIVERT`'')
define(`LOCAL_CONFIG', `divert(6)')
define(`LOCAL_RULE_0', `divert(3)')
define(`LOCAL_RULESETS', `divert(9)')
define(`MAILER_DEFINITIONS', `divert(7)')
define(`MASQUERADE_AS', `define(`MASQUERADE_NAME', $1)')
define(`LOCAL_DOMAIN', `PUSHDIVERT(5)C{w}$1
POPDIVERT`'dnl`'')
define(`RELAY_DOMAIN', `PUSHDIVERT(5)C{R}$1
POPDIVERT`'dnl`'')
define(`VIRTUSER_DOMAIN', `PUSHDIVERT(5)C{VirtHost}$1
POPDIVERT`'dnl`'')
define(`_DAEMONS_', `')
define(`DAEMON_OPTIONS', `define(`_DAEMONS_', defn(`_DAEMONS_')
O DaemonPortOptions=`$1')')
define(`CLIENT_OPTIONS', `PUSHDIVERT(5)O ClientPortOptions=$1
POPDIVERT`'dnl`'')
define(`EXPOSED_USER', `PUSHDIVERT(5)C{E}$1
POPDIVERT`'dnl`'')
define(`_FILTERS_', `')
define(`INPUT_MAIL_FILTER', `define(`_FILTERS_', defn(`_FILTERS_')
X`'$1`, '`$2')define(`confINPUT_MAIL_FILTERS', $1)')
m4wrap(`include(_FOLDER_`m4/end.m4')')
divert(0)dnl
"""
END = """\
divert(-1)
define(`_SET', `ifdef(`$2', `O $1=$2', `#O $1')')
divert(0)dnl
V10/Berkeley
Cwlocalhost
ifdef(`_USE_CW_', `Fw`'confCW_FILE', `dnl')
ifdef(`confDOMAIN_NAME', `Dj`'confDOMAIN_NAME', `dnl')
DS`'ifdef(`SMART_HOST', `SMART_HOST')
ifdef(`MASQUERADE_NAME', `DM`'MASQUERADE_NAME', `dnl')
undivert(5)dnl
CR$={VirtHost}
undivert(6)dnl
_SET(LogLevel, `confLOG_LEVEL')
_SET(MaxMessageSize, `confMAX_MESSAGE_SIZE')
_SET(AliasFile, `ALIAS_FILE')
_SET(Timeout.queuereturn, `confTO_QUEUERETURN')
_SET(InputMailFilters, `confINPUT_MAIL_FILTERS')
_DAEMONS_
ifdef(`_NO_MSA_', `dnl', `O DaemonPortOptions=Port=587, Name=MSA, M=E')
_FILTERS_
S0
undivert(3)dnl
undivert(7)dnl
undivert(9)dnl
"""
MAILER = """\
M$NAME, P=ifdef(`LOCAL_MAILER_PATH', LOCAL_MAILER_PATH, `[IPC]'), F=mDFMuX,
\tT=DNS/RFC822/SMTP,
\tA=TCP $h
"""
FILES = {
    "m4/cf.m4": START,
    "m4/end.m4": END,
    "ostype/linux.m4": "define(`confTO_QUEUERETURN', `3d')\n",
    "ostype/box.m4": "define(`confTO_QUEUERETURN', `3d')\n",
    "domain/home.m4": "define(`confDOMAIN_NAME', `home.example.org')FEATURE(`use_cw_file')\n",
    "feature/use_cw_file.m4": "define(`_USE_CW_')\n",
    "feature/access_db.m4": """\
LOCAL_CONFIG
Kaccess ifelse(_ARG_, `', DATABASE_MAP_TYPE -T<TMPF> MAIL_SETTINGS_DIR`access', `_ARG_')
""",
    "feature/virtusertable.m4": """\
LOCAL_CONFIG
Kvirtuser ifelse(_ARG_, `', DATABASE_MAP_TYPE MAIL_SETTINGS_DIR`virtusertable', `_ARG_')
""",
    "feature/own_size.m4": "define(`confMAX_MESSAGE_SIZE', 7)\n",
    "feature/masquerade_envelope.m4": "define(`_ENVELOPE_', 1)\n",
    "feature/no_default_msa.m4": "define(`_NO_MSA_', 1)\n",
    "feature/notsticky.m4": "# nothing\n",
    "hack/trick.m4": "# nothing\n",
    "mailer/local.m4": MAILER.replace("$NAME", "local"),
    "mailer/smtp.m4": MAILER.replace("$NAME", "esmtp"),
}


def library(folder: Path) -> Library:
    """The library, written below ``folder``."""
    for name, text in FILES.items():
        path = folder / "cf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Library(str(folder / "cf"), {"/usr/share/sendmail/cf": str(folder / "cf")})
