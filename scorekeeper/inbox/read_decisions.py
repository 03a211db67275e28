"""The decisions of a file's entries: read, or refused with the field and the reason."""

import msgspec

from scorekeeper.decisions.decision import Decision, DecisionContext
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.decisions.strict_json import DecisionError, IncompleteJsonError
from scorekeeper.inbox.file_progress import FileProgress
from scorekeeper.inbox.formats.base import Entry
from scorekeeper.inbox.formats.diagnose import explain_line


def read_decision(file: FileProgress, entry: Entry, context: DecisionContext) -> Decision | None:
    """The decision of an entry; None if it is refused, which `file` notes.

    Only the one decision of a file may do without a time: it was made when the file was last written to. The decisions
    of one run of another system may too.
    """
    if entry.skipped is not None:
        return None
    if entry.error is not None:
        file.refuse(entry.number, None, entry.error, entry.text)
        return None
    document = entry.text if entry.document is None else entry.document
    try:
        try:
            return parse_decision(document, context=context)
        except DecisionError as exc:
            untimed = exc.field == "timestamp" and "missing" in exc.reason
            is_alone = entry.dated_by_file or (entry.number == 1 and file.source.format.holds_one(file.source))
            if not (untimed and is_alone):
                raise
            alone = msgspec.structs.replace(context, fallback_opened_at=file.source.mtime)
            return parse_decision(document, context=alone)
    except DecisionError as exc:
        cause = explain_line(entry.text) if isinstance(exc, IncompleteJsonError) else None
        file.refuse(entry.number, exc.field, cause or exc.reason, entry.text)
        return None
