-- The decisions whose made id has more than eight digits of their content's hash: hardly any.
CREATE INDEX decision_longer ON scorekeeper.decision (content_sha256)
WHERE position(substr(encode(content_sha256, 'hex'), 1, 16) IN trade_id) > 0;

CREATE TABLE scorekeeper.retention (
    only_row boolean PRIMARY KEY DEFAULT true,
    decisions_from timestamptz NOT NULL,
    pruned_as_of timestamptz NOT NULL,
    CONSTRAINT retention_is_one_row CHECK (only_row),
    CONSTRAINT retention_from_midnight CHECK (decisions_from = date_trunc('day', decisions_from, 'UTC'))
);
COMMENT ON TABLE scorekeeper.retention IS
'At most one row: since when decisions are kept. Older ones are deleted once nothing refers to them any more.';
COMMENT ON COLUMN scorekeeper.retention.only_row IS 'Always true: there is one row.';
COMMENT ON COLUMN scorekeeper.retention.decisions_from IS
'A midnight UTC. A decision from before it is refused; rollups of earlier days are never made again.';
COMMENT ON COLUMN scorekeeper.retention.pruned_as_of IS 'The as_of of the last prune that deleted decisions.';

CREATE VIEW scorekeeper.report_retention AS
SELECT decisions_from, pruned_as_of
FROM scorekeeper.retention;
COMMENT ON VIEW scorekeeper.report_retention IS
'At most one row: decisions from before decisions_from were deleted by their age; their days stay in the rollups.';

CREATE TABLE scorekeeper.kept_lines (
    kind text NOT NULL,
    until_line_no bigint NOT NULL,
    until_bytes bigint NOT NULL,
    sha256 bytea NOT NULL,
    PRIMARY KEY (kind, until_line_no),
    CONSTRAINT kept_lines_kind_known CHECK (kind IN ('log', 'dataset'))
);
COMMENT ON TABLE scorekeeper.kept_lines IS
'One row per kind of file and stretch of published lines whose decisions may be deleted: the files alone hold them.';
COMMENT ON COLUMN scorekeeper.kept_lines.kind IS 'log or dataset.';
COMMENT ON COLUMN scorekeeper.kept_lines.until_line_no IS 'The last event.line_no of the stretch.';
COMMENT ON COLUMN scorekeeper.kept_lines.until_bytes IS 'Length of a file that begins with line 1, up to that line.';
COMMENT ON COLUMN scorekeeper.kept_lines.sha256 IS 'Hash of the bytes of the stretch.';

ALTER TABLE scorekeeper.publication ADD COLUMN begins_after bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN scorekeeper.publication.begins_after IS
'The file begins after this event.line_no: lines up to it were of deleted decisions when the file was begun.';

ALTER TABLE scorekeeper.file_arrival ADD COLUMN deleted_decisions bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN scorekeeper.file_arrival.deleted_decisions IS
'Decisions of this name and content, of all its arrivals, that were deleted by their age.';

