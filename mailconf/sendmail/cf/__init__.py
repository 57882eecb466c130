r"""A .cf as sendmail reads it: the one reader, and the specification of the format.

`read.read_cf` gives a `configuration.Cf`: the items of the file in their order, each as written and with its place
(`items`), and what they come to where later ones override earlier ones. It opens nothing and runs nothing: the caller
who wants the words of a class file asks for them (`mailconf.sendmail.host_names`). `write` turns items into lines
again. `tools` has the little that makemap, editmap and praliases read. Time and memory grow in proportion to the text.

Each fact below was found by asking sendmail 8.17.1.9 (-bt, -bi, -odq, with -d20, -d35, -d37, -d38); most of the answers
are in tests/vectors/cf_cases.jsonl and tests/vectors/sendmail_cf.jsonl. See also "Sendmail Installation and Operation
Guide" 5, "The whole scoop on the configuration file".

Lines
-----
- A line that begins with a blank or a tab continues the one before it, also where that is empty or a comment. The
  newline between them stays in the text: it parts words, and ends no name.
- A carriage return before the newline is dropped. A NUL ends what is seen of a logical line. White space at the end is
  dropped, but the first character of a line is always kept.
- A line whose first character is ``#`` is a comment. From level 3 on, as the last V line before it has it, ``#`` begins
  one within a line too, with the white space before it, up to the end of that physical line. ``$#`` begins no comment;
  ``\#`` is a plain ``#``, whose backslash is dropped. Quotes do not protect it.
- Lines may be of any length, and O and T lines count whole; values of C, D, H and K lines are cut at 2047 bytes, and a
  value of M or a side of R that is longer is a mistake. Names in braces have at most 23 characters, and about 95
  different ones fit. The reader cuts nothing.
- The first character decides what the line is: C D E F H K M O P Q R S T V X. Any other is an unknown line; so is a
  file's first line that begins with white space. L lines are not compiled into Debian's program.
- sendmail reports a mistake, reads on, and exits with 70 in the end. Such a line means nothing (`items.Mistake`).
  Unknown options, missing files, and values of options are not judged here: they depend on the program and the machine.

Macros and conditionals
-----------------------
``$x`` and ``${name}`` are a macro's value, ``$$`` is a dollar, ``$?x then $| else $.`` a conditional. In C, K, S and R
lines they are expanded as the line is read, with what macros have by then; in D, H, M and others when the value is
used; F and O lines take them as text. Items keep them as written.

What each line means
-------------------
V  ``V10/Berkeley``: the level, and a vendor in any letters (only Berkeley). A level below 10 is served with a warning;
   at a higher one no daemon runs.
D  ``Dxvalue``, ``D{name}value``. A name is one character, even a blank, or letters, digits and ``_`` in braces;
   ``{x}`` is ``x``. Upper and lower case differ. The value begins directly after the name, blanks included; a quote is
   dropped, a backslash takes the next character as it is, except for ``\b \f \n \r``.
C  ``C{name}words``, separated by white space, without quoting. Upper and lower case do not matter in a class. The word
   ``$=x`` takes in what class x has *at that line*; later members of x are not in it.
T  ``Twords`` adds to class t. A comma parts nothing: ``Troot, daemon`` makes ``root,`` trusted.
F  ``F{name}file format``: ``-o``, as the first letters of a word, means that the file may be missing; the file ends at
   a blank (not at a tab or newline) that is not quoted, quotes are dropped, a backslash is a backslash; the rest is a
   format of scanf(3), ``%s`` without one. ``|/program`` is a command, of which only the first word counts unless it is
   quoted. ``key@type:spec`` and ``@LDAP`` ask a map, if neither ``/`` nor ``|`` comes first; all of it is the map.
O  ``O name=value`` with exactly one blank before the name: a second one is part of it, and no option is called so.
   Blanks (no tabs) on both sides of ``=`` do not count, those at the end of a value are gone with the line's. Names are
   taken in any letters, and in an abbreviation that fits one name only; an exact name wins. ``name.sub`` for Timeout
   and Milter; elsewhere sendmail complains of the sub-option and sets the option. Without ``=`` the value is empty.
   ``Oxvalue``, no blank between, is the option of the letter x (`options.LETTERS`); the value keeps its blanks.
   ``OMxvalue`` defines a macro, ``Og`` is taken and ignored.
K  see "Maps".
M  ``Mname, key=value, ...``: the name ends at a comma or white space. Of a key only the first letter counts, and its
   case does: A C D E F L M m N P Q R r S T U W ``/``. A value ends at a comma that is neither quoted nor after a
   backslash, also that of A=; quotes and backslashes as in D; white space before a value does not count, after it it
   does. A part without ``=`` is a mistake; without A= or P= there is no mailer. F= given twice adds; of other keys the
   last counts. S= and R= are ``envelope/header``, or one for both. Names are the same in any letters.
Q  ``Qname, P=path, F=flags, N=nice, I=interval, R=runners, J=jobs, r=recipients``: as M; names differ by case.
X  ``Xname, S=socket, F=flags, T=timeouts``: as M.
H  ``H?flags?Name: value``: white space may be between name and colon, and belongs to the value after it. With
   ``${macro}`` as its flags the header is added when the macro has a value. ``$>ruleset`` as the value checks the
   header, with ``$>+`` comments and all; such a line adds none. The name ``*`` stands for all others.
S  ``Sname``, ``S3``, ``Sname=3``: letters, digits and ``_``, upper and lower case differ; what follows is not looked
   at. ``S5x`` is ruleset 5. Numbers are below 100, and so many names without a number fit.
R  ``Rlhs<tab>rhs<tab>comment``: tabs part, also within quotes; several are one; blanks are no tabs. Without a ruleset,
   without a tab, with an empty side, it is a mistake.
P  ``Pname=number``: up to 25. The name is what precedes ``=``, blanks included; the number, what atoi(3) reads.
E  ``Ename=value`` for the programs that are started. ``Ename`` takes it from sendmail's own environment.

Maps
----
``Kname type arguments``: a name begins with a letter or digit and goes on with those, ``_`` and ``.``; upper and lower
case differ. One character of any kind ends it. A type is letters and digits, in any letters, and one character ends it:
``hash:/x`` is ``hash /x``. For most types the arguments are flags, a file, and text that only some types use:

- A flag is a word that begins with ``-``; its letter is the next character, its value the rest of the word, which for
  flags without one is not looked at (``-oN`` is ``-o``). The values of ``-k`` and ``-v`` (of dns ``-R``, of syslog
  ``-L``) may be the next word. ``-o``: the file may be missing. ``-N``: keys end with a NUL; ``-O`` never.
- The first word that is no flag is the file. Quotes and backslashes mean nothing.
- sequence takes names of maps, regex a pattern, switch a service's name, arith, dequote, macro and others nothing.

AliasFile names files as ``type:flags file``, with commas between them that are not quoted. What precedes the first
of blank, comma, slash and colon is a type if that is a colon (``hash :/x`` has no type); without one the type is
implicit, which is hash where it is built, and the entries end with a NUL; with one, even ``implicit:``, they do not
without ``-N``. An empty value adds the file ``aliases``. More than 128 files are a mistake.

Again
-----
What a later line does to an earlier one of the same name:

replaces   D, E with a value, V, O (except for those below), M (at the first one's place), Q (as a whole), H that adds a
           header (in any letters; but Received adds), H that checks
adds       C, T, F, R after a repeated S (rulesets are the same by name or number), AliasFile, DaemonPortOptions,
           ClientPortOptions, DontBlameSendmail, PrivacyOptions
is lost    P: the first one counts
mixes      K: the later type counts, flags add up, and the file stays where the later line has no file
mistake    X; S with another number than before
"""
