"""From sources to everything the servers need, in three steps that know nothing of each other's insides.

- `mailconf.build.plan`: which maps a site needs, from which sources, and which of them are stale;
- `mailconf.build.compile`: sources into entries, with every mistake reported; nothing is written;
- `mailconf.build.apply`: the compiled maps take their places, all of them or none.

Of an /etc/mail, `mailconf.build.etc_mail` makes the plan, in which a .cf is one target more, and
`mailconf.build.compile_etc_mail` what is to be in it.

What they rest on: `mailconf.build.generation` (journal, completion and undoing after a crash, rollback) and
`mailconf.build.state` (what each map was built from).

A mistake in a source stops the build before the first map is replaced: the old maps stay. A fault of the configuration
on which no map's content depends stops nothing (`mailconf.cli.own.build` shows it).
"""
