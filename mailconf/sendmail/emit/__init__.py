"""A sendmail.cf of our own, for machines without sendmail's library of m4 macros.

    own_library   a small library of m4 macros that records what a .mc asks for, in place of carrying it out
    facts         what it recorded, read again
    model         the same as `Wanted`; what we cannot do is a diagnostic
    support       which names of a .mc we have: data, shown in docs/sendmail-features.md
    rulesets      their names and numbers
    render        templates/sendmail/*.j2 with a `Wanted`: the text of the .cf

The rulesets were written from the Sendmail Installation and Operation Guide and from what a sendmail.cf of the library
answers in address test mode; names and numbers of rulesets, macros, classes and maps are the library's, so that the
LOCAL_ sections of a .mc and scripts that call rulesets work.
"""
