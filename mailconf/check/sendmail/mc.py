"""What is wrong with a .mc: mistakes that m4 and the library pass over in silence, or report in words that do not help.

`check_mc` reads the .mc as `mailconf build` does, which reports what m4 and the library print, and runs the rules: over
the text as people write it (`mailconf.check.sendmail.mc_text`), over its calls (`MC_RULES`), and over what it expands
to (`mailconf.check.sendmail.rules`). Without the library only the text is looked at.

What each mistake really does was found with GNU m4, the library of sendmail 8.17 and sendmail itself: a blank before a
parenthesis makes the call one without arguments, and the arguments text of the .cf; a name that no macro has becomes
text of the .cf; "#" begins no comment after cf.m4; an unquoted comma ends an argument, and the library looks at no
more arguments than it wants; an option that the library does not read changes nothing; sendmail stops at a port's key
whose first letter it does not know, at a map's type that it does not have, at a mail filter without a socket.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator

from mailconf.check.sendmail.mc_head import head
from mailconf.check.sendmail.mc_text import check_text
from mailconf.check.sendmail.rules import SITE_RULES
from mailconf.check.sendmail.subject import McText, Written
from mailconf.diagnostics import Diagnostic, Related, Severity, Sink, declare, error, warning
from mailconf.files import Root, Tree
from mailconf.sendmail.cf_mistakes import nearest
from mailconf.sendmail.configuration import McConfiguration, read
from mailconf.sendmail.mc.expansion import SM902
from mailconf.sendmail.mc.library import Library
from mailconf.sendmail.mc.mc import Statement
from mailconf.sendmail.mc.tree import Document, parse
from mailconf.sendmail.mc.vocabulary import SWEEPING
from mailconf.sendmail.site import site_of
from mailconf.source import Source

SM008 = error("SM008", "an argument in a .mc that nothing looks at")
"""Why: m4 ends an argument at a comma outside of quotes, and the macro does not look at further arguments. The options
after the comma are lost without a message: here the daemon listens on all addresses.

Example:
    # sendmail.mc
    DAEMON_OPTIONS(Name=MTA, Addr=127.0.0.1)dnl

Remedy: put the whole argument into quotes: DAEMON_OPTIONS(`Name=MTA, Addr=127.0.0.1')dnl

Source: cf/README, "A BRIEF INTRODUCTION TO M4"; the macros of sendmail 8.17.
"""

SM009 = warning("SM009", "an option in a .mc that the library does not read")
"""Why: m4 defines any name. One that no file of the library reads sets nothing, and the option that was meant keeps
its default.

Example:
    # sendmail.mc
    define(`confMAX_MESSAGE_SZE', `10000000')dnl

Remedy: correct the name or remove the line.

Source: cf/README, "TWEAKING CONFIGURATION OPTIONS".
"""

SM010 = warning("SM010", "an option in a .mc without a value")
"""Why: a definition without a value is empty: the line of the .cf has the option's name and nothing after it, which
sendmail takes for 0, or for yes where the option is yes or no.

Example:
    # sendmail.mc
    define(`confMAX_MESSAGE_SIZE')dnl

Remedy: write define(`NAME', `VALUE')dnl, or remove the line for the default.

Source: cf/README, "TWEAKING CONFIGURATION OPTIONS"; m4 and the macros of sendmail 8.17.
"""

SM011 = warning("SM011", "a definition in a .mc that comes too early or too late")
"""Why: the value is lost. OSTYPE, DOMAIN and some FEATUREs define options themselves and replace what was defined
before them; a MAILER reads its definitions where it stands, so that later ones have no effect.

