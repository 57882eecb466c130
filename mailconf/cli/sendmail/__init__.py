"""The tools of sendmail's administrators under their own names: m4, makemap, editmap, newaliases, praliases."""
