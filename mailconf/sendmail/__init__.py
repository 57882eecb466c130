"""sendmail's configuration: the .mc, the library of macros that makes a .cf of it.

- `mailconf.sendmail.library`: where the library (the package sendmail-cf) is;
- `mailconf.sendmail.expansion`: a .mc into a .cf, in process and confined;
- `mailconf.sendmail.mc_tree`: the text of a .mc by its grammar, every byte of it, with `mailconf.sendmail.vocabulary`;
- `mailconf.sendmail.mc`: a .mc as it was carried out: text, calls, lines of the .cf (`mailconf.sendmail.mc_lines`);
- `mailconf.sendmail.mc_site`: what a .mc says, as a Site;
- `mailconf.sendmail.cf_lines`: what the map tools and the build need of a .cf.
"""
