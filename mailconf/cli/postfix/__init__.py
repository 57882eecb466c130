"""Postfix's tools under their own names, with their options, words and exit status: postconf, postmap, postalias."""
