"""A library of macros of our own, for tests that need none of sendmail's: it has the real one's ways.

It finds its folder by its own name, has a shell write the header through a temporary file, keeps what FEATUREs say for
the end, and prints what is wrong on standard error.
"""

from __future__ import annotations

from pathlib import Path

from mailconf.sendmail.mc.library import Library, find_library

FILES = {
    "m4/cf.m4": """\
divert(-1)
ifdef(`_CF_DIR_', `',
  `ifelse(__file__, `__file__', `define(`_CF_DIR_', `../')',
    `define(`_CF_DIR_', substr(__file__, 0, eval(len(__file__) - 8)))')')
divert(0)dnl
ifdef(`OSTYPE', `dnl', `include(_CF_DIR_`'m4/head.m4)dnl')
""",
    "m4/head.m4": """\
# the head
define(`TEMPFILE', maketemp(/tmp/cfXXXXXX))dnl
syscmd(sh _CF_DIR_`'sh/makeinfo.sh _CF_DIR_ > TEMPFILE)dnl
include(TEMPFILE)dnl
syscmd(rm -f TEMPFILE)dnl
changecom()dnl
define(`OSTYPE', `define(`__OSTYPE__', `$1')include(_CF_DIR_`'ostype/$1.m4)')dnl
define(`FEATURE', `define(`_ARG_', `$2')divert(-1)include(_CF_DIR_`'feature/$1.m4)divert(0)')dnl
define(`MAILER', `ifdef(`_MAILER_$1_', `errprint(`*** ERROR: MAILER($1) already included
')', `define(`_MAILER_$1_')Mthe $1 mailer=, A=none')')dnl
define(`LOCAL_CONFIG', `divert(6)')dnl
m4wrap(`include(_CF_DIR_`m4/end.m4')')dnl
""",
    "m4/end.m4": """\
divert(0)dnl
# the end, on __HOST__
ifdef(`__OSTYPE__', `dnl', `errprint(`*** ERROR: no system type (use OSTYPE macro)
')')
ifdef(`confOLD', `errprint(`*** confOLD is obsolete.
')')dnl
O AliasFile=ifdef(`ALIAS_FILE', `ALIAS_FILE', `/etc/mail/aliases')
undivert(6)dnl
""",
    "ostype/linux.m4": "divert(-1)\ndivert(0)dnl\n",
    "feature/access_db.m4": """\
define(`_ACCESS_', `1')
divert(6)Kaccess ifelse(_ARG_, `', `hash -o /etc/mail/access', _ARG_)
divert(-1)
""",
    "feature/virtusertable.m4": """\
divert(6)Kvirtuser ifelse(_ARG_, `', `hash -o /etc/mail/virtusertable', _ARG_)
divert(-1)
""",
    "feature/blocklist.m4": "ifdef(`_ACCESS_', `', `errprint(`*** ERROR: FEATURE(blocklist) requires access_db\n')')\n",
    "feature/open_relay.m4": "errprint(`*** WARNING: this is an\n\topen relay\n')\n",
    "feature/pieces.m4": "errprint(`One message')errprint(` in pieces.')errprint(`  And its end.\n')\n",
    "sh/makeinfo.sh": "echo this must not be run; exit 1\n",
}
MC = """\
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`linux')dnl
FEATURE(`access_db')dnl
FEATURE(`virtusertable')dnl
MAILER(`local')
"""


def write_library(folder: Path) -> Library:
    """The library in ``folder``."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = find_library(None, str(folder))
    assert found is not None
    return found
