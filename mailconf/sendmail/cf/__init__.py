"""A .cf as sendmail reads it."""
