"""Postfix's configuration as it is written: logical lines, main.cf, master.cf, words of a value, $-expansion.

Nothing here knows which parameters exist or what they mean; every object has its place in the text.
"""
