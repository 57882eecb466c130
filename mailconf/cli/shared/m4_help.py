"""What ``m4 --help`` prints; shell completion reads it too."""

from __future__ import annotations

HELP = """Usage: {0} [OPTION]... [FILE]...
Expand the macros in each FILE, or in standard input (also `-').

  -D, --define=NAME[=TEXT]     define a macro
  -U, --undefine=NAME          forget a macro
  -I, --include=DIR            look for included files in DIR, too
  -s, --synclines              write `#line' directives
  -P, --prefix-builtins        builtins are called m4_NAME
  -E, --fatal-warnings         warnings set the exit status; twice: the first one stops
  -Q, --quiet, --silent        no warnings about numbers of arguments
  -i, --interactive            do not wait to write, ignore interrupts
  -G, --traditional            without GNU's extensions
  -g, --gnu                    with GNU's extensions
  -F, --freeze-state=FILE      save the state in FILE at the end
  -R, --reload-state=FILE      start with a saved state
  -L, --nesting-limit=NUMBER   most calls inside one another
  -H, --hashsize=NUMBER        accepted
      --warn-macro-sequence[=REGEXP]  warn of definitions that match
  -d, --debug[=FLAGS]          what traces and dumps show: any of acefilpqtxV
  -t, --trace=NAME             trace a macro
  -l, --arglength=NUMBER       longest text that traces show
      --debugfile[=FILE], -o, --error-output=FILE  where traces and dumps go
      --explain=LINE           print where a line of the output comes from (mailconf)
      --help, --version        print this, or the version
"""
