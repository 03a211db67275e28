-- One row: whether this session held the publisher's lock, which it has given back.
-- Parameter: lock.
SELECT pg_advisory_unlock(cast(:lock AS bigint)) AS was_held;
