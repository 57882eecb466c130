"""The rules that find mistakes across files, one module a subject.

A rule is a function of a `Subject` and a `Sink`; `mailconf.check.rules` lists them in the order in which they run. What
reading a file already reports (a broken line, an impossible value) is not reported again here.
"""
