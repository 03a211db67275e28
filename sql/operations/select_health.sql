-- One row: the server's clock, how far track has come, and what waits for it. Parameter: unmoved_since (arrivals from
-- before it should have left the inbox).
SELECT
    clock_timestamp() AS database_now,
    current_setting('server_version') AS server_version,
    (SELECT m.last_as_of FROM scorekeeper.market AS m) AS last_as_of,
    exists(
        SELECT 1 FROM scorekeeper.decision AS d
        WHERE d.horizon_known_at IS NULL
    ) AS waits,
    (
        SELECT min(d.received_at) FROM scorekeeper.decision AS d
        WHERE NOT EXISTS (
            SELECT 1 FROM scorekeeper.market AS m
            WHERE m.last_as_of IS NOT NULL
        )
    ) AS untracked_since,
    (
        SELECT count(*) FROM scorekeeper.file_arrival AS a
        WHERE a.moved_at IS NULL AND a.outcome <> 'reading' AND a.arrived_at < :unmoved_since
    ) AS unmoved_files;
