"""sendmail's address test mode (``sendmail -bt``): rulesets, maps, macros and mailers tried from a prompt.

`session` reads commands and answers them, `printing` shows what rulesets do as they do it, `listing` shows rules and
mailers. Words and exit status are the original's.
"""
