"""The ends of what COPY takes and gives in its binary format; rows stand between them.

The format: https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS-BINARY
"""

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # the signature, no flags, no extension
TRAILER = b"\xff\xff"  # a count of -1
