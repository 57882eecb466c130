r"""Regular expressions as m4 has them: GNU's, in Emacs' syntax without intervals and character classes.

``* + ?`` are operators, ``\+ \? \{`` are the characters; ``\( \) \|`` group and choose, ``\1``..``\9`` refer back,
``^`` and ``$`` are anchors at the edges of the pattern, of a group and of a choice and match at newlines, too; ``.``
does not match a newline; ``\w \W \s \S \b \B \< \> \` \'`` are what they are in Emacs. The match is the leftmost and,
among those, the longest.

Why an own matcher: the C library's differs between systems (musl and macOS lack these operators), cannot be bounded
when a pattern or text is hostile, and Python's ``re`` takes the first choice that matches where GNU takes the longest.
Three ways to match, by what the pattern needs:

- *flat* patterns (no choice inside a group, no repeated group, no reference) go to Python's ``re``. There the first
  match is the longest: repetitions apply to single characters only, and a greedy run that takes a character early
  leaves every later item free to take the next ones. Choices at the top are tried one by one for the longest.
- patterns without references run as an automaton whose sets of states are built when they are met; one pass per start
  gives the longest end, then a search with a memory finds the groups. Both are linear in text times pattern.
- references need a search through all ways to match, with a memory of what was tried.

Every step of the last two is accounted for through ``work``.
"""

from mailconf.m4.regex.match import Groups, RegexProgram, compile_pattern
from mailconf.m4.regex.parse import BadRegex

__all__ = ["BadRegex", "Groups", "RegexProgram", "compile_pattern"]
