"""sendmail's configuration: the .mc, the library of macros that makes a .cf of it, the .cf.

- `mailconf.sendmail.mc`: a .mc as written, and what it expands to;
- `mailconf.sendmail.cf`: a .cf as sendmail reads it;
- `mailconf.sendmail.site`: what a .mc says, as a Site;
- `mailconf.sendmail.cf_mistakes`: reports the lines of a .cf at which sendmail stops, at their places in the .mc;
- `mailconf.sendmail.cf_lines`: what the map tools and the build need of a .cf.
"""
