"""The text formats of lookup tables: access, virtual, generic, aliases, ..., read into `Entry(key, value, span)`.

Three layers, each usable alone:

- `lines`: logical lines, the same for every text file of Postfix (postconf(5), postmap(1), aliases(5)).
- `postmap` and `aliases`: entries. They work on bytes, because the map files do and because a million rows must take
  less than a second; `read_postmap` and `read_aliases` give the same entries as text with places.
- `roles` and its neighbours: what the entries of an access, virtual, generic or alias table mean, by the grammars of
  ``grammars/``, and what the engine would misunderstand or ignore without a word.
"""
