"""`mailconf explain`: what would become of a message, and why, in terms that print as text and as JSON.

`outcome` has what became of each recipient, `reasons` what decided that, with its place, `outside` what was asked
beyond the configuration's files, and `document` all of it as JSON.
"""