-- With the owner's rights, since the writer may not delete decisions. A decision goes when it and its trade ended
-- before the bound, its lines are kept in the files, and nothing that stays refers to it. What refers to it and may go,
-- goes too.
CREATE FUNCTION scorekeeper.delete_decisions(most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bound timestamptz;
    kept bigint;
    ids text[];
BEGIN
    SELECT r.decisions_from INTO bound FROM scorekeeper.retention AS r;
    IF bound IS NULL OR bound > now() - interval '1 day' THEN
        RETURN 0;
    END IF;
    SELECT coalesce(min(k.line_no), 0) INTO kept
    FROM (SELECT max(l.until_line_no) AS line_no FROM scorekeeper.kept_lines AS l GROUP BY l.kind) AS k;
    WITH RECURSIVE ended AS NOT MATERIALIZED (
        SELECT d.trade_id, d.expires_at
        FROM scorekeeper.decision AS d
        LEFT JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id
        WHERE
            d.expires_at < bound AND d.opened_at < bound AND coalesce(t.exit_time, '-infinity') < bound
            AND (
                (d.horizon_known_at IS NOT NULL AND (t.trade_id IS NULL OR t.exit_time IS NOT NULL))
                OR d.voided_at IS NOT NULL
                -- Its symbol never had a price.
                OR NOT EXISTS (SELECT FROM scorekeeper.candle_coverage AS c WHERE c.symbol = d.symbol)
            )
            AND NOT EXISTS (
                SELECT FROM scorekeeper.event AS e
                WHERE e.trade_id = d.trade_id AND (e.line_no IS NULL OR e.line_no > kept)
            )
            -- Nothing that stays was closed by it, or asks for its close.
            AND NOT EXISTS (
                SELECT FROM scorekeeper.trade AS x
                WHERE
                    x.signal_id = d.trade_id
                    AND (x.expires_at >= bound OR coalesce(x.exit_time, 'infinity') >= bound)
            )
            AND NOT EXISTS (
                SELECT FROM scorekeeper.exit_request AS q
                INNER JOIN scorekeeper.decision AS x ON q.trade_id = x.trade_id
                WHERE q.given_id = d.trade_id AND x.expires_at >= bound
            )
            AND NOT EXISTS (
                SELECT FROM scorekeeper.exit_request AS q
                INNER JOIN scorekeeper.decision AS x ON q.trade_id = x.trade_id
                WHERE q.closes @> ARRAY[d.trade_id] AND x.expires_at >= bound
            )
    ),
    going AS (
        (SELECT e.trade_id FROM ended AS e ORDER BY e.expires_at LIMIT most)
        UNION
        SELECT e.trade_id
        FROM going AS g
        CROSS JOIN LATERAL (
            SELECT q.trade_id FROM scorekeeper.exit_request AS q WHERE q.given_id = g.trade_id
            UNION ALL
            SELECT q.trade_id FROM scorekeeper.exit_request AS q WHERE q.closes @> ARRAY[g.trade_id]
            UNION ALL
            SELECT x.trade_id FROM scorekeeper.trade AS x WHERE x.signal_id = g.trade_id
        ) AS o
        INNER JOIN ended AS e ON o.trade_id = e.trade_id
    )
    SELECT array_agg(g.trade_id) INTO ids FROM going AS g;
    IF ids IS NULL THEN
        RETURN 0;
    END IF;
    UPDATE scorekeeper.file_arrival AS a
    SET deleted_decisions = a.deleted_decisions + n.decisions
    FROM (
        SELECT
            count(*) AS decisions,
            (
                SELECT min(x.arrival_id) FROM scorekeeper.file_arrival AS x
                WHERE x.name = d.source_name AND coalesce(x.followed_as, x.sha256) = d.source_sha256
            ) AS arrival_id
        FROM scorekeeper.decision AS d
        WHERE d.trade_id = ANY(ids) AND d.source_sha256 IS NOT NULL
        GROUP BY d.source_name, d.source_sha256
    ) AS n
    WHERE a.arrival_id = n.arrival_id;
    DELETE FROM scorekeeper.event WHERE trade_id = ANY(ids);
    DELETE FROM scorekeeper.agent_signal WHERE trade_id = ANY(ids);
    DELETE FROM scorekeeper.exit_request WHERE trade_id = ANY(ids);
    DELETE FROM scorekeeper.trade WHERE trade_id = ANY(ids);
    DELETE FROM scorekeeper.decision WHERE trade_id = ANY(ids);
    RETURN cardinality(ids);
END
$$;
COMMENT ON FUNCTION scorekeeper.delete_decisions(integer) IS
'Deletes up to so many decisions from before retention.decisions_from, and what refers to them. 0: all are gone.';
REVOKE ALL ON FUNCTION scorekeeper.delete_decisions(integer) FROM public;
