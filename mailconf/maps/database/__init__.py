"""Map files: hash and btree (Berkeley DB), cdb and lmdb, each with its reader and its writer.

A reader trusts nothing in a file. The format of a file is described where its reader is.
"""
