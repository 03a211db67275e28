-- One row: the analysis of a scope (version null: all) at `as_of`, instead of an earlier one of the same.
-- Parameters: as_of, version, document, known_event_id.
INSERT INTO scorekeeper.analysis (as_of, version, document, known_event_id)
VALUES (:as_of, :version, cast(:document AS jsonb), :known_event_id)
ON CONFLICT (as_of, version) DO UPDATE SET document = excluded.document, known_event_id = excluded.known_event_id;
