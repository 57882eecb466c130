"""The builtin macros, one module a subject. Importing this package fills `mailconf.m4.macros.BUILTINS`.

A builtin is a function of the engine and the call's arguments, the name first; it returns the text that takes the
call's place, or None. Messages and results are those of GNU m4 1.4.19 (info m4).
"""

from mailconf.m4.builtins import arithmetic, conditionals, debugging, definitions, files, input, shell, text

__all__ = ["arithmetic", "conditionals", "debugging", "definitions", "files", "input", "shell", "text"]
