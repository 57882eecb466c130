"""sendmail's configuration: the .mc, the library of macros that makes a .cf of it.

- `mailconf.sendmail.library`: where the library (the package sendmail-cf) is;
- `mailconf.sendmail.expansion`: a .mc into a .cf, in process and confined.
"""
