"""The text formats of lookup tables: access, virtual, generic, aliases, ..., read into `Entry(key, value, span)`."""
