"""sendmail's configuration: the .mc, the library of macros that makes a .cf of it, the .cf.

- `mailconf.sendmail.mc`: a .mc as written, and what it expands to;
- `mailconf.sendmail.cf`: a .cf as sendmail reads it; neither of the two knows the other;
- `mailconf.sendmail.configuration`: both read together: the meaning of each line of the .cf, at its place in the .mc;
- `mailconf.sendmail.cf_mistakes`: reports the lines of a .cf at which sendmail stops;
- `mailconf.sendmail.tables`: the tables that a .cf names, and their roles; `mailconf.sendmail.host_names`: class w;
- `mailconf.sendmail.site`: a .mc as a Site.
"""
