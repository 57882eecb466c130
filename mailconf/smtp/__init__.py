"""SMTP and LMTP as state tables, both sides, with no socket in sight: bytes in, events out; replies in, bytes out."""
