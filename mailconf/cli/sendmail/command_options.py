"""The modes and options of the sendmail command, for its page in docs: what mailconf does with each."""

from __future__ import annotations

from typing import NamedTuple


class Described(NamedTuple):
    """A mode or an option.

    written  as it is written
    text     what it does
    """

    written: str
    text: str


MODES = (
    Described("-bm", "take a message from standard input and queue it; the mode without -b"),
    Described("-t", "take its recipients from the header as well (To, Cc, Bcc, Apparently-To, or the Resent- fields)"),
    Described("-bv", "say what each address comes to"),
    Described("-bt", "address test mode"),
    Described("-bi", "make the maps of the alias files anew; newaliases"),
    Described("-bs", "speak SMTP on standard input and output"),
    Described("-bD", "the daemon, in the foreground"),
    Described("-bd", "the daemon, in a process of its own"),
    Described("-ba", "status 69: ARPANET mail is not spoken"),
    Described("-bp", "list the queue; mailq"),
    Described("-bP", "says that the number of messages is not at hand, as the original without shared memory"),
    Described("-bh, -bH", "nothing; status 69 where HostStatusDirectory is set: no host status is kept"),
    Described("-bC", "status 69: there is no control socket"),
    Described("-q", "attempt what is in the queue, once: by the daemon that runs on it, or in this process"),
    Described(
        "-qI, -qR, -qS, -qQ, -qL", "only messages whose id, recipients or sender have a text, those on hold, lost ones"
    ),
    Described("-q30m", "the same at intervals, in a process of its own; with -bd and -bD the daemon does it"),
    Described("-QREASON, -Q", "with -q...: put messages on hold; release them. The reason is not kept"),
    Described("-Ac", "submit.cf, with its own queue"),
    Described("-bz", "status 64: frozen configurations, as in the original"),
)
OPTIONS = (
    Described("-A c, -A m", "which configuration is meant; m, and every other letter, is the usual one"),
    Described("-B TYPE", "7BIT or 8BITMIME; another type is reported, and the message is sent without"),
    Described("-C FILE", "the configuration; -C alone means sendmail.cf in the working directory"),
    Described("-D FILE", "what -d0 shows goes behind this file"),
    Described(
        "-d LEVELS", "0.1 to 0.15 in every mode; in -bt also 21 (rules) and 60 (maps); other traces are not shown"
    ),
    Described("-F NAME", "the full name of a sender of this machine"),
    Described("-f, -r ADDRESS", "the sender; once"),
    Described("-G", "taken, and without an effect"),
    Described("-h COUNT", "how many hosts the message has passed"),
    Described("-i, -oi", "a line of one dot does not end the message"),
    Described("-L NAME", "taken: nothing is logged under it"),
    Described("-M XVALUE", "the macro X"),
    Described("-N WHEN", "never, or success, failure, delay between commas"),
    Described("-O NAME=VALUE", "an option of the configuration, in whose place it counts"),
    Described("-o XVALUE", "the same, by its letter"),
    Described("-p PROTOCOL:HOST", "the macros r and s"),
    Described("-R hdrs, -R full", "what a report returns; once"),
    Described("-T", "the message has waited too long already: it is kept in dead.letter"),
    Described("-V ID", "the envelope's id, in xtext"),
    Described("-v", "with -bv each step is shown; with a message status 69, since nothing is delivered meanwhile"),
    Described("-X FILE", "the file has to be writable; nothing is logged to it"),
    Described("-c, -e X, -m, -n, -s", "their options are set; -n has no effect"),
    Described("-I, -U", "status 64, without a word, as in the original"),
)
DEPARTURES = (
    "Recipients are queued as they were named: aliases, lists and .forward files are read again at delivery.",
    "Fields of addresses are queued as they are written; the original puts commas where blanks parted addresses.",
    "Where one of several recipients is wrong the original may mail a report in place of dead.letter. A refused "
    "recipient with more hops (-h) than MaxHopCount ends with 65; with 69 in the original.",
    "With ErrorMode m, w and e the original mails a report where a recipient is wrong; mailconf prints, and keeps the "
    "message in dead.letter, as both do in mode p. In mode q both are silent.",
    "dead.letter is the sender's where who calls owns its folder, else the caller's own.",
    "A queue's folder that others than its user can write is not used: status 75.",
    "A session of -bs ends with status 0, whatever its recipients were, and without a last reply where its client "
    "ends it within a message.",
    "A daemon whose address cannot be used ends at once, with status 71; the original tries again for a while.",
    "newaliases with a configuration that defines no mailers reads the alias files all the same; the original only "
    "complains. In an alias file of more than 5,000 lines a name that is one word of letters and digits is taken for "
    "local; asking the rulesets for each would take minutes.",
    "--help shows the options, and --root DIR reads everything below DIR; the original ends its options there.",
)
