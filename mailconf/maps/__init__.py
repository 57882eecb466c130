"""The lookup tables: one module a type, readers and writers, one registry.

A lookup works on bytes and has three outcomes: found, absent, temporary failure. The third never turns into the
second. ``open_table("hash:/etc/postfix/access")`` in `mailconf.maps.registry` gives a `LookupTable`.
"""
