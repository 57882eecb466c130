"""sendmail's rules: a sendmail.cf read whole, and its rulesets, maps and mailers run.

How to use it
-------------
::

    problems = Problems(hear)                                   # each message, and the exit status
    book = load(tree, "/etc/mail/sendmail.cf", problems)        # `load`: a Rulebook; Stopped where sendmail exits
    engine = Engine(book, world, problems=problems)             # `run`; world: a `RulesWorld` (`disk_world.DiskWorld`)
    engine.macros.define("client_addr", "192.0.2.1")            # macros of the session, above those of the file
    tokens = engine.scan("ann@a.example")                       # a workspace; None after a message where it is invalid
    called = await engine.call("check_rcpt", tokens)            # Called(workspace, status), None: no such ruleset

`mailconf.model.world.run` drives a coroutine where the world answers at once. ``called.status`` is 0, 75 where a map or
the DNS could not answer (never "absent" then, unless the map has ``-o``), or another number of sysexits.h where the
configuration is wrong. Two texts as arguments of a ruleset (``check_relay``, ``check_compat``) are joined by
`symbols.ELSE`, which is ``$|``, and taken apart with `tokens.Reading.INTERNAL` (`Engine.scan` without more).

`addresses.Parser` does what sendmail does with addresses: `parse` (rulesets 3 and 0 and the mailer's own: mailer, host,
user, or what ``$#error`` says, whose message has reply code and enhanced status in its `problems.Problem`), `build` for
a workspace that begins with ``$#``, `rewrite_for` for headers and envelopes of a mailer, `crack`.

Who runs many sessions keeps one `Rulebook` and makes an `Engine` for each, with ``macros=book.macros.above()``. Maps
are part of the Rulebook: they stay open, and what a macro map defines goes to the engine that asked.

Modules
-------
symbols, macros, tokens, classes   text: metasymbols, ``$x`` and conditionals, tokens, sets of words
matching, compile                  a rule: its left side as a pattern, its right side as a plan
run, trace                         the interpreter, and the steps that it tells a `Tracer` as they happen
maps, map_lines, kinds*, posix, socket_map, aliases    maps: their lines, their types
names                              canonical names and mail exchangers
crack, addresses                   addresses
load*, class_files, machine        a sendmail.cf, read with sendmail's words for mistakes
problems                           messages and the exit status
world, disk_world, safe_path       what is asked of the surroundings, and one that has files

All text here is latin-1: one character a byte (`symbols`). The rest of mailconf has UTF-8 with surrogateescape;
`load` translates the file, and who prints writes latin-1.
"""
