"""What OSTYPE and DOMAIN set: values that a sendmail.cf of the library has with them (sendmail 8.17.1.9, Debian 12).

Each is text for m4, carried out where the .mc calls OSTYPE or DOMAIN, so that what follows it can change the values.
"""

from __future__ import annotations


def _set(**values: str) -> str:
    return "".join(f"define(`{name}', `{value}')" for name, value in values.items())


def _unless_set(**values: str) -> str:
    return "".join(f"ifdef(`{name}',, `define(`{name}', `{value}')')" for name, value in values.items())


_BSD = _unless_set(STATUS_FILE="/var/log/sendmail.st", LOCAL_MAILER_PATH="/usr/libexec/mail.local")
_FREEBSD = _BSD + _unless_set(LOCAL_MAILER_ARGS="mail $u") + "MODIFY_MAILER_FLAGS(`LOCAL', `+S')"
_SOLARIS = (
    _unless_set(
        LOCAL_MAILER_PATH="/usr/lib/mail.local",
        LOCAL_MAILER_FLAGS="PSXmnz9",
        LOCAL_MAILER_ARGS="mail.local -l",
        LOCAL_MAILER_DSN_DIAGNOSTIC_CODE="SMTP",
        confEBINDIR="/usr/lib",
    )
    + "FEATURE(`local_lmtp', defn(`LOCAL_MAILER_PATH'))"
)
_SOLARIS_2 = _unless_set(
    LOCAL_MAILER_PATH="/usr/lib/mail.local",
    LOCAL_MAILER_FLAGS="fSmn9",
    LOCAL_MAILER_ARGS="mail.local -d $u",
    confEBINDIR="/usr/lib",
)
_DEBIAN = (
    _set(sm_version="8.17.1.9", sm_version_math="528641", sm_enable_auth="yes", sm_enable_tls="yes")
    + _set(
        confCF_VERSION="Debian-2+deb12u2",
        confSMTP_LOGIN_MSG="$j Sendmail $v/$Z; $b; (No UCE/UBE) "
        "$?{client_addr}logging access from: ${client_name}(${client_resolve})-$_$.",
        confDEAD_LETTER_DROP="/var/lib/sendmail/dead.letter",
        STATUS_FILE="/var/lib/sendmail/sendmail.st",
        confHOST_STATUS_DIRECTORY="/var/lib/sendmail/host_status",
        confCR_FILE=r"-o MAIL_SETTINGS_DIR`'relay-domains %[^\#]",
        confCT_FILE=r"MAIL_SETTINGS_DIR`'trusted-users %[^\#]",
        confCW_FILE=r"MAIL_SETTINGS_DIR`'local-host-names %[^\#]",
        confEBINDIR="/usr/libexec/sendmail",
        confME_TOO="True",
        confDEF_USER_ID="mail:mail",
        confBIND_OPTS="+WorkAroundBrokenAAAA",
        confREJECT_NUL="true",
        LOCAL_MAILER_PATH="/usr/sbin/sensible-mda",
        LOCAL_MAILER_ARGS="sensible-mda $g $u $h ${client_addr}",
        PROCMAIL_MAILER_PATH="/usr/bin/procmail",
        PROCMAIL_MAILER_ARGS="procmail -m $h $f $u",
    )
    + _set(confMUST_QUOTE_CHARS=".own_apostrophe_")
    + "".join(f"MODIFY_MAILER_FLAGS(`LOCAL', `{change}')" for change in ("+S", "-r", "-m"))
)
# Systems on which a daemon for each family of addresses listens, where the .mc names none.
WITH_BOTH_FAMILIES = ("solaris8", "solaris11")
OSTYPE_TEXTS = {
    "bsd4.4": _BSD,
    "debian": _DEBIAN,
    "freebsd4": _FREEBSD,
    "freebsd5": _FREEBSD,
    "freebsd6": _FREEBSD,
    "linux": _set(confEBINDIR="/usr/sbin") + _unless_set(PROCMAIL_MAILER_PATH="/usr/bin/procmail")
    + "FEATURE(`local_procmail')",
    "openbsd": _BSD + _unless_set(LOCAL_MAILER_FLAGS="rmn9S"),
    "solaris2": _SOLARIS_2,
    "solaris8": _SOLARIS + _unless_set(confPID_FILE="/var/run/sendmail.pid"),
    "solaris11": _SOLARIS + _unless_set(confPID_FILE="/system/volatile/sendmail.pid"),
}  # fmt: skip

_DEBIAN_BOTH = _set(
    confRRT_IMPLIES_DSN="False",
    confSAFE_FILE_ENV="/",
    confSAFE_QUEUE="True",
    confTO_MAIL="2m",
    confTO_DATAINIT="2m",
    confTO_RSET="1m",
    confTO_QUIT="2m",
    confTO_COMMAND="5m",
    confTO_IDENT="5s",
)
DOMAIN_TEXTS = {
    "generic": _set(
        confFORWARD_PATH="$z/.forward.$w+$h:$z/.forward+$h:$z/.forward.$w:$z/.forward",
        confMAX_HEADERS_LENGTH="32768",
    )
    + "FEATURE(`redirect')FEATURE(`use_cw_file')EXPOSED_USER(`root')\n",
    "debian-mta": _DEBIAN_BOTH
    + _set(
        STATUS_FILE="/var/lib/sendmail/sendmail.st",
        confHOST_STATUS_DIRECTORY="/var/lib/sendmail/host_status",
        confPID_FILE="/var/run/sendmail/mta/sendmail.pid",
        confCONTROL_SOCKET_NAME="/var/run/sendmail/mta/smcontrol",
        confPROCESS_TITLE_PREFIX="MTA",
        confMAX_DAEMON_CHILDREN="0",
        confTO_ICONNECT="2m",
        confMAX_HOP="100",
        confMAX_RUNNERS_PER_QUEUE="5",
        confPRIVACY_FLAGS="restrictqrun,restrictexpand",
        confQUEUE_FILE_MODE="0640",
        confTEMP_FILE_MODE="0640",
    )
    + _unless_set(confTRUSTED_USER="smmta")
    + "define(`confDONT_BLAME_SENDMAIL', ifdef(`confDONT_BLAME_SENDMAIL', `defn(`confDONT_BLAME_SENDMAIL')')"
    "`,AssumeSafeChown,ForwardFileInGroupWritableDirPath,GroupWritableForwardFileSafe,GroupWritableIncludeFileSafe"
    ",IncludeFileInGroupWritableDirPath,DontWarnForwardFileInUnsafeDirPath,TrustStickyBit,NonRootSafeAddr"
    ",GroupWritableIncludeFile,GroupReadableDefaultAuthInfoFile')",
    "debian-msp": _DEBIAN_BOTH
    + _set(
        confCF_VERSION="Submit",
        MSP_QUEUE_DIR="/var/spool/mqueue-client",
        STATUS_FILE="/var/lib/sendmail/sm-client.st",
        confHOST_STATUS_DIRECTORY="",
        confPID_FILE="/var/run/sendmail/msp/sendmail.pid",
        confCONTROL_SOCKET_NAME="/var/run/sendmail/msp/smcontrol",
        confPROCESS_TITLE_PREFIX="MSP",
        confQUEUE_FILE_MODE="0660",
        confTEMP_FILE_MODE="0640",
        confTO_ICONNECT="2s",
        confTO_HOSTSTATUS="0",
        confRUN_AS_USER="smmsp",
        confTRUSTED_USER="confRUN_AS_USER",
    ),
}
