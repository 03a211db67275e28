"""What a batch of files adds to the counts that monitoring reads."""

from collections.abc import Sequence

from sqlalchemy import Connection

from scorekeeper.inbox.file_progress import FileProgress
from scorekeeper.inbox.summary import Tally
from scorekeeper.store.sql import json_rows, statement


def count_arrivals(connection: Connection, files: Sequence[FileProgress], tally: Tally, *, arrive: bool) -> None:
    """Count the files of a batch that are read to their end, and its entries, in the transaction that stores them.

    `arrive`: the files have come into an inbox. A file that is read where it lies may be old: its age says nothing.
    """
    read = [
        {"outcome": file.outcome, "modified_at": file.source.mtime if arrive else None}
        for file in files
        if file.finished
    ]
    refused = len(tally.rejections)
    if read or tally.decisions or tally.duplicates or refused:
        given = {
            "files": json_rows(read), "accepted": tally.decisions, "duplicate": tally.duplicates, "refused": refused,
        }  # fmt: skip
        connection.execute(statement("inbox/count_arrivals"), given)