Example:
    # /etc/mail/sendmail.mc
    OSTYPE(`linux')dnl
    FEATURE(`no_default_msa')dnl
    MAILER(`local')dnl
    define(`LOCAL_MAILER_PATH', `/usr/bin/procmail')dnl

Remedy: follow the order of cf/README: VERSIONID, OSTYPE, DOMAIN, FEATURE, define, MAILER, LOCAL_CONFIG and the
rulesets.

Source: cf/README, "A BRIEF INTRODUCTION TO M4" and "MAILERS".
"""

SM013 = warning("SM013", "a FEATURE that has no effect any more")
"""Why: what the FEATURE asks for has become the default, so that the line only misleads.

Example:
    # sendmail.mc
    FEATURE(`notsticky')dnl

Remedy: remove the line; where the earlier default was meant, write FEATURE(`stickyhost')dnl

Source: cf/README, "FEATURES", stickyhost.
"""

SM020 = declare("SM020", Severity.NOTE, "a .mc that changes m4's quotes")
"""Why: mailconf reads a .mc with m4's usual quotes. After changequote the text can be anything, so that only what the
.mc expands to is checked.

Example:
    # sendmail.mc
    changequote([, ])dnl

Remedy: nothing; without changequote more mistakes are found.

Source: m4(1) changequote.
"""

SM021 = error("SM021", "a definition in a .mc whose name was expanded")
"""Why: m4 expands the name of a definition that has no quotes. Where a macro of that name exists, its value
becomes the name: what is defined can never be called.

Example:
    # sendmail.mc
    define(confLOG_LEVEL, 12)dnl

Remedy: quote the name and the value: define(`confLOG_LEVEL', `12')dnl

Source: cf/README, "A BRIEF INTRODUCTION TO M4"; GNU m4 1.4.19.
"""

SM022 = declare("SM022", Severity.NOTE, "a .mc that is too large for every check")
"""Why: mailconf remembers where in the .mc each part of the .cf comes from. It does not do so for a .mc of more than
60,000 words or with very many calls: then only its text is checked. The .cf is built as always.

Example:
    $ yes 'dnl a long comment' | head -20000 >> /etc/mail/sendmail.mc
    $ mailconf check /etc/mail

Remedy: nothing; a smaller .mc is checked as a whole.

Source: the bounds in mailconf/sendmail/mc/mc.py, which no engine has.
"""

_CALLED = ("SM003", "SM004", "SM005", "SM006")  # they give the reason for a line of the .cf that sendmail does not take
_OF_THE_CF = ("SM012", "SM023", "SM024", "SM025")
_ORDER = "cf/README has the order VERSIONID, OSTYPE, DOMAIN, FEATURE, define, MAILER, LOCAL_..."
_ONE = SWEEPING | {"CLIENT_OPTIONS", "DAEMON_OPTIONS", "MASQUERADE_AS", "VERSIONID"}
_MOST = {**dict.fromkeys(_ONE, 1), "INPUT_MAIL_FILTER": 2, "MAIL_FILTER": 2, "MODIFY_MAILER_FLAGS": 2, "QUEUE_GROUP": 2}
_OBSOLETE = {"notsticky": "it is the default; FEATURE(`stickyhost') asks for what was the default once"}
# What a FEATURE reads where it stands: seen by expanding each with the definition before and after it.
_READ_BY = {
    "local_procmail": ("PROCMAIL_MAILER_PATH",),
    "local_lmtp": ("confEBINDIR",),
    "smrsh": ("confEBINDIR",),
    "dnsbl": ("DNSBL_MAP", "DNSBL_MAP_OPT"),
    "enhdnsbl": ("EDNSBL_TO",),
    "mtamark": ("MTAMARK_TO",),
    "domainmap": ("DOMAINMAP_NO_REGEX",),
    "msp": ("MSP_QUEUE_DIR",),
}
_WORD = re.compile(r"[A-Za-z_]\w*")
_OPTION = re.compile(r"\bconf[A-Z][A-Z0-9_]*\b")
_GONE = re.compile(r"(conf[A-Z_]+) is no longer valid")
_ABSENT = re.compile(r"cannot open `(/[^']*)': No such file")
_SUGGESTIONS = 50  # they take time
_HINTS = [  # for what m4 and the library print
    (re.compile(r"excess arguments to builtin"), "a comma outside of quotes ends an argument: quote the value"),
    (re.compile(r"FEATURE\(\) should be before MAILER\(\)"), f"move it before every MAILER; {_ORDER}"),
    (re.compile(r"should be before LOCAL_"), f"move the MAILERs before it; {_ORDER}"),
    (re.compile(r"No system type defined"), "write OSTYPE(`linux')dnl, or your system's name, before every FEATURE"),
    (re.compile(r"FEATURE\(blacklist_recipients\) is deprecated"), "write FEATURE(`blocklist_recipients')dnl"),
    (_GONE, "remove the definition"),
    (re.compile(r"missing -T<TMPF>"), "write the type, the flag and the file: `hash -T<TMPF> /etc/mail/access'"),
    (re.compile(r"requires FEATURE\(`?access_db"), "write FEATURE(`access_db')dnl before it"),
    (re.compile(r"MAILER\(.*\) already included"), "remove one of the two; another FEATURE may ask for it as well"),
    (re.compile(r"must (?:occur|appear) (?:before|after)|should be defined before"), f"change the order; {_ORDER}"),
]


def check_mc(
    mc: str | os.PathLike[str],
    library: Library | None,
    sink: Sink,
    *,
    root: Tree | None = None,
    allow_shell: bool = False,
) -> Written | None:
    """Report everything that is wrong with the .mc at ``mc`` (below ``root``) into ``sink``.

    Returns what was read; None without the library, or, with a diagnostic, when
    the file cannot be read. Unless ``allow_shell`` is given, nothing is run or written, and nothing is read but the
    .mc's folder and the library.
    """
    found = Sink()
    root = root or Root()
    read_mc = _read(mc, library, found, root, allow_shell)
    written = None
    if isinstance(read_mc, Document):
        check_text(read_mc, found)
    elif read_mc is not None and read_mc.mc.recorded:
        written = Written(read_mc.cf, site_of(read_mc), root, read_mc.mc)
        _check(read_mc, written, found, sink)
    elif read_mc is not None:
        written = Written(read_mc.cf, site_of(read_mc), root, read_mc.mc)
        text = read_mc.mc.document
        check_text(text, found)
        if not read_mc.mc.expanded.exhausted:
            looked = "only the text is checked" if text.nodes else "its content is not checked"
            message = f"this .mc is too large to keep track of what becomes of it: {looked}"
            found.report(SM022, message, file=read_mc.mc.path, tree=root)
    for diagnostic in _settled(found, root):
        sink.add(diagnostic)
    return written


def _check(configuration: McConfiguration, written: Written, found: Sink, sink: Sink) -> None:
    """Run the rules over what was read into ``found``; what needs no settling goes to ``sink``."""
    mc = configuration.mc
    subject = McText(mc, mc.expanded.library)
    if mc.changequote is None:
        check_text(mc.document, found, put_out=mc.put_out.get(mc.path, set()))
        for source in mc.included:
            document = parse(source, Sink(), mc.document.names)
            check_text(document, found, included=True, put_out=mc.put_out.get(source.name, set()))
    else:
        message = "the quotes are changed here: the text is not checked, only what it expands to"
        sink.report(SM020, message, mc.changequote.span)
    head(configuration, found)
    for mc_rule in MC_RULES:
        mc_rule(subject, found)
    for site_rule in SITE_RULES:
        site_rule(written, found)


def _read(
    mc: str | os.PathLike[str], library: Library | None, sink: Sink, root: Tree, allow_shell: bool
) -> McConfiguration | Document | None:
    if library is not None:
        return read(mc, library, sink, root=root, allow_shell=allow_shell)
    path = root.path(mc)
    try:
        return parse(Source.read(root, path), sink)
    except OSError as failure:
        message = f"{root.inside(path)} cannot be read: {failure.strerror}"
        sink.report(SM902, message, file=str(path), tree=root)
        return None


def _settled(found: Sink, root: Tree) -> Iterator[Diagnostic]:
    """Without messages of m4 about a mistake that has a better name here, with hints for messages of the library."""
    unclosed = any(d.code in ("SM001", "SM002") for d in found)
    named = {(d.span.source.name, d.span.line) for d in found if d.code in ("SM003", "SM004") and d.span}
    called = {(d.span.source.name, d.span.line) for d in found if d.code in _CALLED and d.span}
    for d in found:
        if d.code == "SM017" and d.span and d.related:
            called.update((d.span.source.name, line) for line in range(d.span.line, d.related[0].span.line + 1))
    forged = any(d.code == "SM078" for d in found)
    gone = {match[1] for match in map(_GONE.match, (d.message for d in found if d.code == "M4006")) if match}
    for d in found:
        if d.code == "SM010" and d.message.split()[0] in gone:
            continue
        if d.code in _OF_THE_CF and d.span and (d.span.source.name, d.span.line) in called:
            continue
        if d.code == "M4006" and "relay_local_from" in d.message and forged:
            continue
        if unclosed and d.code == "M4003" and "end of file in" in d.message:
            continue
        absent = _ABSENT.match(d.message)
        if absent and not root.covers(absent[1]):
            continue
        if d.span and d.message.startswith("cannot open") and (d.span.source.name, d.span.line) in named:
            continue
        hint = next((hint for pattern, hint in _HINTS if pattern.search(d.message)), "")
        yield d._replace(hint=hint) if hint and not d.hint else d


def arguments(subject: McText, sink: Sink) -> None:
    """SM008: more arguments than the macro looks at."""
    for call in subject.own(*_MOST):
        most = _MOST[call.name]
        if len(call.arguments) > most and any(call.arguments[most:]):
            lost = ", ".join(filter(None, (argument.strip() for argument in call.arguments[most:])))
            message = f"{call.name} does not look at `{lost}': a comma outside of quotes ends an argument"
            sink.report(SM008, message, call.span, hint=f"write {call.name}(`...') with the commas inside the quotes")


def options(subject: McText, sink: Sink) -> None:
    """SM009, SM010, SM021: options that nothing reads, options without a value, names that are not valid."""
    known: set[str] | None = None
    words = Counter(_OPTION.findall(subject.mc.document.text))
    unread = 0
    for call in subject.own("define"):
        name = call.arguments[0] if call.arguments else ""
        if not _WORD.fullmatch(name):
            why = "the name itself was expanded"
            if "`" in name or name[:1] in ("'", '"'):
                why = "it is quoted twice" if "`" in name else "the quotes around it are not m4's"
            message = f"the name that is defined here is `{name}', which nothing can call: {why}"
            sink.report(SM021, message, call.span, hint="quote the name: define(`name', `value')dnl")
        if not _OPTION.fullmatch(name):
            continue
        if len(call.arguments) < 2:
            message = f"{name} is set to nothing: the .cf gets the option without a value"
            sink.report(SM010, message, call.span, hint=f"write define(`{name}', `value')dnl")
        if words[name] < 2 and not any(subject.mentions(file, name) for file in _library_files(subject)):
            unread += 1
            known = _known_options(subject) if known is None else known
            near = nearest(name, known) if unread <= _SUGGESTIONS else ""
            hint = f"did you mean {near}?" if near else "remove it or correct its name"
            sink.report(SM009, f"the library does not read {name}: it changes nothing", call.span, hint=hint)


def _library_files(subject: McText) -> Iterator[str]:
    """The files of the library, those first that most options are read in."""
    yield "m4/proto.m4"
    for kind in ("m4", "mailer", "ostype", "feature", "domain", "hack", "debian"):
        yield from (f"{kind}/{name}.m4" for name in subject.library.available(kind))


def _known_options(subject: McText) -> set[str]:
    """Every option that a file of the library mentions."""
    return {name for file in _library_files(subject) for name in _OPTION.findall(subject.library_text(file))}


def order(subject: McText, sink: Sink) -> None:
    """SM011: definitions that a later OSTYPE, DOMAIN or FEATURE replaces, or after the MAILER that reads them."""
    own: dict[str, Statement] = {}
    mailers: dict[str, Statement] = {}
    readers: dict[str, Statement] = {}
    late: dict[str, Statement] = {}
    available = subject.library.available("mailer")
    for call in subject.mc.statements:
        is_own = call.span.text == call.name
        if call.name == "MAILER" and call.argument(1) in available:
            mailers.setdefault(call.argument(1), call)
        if call.name == "FEATURE":
            for name in _READ_BY.get(call.argument(1), ()):
                readers[name] = call
                late.pop(name, None)  # it is read again
        if call.name != "define":
            continue
        name, value = call.argument(1), call.argument(2)
        if not is_own:
            earlier = own.pop(name, None)
            if earlier is not None and earlier.argument(2) != value and not name.startswith("_"):
                message = f"{name} is set again by {call.span.text} in line {call.span.line}: this value is lost"
                related = (Related("set again here", call.span),)
                sink.report(SM011, message, earlier.span, hint=f"move it after that; {_ORDER}", related=related)
            continue
        own[name] = call
        if name in readers:
            late[name] = call
        if name.startswith("_") or subject.mentions("m4/proto.m4", name):
            continue
        for mailer, made in mailers.items():
            if subject.mentions(f"mailer/{mailer}.m4", name):
                message = f"MAILER({mailer}) has read {name} before it is set here: this value has no effect"
                related = (Related("read here", made.span),)
                sink.report(SM011, message, call.span, hint=f"move it before the MAILER; {_ORDER}", related=related)
                break
    for name, call in late.items():
        reader = readers[name]
        feature = reader.argument(1)
        message = f"FEATURE({feature}) has read {name} before it is set here: this value has no effect on it"
        related = (Related("read here", reader.span),)
        sink.report(SM011, message, call.span, hint=f"move it before FEATURE(`{feature}')", related=related)


def features(subject: McText, sink: Sink) -> None:
    """SM013: FEATUREs that ask for what is the default."""
    for call in subject.own("FEATURE"):
        hint = _OBSOLETE.get(call.argument(1))
        if hint:
            sink.report(SM013, f"FEATURE({call.argument(1)}) has no effect any more", call.span, hint=hint)


MC_RULES: tuple[Callable[[McText, Sink], None], ...] = (arguments, options, order, features)
# Those that look for no name in the text of sendmail's library, and so do without it.
OWN_MC_RULES = (arguments, order, features)
