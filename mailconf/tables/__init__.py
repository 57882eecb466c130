"""The text formats of lookup tables: access, virtual, generic, aliases, ..., read into `Entry(key, value, span)`.

Three layers, each usable alone:

- `lines`: logical lines, the same for every text file of Postfix (postconf(5), postmap(1), aliases(5)).
- `postmap`, `makemap`, `aliases`, `sendmail_aliases`: entries. They work on bytes, because the map files do and because
  a million rows must take less than a second; `reader`, `makemap_reader` and `sendmail_aliases_reader` give the same
  entries as text with places. `rule_lines`, `class_file` and `hosts_access` read files that no map is made of.
- `roles` is the registry: which format a table has, by what names it. What keys and values mean, typed, the modules of
  the formats define (`sides`: `transport`, `content`, `recipients`, `check`; `sendmail_access`, `sendmail_maps`), and
  what the engine would misunderstand, or ignore without a message.
"""
