"""Tables that ask somebody else: SQL, LDAP, memcached, NIS, and servers of Postfix's own small protocols."""
