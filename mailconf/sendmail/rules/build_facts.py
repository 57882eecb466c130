"""What sendmail -d0 prints of its own build: Debian's 8.17.1.9. Scripts look there for what a configuration may use.

Source: sendmail 8.17.1.9-2+deb12u2, -d0.1 to -d0.20.
"""

from __future__ import annotations

from collections.abc import Iterator

from mailconf.sendmail.rules.version import DEFAULT, SendmailVersion

COMPILED = (
    "DNSMAP IPV6_FULL LDAPMAP LDAP_NETWORK_TIMEOUT LDAP_REFERRALS LOG MAP_REGEX MATCHGECOS MAXDAEMONS=64 "
    "MILTER MIME7TO8 MIME8TO7 NAMED_BIND NETINET NETINET6 NETUNIX NEWDB=5.3 NIS NISPLUS PIPELINING SASLv2 "
    "SCANF SOCKETMAP STARTTLS TCPWRAPPERS TLS_EC TLS_VRFY_PER_CTX USERDB USE_LDAP_INIT XDEBUG"
)
SYSTEM = (
    "ADDRCONFIG_IS_BROKEN HASFCHOWN HASFCHMOD HASFLOCK HASGETDTABLESIZE HAS_GETHOSTBYNAME2 "
    "HASGETUSERSHELL HASINITGROUPS HASLSTAT HASNICE HASRANDOM HASRRESVPORT HASSETREGID HASSETREUID "
    "HASSETRLIMIT HASSETSID HASSETVBUF HASURANDOMDEV HASSTRERROR HASUNAME HASUNSETENV HASWAITPID "
    "IDENTPROTO IP_SRCROUTE NEEDSGETIPNODE REQUIRES_DIR_FSYNC SFS_VFS USE_DOUBLE_FORK USE_SIGLONGJMP "
    "USESETEUID"
)
LIBRARY = (
    "SM_CONF_LDAP_INITIALIZE SM_CONF_LDAP_MEMFREE SM_CONF_LONGLONG SM_CONF_MEMCHR SM_CONF_MSG SM_CONF_SEM "
    "SM_CONF_SIGSETJMP SM_CONF_SHM SM_CONF_SSIZE_T SM_CONF_STDBOOL_H SM_CONF_STDDEF_H SM_CONF_SYS_CDEFS_H "
    "SM_CONF_UID_GID DO_NOT_USE_STRCPY SM_HEAP_CHECK SM_OS=sm_os_linux SM_VA_STD"
)
FUTURE = (
    "_FFR_BADRCPT_SHUTDOWN _FFR_MAIL_MACRO _FFR_MTA_STS _FFR_NO_PIPE _FFR_QUEUE_SCHED_DBG "
    "_FFR_REJECT_NUL_BYTE _FFR_RESET_MACRO_GLOBALS _FFR_RHS _FFR_SHM_STATUS _FFR_SKIP_DOMAINS "
    "_FFR_TLS_ALTNAMES"
)
SUBMIT_CF, SENDMAIL_CF = "/etc/mail/submit.cf", "/etc/mail/sendmail.cf"
PID_FILE = "/var/run/sendmail/mta/sendmail.pid"
_OPENSSL = 0x300000D0
_MOST = 75  # characters of a line
_INDENT = 11  # what two tabs count for


def build_lines(level: int, version: SendmailVersion = DEFAULT) -> Iterator[str]:
    """What is printed before the configuration is read, for a level of debugging category 0."""
    yield f"Version {version.number}"
    yield from _wrapped(" Compiled with:", COMPILED)
    if level >= 10:
        yield from _wrapped("    OS Defines:", SYSTEM)
        yield "Kernel symbols:\t/boot/vmlinux"
        yield f"     Conf file:\t{SUBMIT_CF} (default for MSP)"
        yield f"     Conf file:\t{SENDMAIL_CF} (default for MTA)"
        yield f"      Pid file:\t{PID_FILE} (default)"
    if level >= 12:
        yield from _wrapped(" libsm Defines:", LIBRARY)
    if level >= 13:
        import ssl

        yield from _wrapped("   FFR Defines:", FUTURE)
        if level >= 15:
            yield f"       OpenSSL: compiled {_OPENSSL:#010x}"
            yield f"       OpenSSL: linked   {ssl.OPENSSL_VERSION_NUMBER:#010x}"


def _wrapped(title: str, words: str) -> Iterator[str]:
    """The title and words, in lines that end before the terminal does."""
    line, width = title, len(title)
    for word in words.split():
        width += 1 + len(word)
        if width > _MOST:
            yield line
            line, width = "\t\t" + word, _INDENT + 1 + len(word)
        else:
            line = f"{line} {word}"
    yield line
