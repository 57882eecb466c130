"""A .mc as written: its text, the library of macros that makes a .cf of it, and what each line of the .cf came from.

- `mailconf.sendmail.mc.library`: where the library (the package sendmail-cf) is;
- `mailconf.sendmail.mc.expansion`: a .mc into a .cf, in process; `mailconf.sendmail.mc.sandbox`: what it may touch;
- `mailconf.sendmail.mc.tree`: the text of a .mc by its grammar, every byte of it, with
  `mailconf.sendmail.mc.vocabulary`;
- `mailconf.sendmail.mc.mc`: a .mc as it was carried out: text, calls, the .cf;
- `mailconf.sendmail.mc.places`: the way from the text of the .cf back to the .mc.
"""
