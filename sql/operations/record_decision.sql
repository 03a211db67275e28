-- One row if the decision is new: its line number, the form of its lines, its symbol, and what its agents said, as in
-- select_events_to_publish, if :with_agents is true. It has a line number only if :number is true and no process
-- publishes: then the publisher's lock is held, by this session until it gives it back if :keeps is true, else by this
-- transaction. No row if there is a decision of that id, or of that content under a longer made id. An error if another
-- session has just given the same line number. Parameters: source_name, received_at, symbol and the other columns of a
-- decision, spelled (its symbol, if the list of the market says what it means), signals (a JSON array), exit_side,
-- closes, given_id, fee_bps, the trade's other terms (decisions/costs.py), lock, number, keeps, with_agents.
WITH said AS MATERIALIZED (
    SELECT s.__signal_columns__
    FROM jsonb_populate_recordset(cast(null AS scorekeeper.agent_signal), cast(:signals AS jsonb)) AS s
),
-- What the market's list made of the spelling; where there is a market, and it has yet to be asked, the decision waits.
meant AS MATERIALIZED (
    SELECT
        (
            SELECT r.symbol FROM scorekeeper.symbol_reading AS r
            WHERE r.spelled = cast(:spelled AS text)
        ) AS symbol,
        cast(:spelled AS text) IS NOT NULL AND EXISTS (SELECT 1 FROM scorekeeper.market) AS asks
),
fresh AS (
    INSERT INTO scorekeeper.decision (
        source_name, source_line, received_at, symbol, __decision_columns__
    )
    SELECT :source_name, 1, :received_at, coalesce((SELECT m.symbol FROM meant AS m), :symbol), :__decision_columns__
    WHERE
        NOT EXISTS (
            SELECT 1 FROM scorekeeper.decision AS d
            WHERE
                d.content_sha256 = :content_sha256
                AND position(substr(encode(d.content_sha256, 'hex'), 1, 16) IN d.trade_id) > 0
        )
        AND NOT EXISTS (
            SELECT 1 FROM scorekeeper.retention AS r
            WHERE r.decisions_from > :opened_at
        )
    ON CONFLICT (trade_id) DO NOTHING
    RETURNING
        trade_id, symbol, version, direction, price, opened_at, expires_at, stop_loss, take_profit, trailing_stop_pct
),
signalled AS (
    INSERT INTO scorekeeper.agent_signal (trade_id, __signal_columns__)
    SELECT f.trade_id, s.__signal_columns__
    FROM fresh AS f CROSS JOIN said AS s
),
traded AS (
    INSERT INTO scorekeeper.trade (
        trade_id, symbol, version, direction, entry_price, opened_at, expires_at, stop_loss, take_profit,
        trailing_stop_pct, best_price, fee_bps, __cost_columns__
    )
    SELECT
        trade_id, symbol, version, direction, price, opened_at, expires_at, stop_loss, take_profit, trailing_stop_pct,
        CASE WHEN trailing_stop_pct IS NOT NULL THEN price END, cast(:fee_bps AS double precision),
        cast(:entry_fee_bps AS double precision), cast(:target_fee_bps AS double precision),
        cast(:share_fee_pct AS double precision), cast(:min_fee AS double precision),
        cast(:spread_bps AS double precision), cast(:funding_bps_per_day AS double precision),
        cast(:position_value AS double precision)
    FROM fresh
    WHERE direction <> 0
),
held AS (
    INSERT INTO scorekeeper.held_decision (trade_id)
    SELECT f.trade_id FROM fresh AS f CROSS JOIN meant AS m
    WHERE m.asks AND m.symbol IS NULL
    RETURNING trade_id
),
asking AS (
    INSERT INTO scorekeeper.exit_request (trade_id, symbol, version, side, asked_at, closes, given_id)
    SELECT
        trade_id, symbol, version, cast(:exit_side AS smallint), opened_at, cast(:closes AS text[]),
        cast(:given_id AS text)
    FROM fresh
    WHERE cast(:exit_side AS smallint) IS NOT NULL
),
noted AS (
    INSERT INTO scorekeeper.event (kind, trade_id, line_no)
    SELECT
        'decision', trade_id,
        CASE
            WHEN cast(:number AS boolean) AND NOT EXISTS (SELECT 1 FROM held)
                THEN
                    CASE
                        WHEN
                            CASE
                                WHEN cast(:keeps AS boolean) THEN pg_try_advisory_lock(cast(:lock AS bigint))
                                ELSE pg_try_advisory_xact_lock(cast(:lock AS bigint))
                            END
                            THEN 1 + greatest(
                                (SELECT coalesce(max(e.line_no), 0) FROM scorekeeper.event AS e),
                                (SELECT coalesce(max(k.until_line_no), 0) FROM scorekeeper.kept_lines AS k)
                            )
                    END
        END
    FROM fresh
    RETURNING line_no, form
)
SELECT
    n.line_no, n.form, f.symbol,
    CASE
        WHEN cast(:with_agents AS boolean)
            THEN (
                SELECT json_agg(json_build_array(s.agent, s.signal, s.confidence, s.extra) ORDER BY s.ordinal)
                FROM said AS s
            )
    END AS agents
FROM fresh AS f CROSS JOIN noted AS n;
