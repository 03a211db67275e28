-- The whole schema as it stood at the first release. Times are UTC; columns that end in _at are instants.
CREATE SCHEMA IF NOT EXISTS scorekeeper;

CREATE TABLE scorekeeper.market (
    only_row boolean PRIMARY KEY DEFAULT true,
    name text NOT NULL,
    bound_at timestamptz NOT NULL,
    begun_as_of timestamptz NOT NULL,
    last_as_of timestamptz,
    candles_from timestamptz,
    CONSTRAINT market_is_one_row CHECK (only_row)
);
COMMENT ON TABLE scorekeeper.market IS 'One row: the market that this database is bound to. Another one is refused.';
COMMENT ON COLUMN scorekeeper.market.begun_as_of IS
'The last minute that a track has begun with: an earlier one is refused, also when that track was killed.';
COMMENT ON COLUMN scorekeeper.market.candles_from IS
'Candles before this minute have been given up (null: none), and what they decided cannot be recomputed.';
COMMENT ON COLUMN scorekeeper.market.last_as_of IS 'The last minute that track has worked up to; it never goes back.';

CREATE TABLE scorekeeper.decision_file (
    sha256 bytea PRIMARY KEY,
    size_bytes bigint NOT NULL,
    committed_offset bigint NOT NULL DEFAULT 0,
    committed_lines bigint NOT NULL DEFAULT 0,
    finished_at timestamptz,
    CONSTRAINT decision_file_sha256_has_32_bytes CHECK (octet_length(sha256) = 32),
    CONSTRAINT decision_file_offset_not_negative CHECK (committed_offset >= 0 AND committed_lines >= 0)
);
COMMENT ON TABLE scorekeeper.decision_file IS 'One row per content seen (by hash), whatever names it came under.';
COMMENT ON COLUMN scorekeeper.decision_file.committed_offset IS
'Bytes (after decompression) whose lines are in the database; a run that was killed goes on from here.';

CREATE TABLE scorekeeper.file_arrival (
    arrival_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    sha256 bytea NOT NULL REFERENCES scorekeeper.decision_file (sha256),
    modified_at timestamptz NOT NULL,
    arrived_at timestamptz NOT NULL,
    attempt integer NOT NULL DEFAULT 1,
    outcome text NOT NULL DEFAULT 'reading',
    decisions bigint NOT NULL DEFAULT 0,
    duplicates bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    destination text,
    moved_at timestamptz,
    CONSTRAINT file_arrival_outcome_known CHECK (outcome IN ('reading', 'ingested', 'duplicate', 'quarantined')),
    CONSTRAINT file_arrival_moved_only_when_read CHECK (moved_at IS NULL OR outcome <> 'reading')
);
COMMENT ON TABLE scorekeeper.file_arrival IS 'One row per arrival of a content under a name.';
COMMENT ON COLUMN scorekeeper.file_arrival.moved_at IS
'When the file had left the inbox; null while it is there (a file read where it lies counts as moved).';
CREATE UNIQUE INDEX file_arrival_one_waiting ON scorekeeper.file_arrival (name, sha256) WHERE moved_at IS NULL;
CREATE INDEX file_arrival_by_content ON scorekeeper.file_arrival (sha256);

CREATE TABLE scorekeeper.decision (
    trade_id text COLLATE "C" PRIMARY KEY,
    content_sha256 bytea NOT NULL,
    source_sha256 bytea,
    source_name text NOT NULL,
    source_line bigint NOT NULL,
    received_at timestamptz NOT NULL,
    symbol text NOT NULL,
    raw_symbol text NOT NULL,
    bar_interval text,
    action text NOT NULL,
    direction smallint NOT NULL,
    price double precision,
    confidence double precision,
    opened_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    version text NOT NULL,
    reason text,
    stop_loss double precision,
    take_profit double precision,
    trailing_stop_pct double precision,
    position_size double precision,
    extra jsonb,
    late boolean GENERATED ALWAYS AS (received_at > expires_at) STORED,
    reference_price double precision,
    price_suspect boolean,
    horizon_price double precision,
    horizon_return_pct double precision,
    horizon_known_at timestamptz,
    voided_at timestamptz,
    void_reason text,
    CONSTRAINT decision_id_fits_an_index CHECK (octet_length(trade_id) BETWEEN 1 AND 512),
    CONSTRAINT decision_direction_known CHECK (direction IN (-1, 0, 1)),
    CONSTRAINT decision_price_positive CHECK (price > 0 AND price < 'infinity'),
    CONSTRAINT decision_trade_has_price CHECK (direction = 0 OR price IS NOT NULL),
    CONSTRAINT decision_confidence_in_range CHECK (confidence BETWEEN 0 AND 100),
    CONSTRAINT decision_trailing_stop_in_range CHECK (trailing_stop_pct > 0 AND trailing_stop_pct < 100),
    CONSTRAINT decision_expires_after_opening CHECK (expires_at > opened_at),
    CONSTRAINT decision_horizon_whole CHECK (
        num_nulls(horizon_price, horizon_return_pct, horizon_known_at) IN (0, 3)
    ),
    CONSTRAINT decision_void_has_reason CHECK ((voided_at IS NULL) = (void_reason IS NULL))
);
COMMENT ON TABLE scorekeeper.decision IS 'One row per decision, traded or not.';
COMMENT ON COLUMN scorekeeper.decision.content_sha256 IS
'Of the canonical JSON: the same id with another hash is a conflict.';
COMMENT ON COLUMN scorekeeper.decision.late IS 'Received after its own expiry: hindsight, counted apart.';
COMMENT ON COLUMN scorekeeper.decision.price_suspect IS
'The price is further than SUSPECT_PRICE_PCT from the market''s; null until the market is known.';
COMMENT ON COLUMN scorekeeper.decision.horizon_return_pct IS
'Percent from the decision''s price to the expiry fill, not signed by the action.';
COMMENT ON COLUMN scorekeeper.decision.extra IS 'Fields that Scorekeeper does not know, as they came.';
CREATE INDEX decision_undecided ON scorekeeper.decision (symbol, expires_at) WHERE horizon_known_at IS NULL;
CREATE INDEX decision_unreferenced ON scorekeeper.decision (symbol, opened_at) WHERE reference_price IS NULL;
CREATE INDEX decision_by_expiry_day ON scorekeeper.decision (expires_at);
CREATE INDEX decision_suspect ON scorekeeper.decision (version, symbol) WHERE price_suspect;
CREATE INDEX decision_late ON scorekeeper.decision (version, symbol) WHERE late;

CREATE TABLE scorekeeper.agent_signal (
    trade_id text COLLATE "C" NOT NULL REFERENCES scorekeeper.decision (trade_id) ON DELETE CASCADE,
    agent text COLLATE "C" NOT NULL,
    ordinal smallint NOT NULL,
    signal text NOT NULL,
    direction smallint NOT NULL,
    confidence double precision,
    extra jsonb,
    PRIMARY KEY (trade_id, agent),
    CONSTRAINT agent_signal_direction_known CHECK (direction IN (-1, 0, 1)),
    CONSTRAINT agent_signal_confidence_in_range CHECK (confidence BETWEEN 0 AND 100)
);
COMMENT ON TABLE scorekeeper.agent_signal IS 'One row per decision and agent: what the agent said.';
COMMENT ON COLUMN scorekeeper.agent_signal.signal IS 'The word as the agent wrote it; direction is how it is read.';

CREATE TABLE scorekeeper.trade (
    trade_id text COLLATE "C" PRIMARY KEY REFERENCES scorekeeper.decision (trade_id) ON DELETE CASCADE,
    symbol text NOT NULL,
    version text NOT NULL,
    direction smallint NOT NULL,
    entry_price double precision NOT NULL,
    opened_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    stop_loss double precision,
    take_profit double precision,
    trailing_stop_pct double precision,
    best_price double precision,
    -- To the bit what the rule says elsewhere (close_due_trades, domain/walk): the same operations in the same order.
    trailing_level double precision GENERATED ALWAYS AS (
        CASE direction
            WHEN 1 THEN best_price * (1 - trailing_stop_pct / 100)
            ELSE best_price * (1 + trailing_stop_pct / 100)
        END
    ) STORED,
    fee_bps double precision NOT NULL,
    scanned boolean NOT NULL DEFAULT false,
    left_out boolean NOT NULL DEFAULT false,
    close_requested_at timestamptz,
    due_at timestamptz GENERATED ALWAYS AS (least(expires_at, close_requested_at)) STORED,
    exit_time timestamptz,
    exit_price double precision,
    exit_reason text,
    exit_known_at timestamptz,
    price_source text,
    price_age_seconds double precision,
    ambiguous_exit boolean,
    pnl_pct double precision,
    net_pnl_pct double precision,
    mfe_pct double precision,
    mae_pct double precision,
    CONSTRAINT trade_direction_known CHECK (direction IN (-1, 1)),
    CONSTRAINT trade_entry_positive CHECK (entry_price > 0 AND entry_price < 'infinity'),
    CONSTRAINT trade_stop_on_the_losing_side CHECK (direction * (entry_price - stop_loss) > 0),
    CONSTRAINT trade_target_on_the_winning_side CHECK (direction * (take_profit - entry_price) > 0),
    CONSTRAINT trade_trailing_stop_in_range CHECK (trailing_stop_pct > 0 AND trailing_stop_pct < 100),
    CONSTRAINT trade_best_price_if_and_only_if_trailing CHECK (
        (best_price IS NULL) = (trailing_stop_pct IS NULL)
    ),
    CONSTRAINT trade_best_price_never_behind_entry CHECK (
        direction * (best_price - entry_price) >= 0 AND best_price > 0 AND best_price < 'infinity'
    ),
    CONSTRAINT trade_open_if_and_only_if_no_exit CHECK (
        num_nulls(
            exit_time, exit_price, exit_reason, exit_known_at, price_source, ambiguous_exit, pnl_pct, net_pnl_pct,
            mfe_pct, mae_pct
        ) IN (0, 10)
    ),
    CONSTRAINT trade_exit_price_positive CHECK (exit_price > 0 AND exit_price < 'infinity'),
    CONSTRAINT trade_exit_reason_known CHECK (
        exit_reason IN ('expired', 'stop_loss', 'take_profit', 'trailing_stop', 'manual', 'imported')
    ),
    CONSTRAINT trade_price_source_known CHECK (price_source IN ('market', 'quote', 'imported')),
    CONSTRAINT trade_excursions_signed CHECK (mfe_pct >= 0 AND mae_pct <= 0)
)
-- Marking reads trade_marking alone only where the rows around it are known to all: vacuum long before a fifth is dead.
WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
COMMENT ON TABLE scorekeeper.trade IS 'One row per BUY or SELL decision: open exactly while it has no exit columns.';
COMMENT ON COLUMN scorekeeper.trade.fee_bps IS 'Fee a side, basis points, as it stood at ingest.';
COMMENT ON COLUMN scorekeeper.trade.scanned IS
'False until its whole past has been looked through once; from then on only newly sealed candles concern it.';
COMMENT ON COLUMN scorekeeper.trade.left_out IS
'Its decision''s price is suspect, or it was voided: kept here too, so that marking reads one index and nothing else.';
COMMENT ON COLUMN scorekeeper.trade.exit_known_at IS 'The as_of that closed it.';
COMMENT ON COLUMN scorekeeper.trade.price_age_seconds IS 'How old the price of an expiry fill was at exit_time.';
CREATE INDEX trade_unscanned ON scorekeeper.trade (symbol, opened_at) WHERE exit_time IS NULL AND NOT scanned;
CREATE INDEX trade_due ON scorekeeper.trade (symbol, due_at) WHERE exit_time IS NULL;
CREATE INDEX trade_long_stop ON scorekeeper.trade (symbol, stop_loss)
WHERE exit_time IS NULL AND direction = 1 AND stop_loss IS NOT NULL;
CREATE INDEX trade_long_target ON scorekeeper.trade (symbol, take_profit)
WHERE exit_time IS NULL AND direction = 1 AND take_profit IS NOT NULL;
CREATE INDEX trade_short_stop ON scorekeeper.trade (symbol, stop_loss)
WHERE exit_time IS NULL AND direction = -1 AND stop_loss IS NOT NULL;
CREATE INDEX trade_short_target ON scorekeeper.trade (symbol, take_profit)
WHERE exit_time IS NULL AND direction = -1 AND take_profit IS NOT NULL;
CREATE INDEX trade_long_best ON scorekeeper.trade (symbol, best_price)
WHERE exit_time IS NULL AND direction = 1 AND best_price IS NOT NULL;
CREATE INDEX trade_long_trailing ON scorekeeper.trade (symbol, trailing_level)
WHERE exit_time IS NULL AND direction = 1 AND trailing_level IS NOT NULL;
CREATE INDEX trade_short_best ON scorekeeper.trade (symbol, best_price)
WHERE exit_time IS NULL AND direction = -1 AND best_price IS NOT NULL;
CREATE INDEX trade_short_trailing ON scorekeeper.trade (symbol, trailing_level)
WHERE exit_time IS NULL AND direction = -1 AND trailing_level IS NOT NULL;
CREATE INDEX trade_marking ON scorekeeper.trade (symbol, version, opened_at)
INCLUDE (direction, entry_price) WHERE exit_time IS NULL AND NOT left_out;
CREATE INDEX trade_by_exit ON scorekeeper.trade (exit_time, trade_id) WHERE exit_time IS NOT NULL;

CREATE TABLE scorekeeper.candle (
    symbol text NOT NULL,
    minute_at timestamptz NOT NULL,
    open double precision NOT NULL,
    high double precision NOT NULL,
    low double precision NOT NULL,
    close double precision NOT NULL,
    volume double precision NOT NULL,
    PRIMARY KEY (symbol, minute_at),
    CONSTRAINT candle_prices_sane CHECK (
        low > 0 AND low <= least(open, close) AND high >= greatest(open, close) AND high < 'infinity'
    ),
    CONSTRAINT candle_volume_finite CHECK (volume >= 0 AND volume < 'infinity')
) PARTITION BY RANGE (minute_at);
COMMENT ON TABLE scorekeeper.candle IS 'One row per symbol and sealed minute; never changed once written.';
COMMENT ON COLUMN scorekeeper.candle.minute_at IS 'The minute''s opening; the candle is known one minute later.';

-- With the owner's rights, so that who may write candles need not be allowed to change the schema.
CREATE FUNCTION scorekeeper.ensure_candle_partition(year integer, month integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text := 'candle_' || lpad(year::text, 4, '0') || '_' || lpad(month::text, 2, '0');
    start timestamptz := make_timestamptz(year, month, 1, 0, 0, 0, 'UTC');
    finish timestamptz := (start AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
    IF to_regclass('scorekeeper.' || quote_ident(name)) IS NULL THEN
        EXECUTE 'CREATE TABLE IF NOT EXISTS scorekeeper.' || quote_ident(name) || ' PARTITION OF scorekeeper.candle '
            || 'FOR VALUES FROM (' || quote_literal(start) || ') TO (' || quote_literal(finish) || ')';
    END IF;
END
$$;
COMMENT ON FUNCTION scorekeeper.ensure_candle_partition(integer, integer) IS
'Makes the candle partition of a UTC month, unless it is there.';
REVOKE ALL ON FUNCTION scorekeeper.ensure_candle_partition(integer, integer) FROM public;

CREATE TABLE scorekeeper.candle_coverage (
    symbol text PRIMARY KEY,
    sealed_from timestamptz NOT NULL,
    sealed_until timestamptz NOT NULL,
    settled_until timestamptz NOT NULL,
    filled_back boolean NOT NULL,
    CONSTRAINT candle_coverage_in_order CHECK (sealed_from <= sealed_until AND settled_until <= sealed_until)
);
COMMENT ON TABLE scorekeeper.candle_coverage IS
'One row per symbol: every minute in [sealed_from, sealed_until) is sealed; one without a candle had none.';
COMMENT ON COLUMN scorekeeper.candle_coverage.settled_until IS
'Candles before this have been held against scanned trades.';
COMMENT ON COLUMN scorekeeper.candle_coverage.filled_back IS
'False while a back-fill is on its way: the last price before the first minutes of the range is yet to come.';

CREATE TABLE scorekeeper.candle_revision (
    symbol text NOT NULL,
    minute_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    open double precision NOT NULL,
    high double precision NOT NULL,
    low double precision NOT NULL,
    close double precision NOT NULL,
    volume double precision NOT NULL,
    PRIMARY KEY (symbol, minute_at, seen_at)
);
COMMENT ON TABLE scorekeeper.candle_revision IS
'One row per candle that came too late for a sealed minute or would have changed it: kept, used for nothing.';

CREATE TABLE scorekeeper.equity (
    as_of timestamptz NOT NULL,
    version text NOT NULL,
    open_trades bigint NOT NULL,
    marked_trades bigint NOT NULL,
    unrealised_pnl_pct double precision NOT NULL,
    realised_pnl_pct double precision NOT NULL,
    oldest_mark_at timestamptz,
    PRIMARY KEY (as_of, version)
);
CREATE INDEX equity_by_version ON scorekeeper.equity (version, as_of);
COMMENT ON TABLE scorekeeper.equity IS 'One row per as_of and version: what was known then; never rewritten.';

CREATE TABLE scorekeeper.stale_day (
    kind text NOT NULL,
    day date NOT NULL,
    PRIMARY KEY (kind, day),
    CONSTRAINT stale_day_kind_known CHECK (kind IN ('system', 'agent'))
);
COMMENT ON TABLE scorekeeper.stale_day IS
'One row per UTC day whose rollup has to be made again; written in the transaction that changed its rows.';

CREATE TABLE scorekeeper.daily_score (
    day date NOT NULL,
    version text,
    symbol text,
    after_fees boolean NOT NULL,
    trades bigint NOT NULL,
    winners bigint NOT NULL,
    losers bigint NOT NULL,
    sum_pct numeric NOT NULL,
    sum_squares numeric NOT NULL,
    sum_winners_pct numeric NOT NULL,
    sum_losers_pct numeric NOT NULL,
    hold_seconds numeric NOT NULL,
    hold_seconds_winners numeric NOT NULL,
    hold_seconds_losers numeric NOT NULL,
    sum_mfe_pct numeric NOT NULL,
    sum_mae_pct numeric NOT NULL,
    sum_given_back_pct numeric NOT NULL,
    path_high_pct numeric NOT NULL,
    path_high_at timestamptz NOT NULL,
    path_low_pct numeric NOT NULL,
    path_fall_pct numeric NOT NULL,
    first_exit_at timestamptz NOT NULL,
    leading_wins bigint NOT NULL,
    trailing_wins bigint NOT NULL,
    longest_wins bigint NOT NULL,
    leading_losses bigint NOT NULL,
    trailing_losses bigint NOT NULL,
    longest_losses bigint NOT NULL,
    CONSTRAINT daily_score_one_per_scope UNIQUE NULLS NOT DISTINCT (version, symbol, after_fees, day),
    CONSTRAINT daily_score_counts_add_up CHECK (winners + losers <= trades AND trades > 0)
);
CREATE INDEX daily_score_by_day ON scorekeeper.daily_score (day);
COMMENT ON TABLE scorekeeper.daily_score IS
'One row per UTC exit day, scope (null: all) and basis (gross, after fees), without suspect and voided trades.';
COMMENT ON COLUMN scorekeeper.daily_score.path_high_pct IS
'Highest running sum of the day, after at least one step; one step per exit_time, the day starts at 0.';
COMMENT ON COLUMN scorekeeper.daily_score.path_high_at IS
'The last exit_time at which the running sum stood at path_high_pct.';
COMMENT ON COLUMN scorekeeper.daily_score.path_low_pct IS 'Lowest running sum of the day, after at least one step.';
COMMENT ON COLUMN scorekeeper.daily_score.path_fall_pct IS
'Largest fall of the running sum below an earlier point of the day, its start at 0 included; not negative.';

CREATE TABLE scorekeeper.agent_daily_score (
    day date NOT NULL,
    version text,
    symbol text,
    agent text COLLATE "C" NOT NULL,
    signals bigint NOT NULL,
    calls bigint NOT NULL,
    correct bigint NOT NULL,
    incorrect bigint NOT NULL,
    sum_call_return_pct numeric NOT NULL,
    brier_calls bigint NOT NULL,
    sum_brier numeric NOT NULL,
    bin_calls bigint[] NOT NULL,
    bin_correct bigint[] NOT NULL,
    bin_confidence numeric[] NOT NULL,
    supported_winners bigint NOT NULL,
    supported_losers bigint NOT NULL,
    opposed_winners bigint NOT NULL,
    opposed_losers bigint NOT NULL,
    abstained_winners bigint NOT NULL,
    abstained_losers bigint NOT NULL,
    CONSTRAINT agent_daily_score_one_per_scope UNIQUE NULLS NOT DISTINCT (version, symbol, agent, day),
    CONSTRAINT agent_daily_score_has_ten_bins CHECK (
        cardinality(bin_calls) = 10 AND cardinality(bin_correct) = 10 AND cardinality(bin_confidence) = 10
    )
);
CREATE INDEX agent_daily_score_by_day ON scorekeeper.agent_daily_score (day);
COMMENT ON TABLE scorekeeper.agent_daily_score IS
'One row per UTC day of expires_at, scope (null: all) and agent, without suspect and voided decisions.';

CREATE TABLE scorekeeper.analysis (
    as_of timestamptz NOT NULL,
    version text,
    document jsonb NOT NULL,
    CONSTRAINT analysis_one_per_scope UNIQUE NULLS NOT DISTINCT (version, as_of),
    CONSTRAINT analysis_is_an_object CHECK (jsonb_typeof(document) = 'object')
);
COMMENT ON TABLE scorekeeper.analysis IS 'One row per run of analyze and scope (version null: all); kept as history.';
COMMENT ON COLUMN scorekeeper.analysis.as_of IS 'What had closed or expired by then went into it.';
COMMENT ON COLUMN scorekeeper.analysis.version IS 'SYSTEM_VERSION; null: all.';
COMMENT ON COLUMN scorekeeper.analysis.document IS
'The analysis (scorekeeper/domain/analysis.py says what is in it); figures: what the answer of metrics shows of it.';

CREATE TABLE scorekeeper.scorecard (
    version text,
    as_of timestamptz NOT NULL,
    answer json NOT NULL,
    outdated boolean NOT NULL DEFAULT false,
    before_day date,
    before json,
    CONSTRAINT scorecard_one_per_version UNIQUE NULLS NOT DISTINCT (version),
    CONSTRAINT scorecard_is_an_object CHECK (json_typeof(answer) = 'object'),
    CONSTRAINT scorecard_before_a_day CHECK ((before_day IS NULL) = (before IS NULL))
);
COMMENT ON TABLE scorekeeper.scorecard IS
'One row per version (null: all): the answer of metrics at as_of, composed when its days changed last.';
COMMENT ON COLUMN scorekeeper.scorecard.version IS 'SYSTEM_VERSION; null: all.';
COMMENT ON COLUMN scorekeeper.scorecard.as_of IS 'What had closed or expired by then is in it.';
COMMENT ON COLUMN scorekeeper.scorecard.outdated IS
'Whether it is to be composed anew: its days have changed in this transaction, or a release has changed a figure.';
COMMENT ON COLUMN scorekeeper.scorecard.before_day IS 'The first of the days that are read each time.';
COMMENT ON COLUMN scorekeeper.scorecard.before IS
'What all days before before_day come to, added up (scorekeeper/domain/pieces.py); null: the days are read, all.';
COMMENT ON COLUMN scorekeeper.scorecard.answer IS 'As docs/metrics.md has it; two views name each figure.';

CREATE TABLE scorekeeper.event (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    trade_id text COLLATE "C" REFERENCES scorekeeper.decision (trade_id) ON DELETE CASCADE,
    horizon_known boolean NOT NULL DEFAULT false,
    price_suspect boolean,
    log_line text,
    line_no bigint,
    CONSTRAINT event_kind_known CHECK (kind IN ('decision', 'outcome', 'horizon', 'metrics')),
    CONSTRAINT event_names_its_trade CHECK ((kind = 'metrics') = (trade_id IS NULL)),
    CONSTRAINT event_metrics_has_text CHECK ((kind = 'metrics') = (log_line IS NOT NULL))
);
COMMENT ON TABLE scorekeeper.event IS
'One row per thing to be published; with the decision''s and the trade''s unchanging columns it gives the line.';
COMMENT ON COLUMN scorekeeper.event.horizon_known IS 'Whether the horizon return was known then.';
COMMENT ON COLUMN scorekeeper.event.line_no IS 'Given by the publisher, under its lock, without gaps; null until then.';
CREATE UNIQUE INDEX event_once ON scorekeeper.event (trade_id, kind) WHERE trade_id IS NOT NULL;
CREATE INDEX event_metrics ON scorekeeper.event (event_id) WHERE kind = 'metrics';
CREATE UNIQUE INDEX event_line ON scorekeeper.event (line_no) WHERE line_no IS NOT NULL;
CREATE INDEX event_unnumbered ON scorekeeper.event (event_id) WHERE line_no IS NULL;

CREATE TABLE scorekeeper.publication (
    path text PRIMARY KEY,
    kind text NOT NULL,
    published_line_no bigint NOT NULL DEFAULT 0,
    committed_bytes bigint NOT NULL DEFAULT 0,
    tail_sha256 bytea,
    CONSTRAINT publication_kind_known CHECK (kind IN ('log', 'dataset'))
);
COMMENT ON TABLE scorekeeper.publication IS 'One row per published file, with its watermark.';
COMMENT ON COLUMN scorekeeper.publication.tail_sha256 IS 'Of the last 4096 committed bytes: an edited file is noticed.';

CREATE TABLE scorekeeper.rejection (
    rejection_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256 bytea NOT NULL REFERENCES scorekeeper.decision_file (sha256),
    source_name text NOT NULL,
    line bigint NOT NULL,
    field text,
    reason text NOT NULL,
    excerpt text,
    rejected_at timestamptz NOT NULL,
    CONSTRAINT rejection_once UNIQUE (sha256, line)
);
COMMENT ON TABLE scorekeeper.rejection IS 'One row per refused decision (line 0: the whole file).';

CREATE TABLE scorekeeper.alert (
    name text NOT NULL,
    subject text NOT NULL,
    begun_at timestamptz NOT NULL,
    told_at timestamptz,
    PRIMARY KEY (name, subject)
);
COMMENT ON TABLE scorekeeper.alert IS
'One row per condition that holds, so that it is told once when it begins; gone when it ends.';
COMMENT ON COLUMN scorekeeper.alert.name IS 'Name of the event, such as scorekeeper.price-stale.';
COMMENT ON COLUMN scorekeeper.alert.subject IS 'What it holds of: a symbol; empty: the whole installation.';
COMMENT ON COLUMN scorekeeper.alert.begun_at IS 'Time of the run that saw it first.';
COMMENT ON COLUMN scorekeeper.alert.told_at IS 'When the event was taken; null: the next run tells it again.';

CREATE VIEW scorekeeper.report_open_trades AS
SELECT
    t.trade_id, t.version, t.symbol, t.direction, t.entry_price, t.opened_at, t.expires_at, t.stop_loss, t.take_profit,
    t.trailing_stop_pct, t.trailing_level, t.close_requested_at, d.price_suspect,
    m.close AS mark_price, m.minute_at + interval '1 minute' AS mark_at,
    t.direction * (m.close - t.entry_price) / t.entry_price * 100 AS pnl_pct,
    cast(extract(EPOCH FROM b.last_as_of - t.opened_at) / 60 AS float8) AS age_minutes,
    cast(extract(EPOCH FROM t.due_at - b.last_as_of) / 60 AS float8) AS minutes_to_expiry,
    t.direction * (m.close - CASE t.direction
        WHEN 1 THEN greatest(t.stop_loss, t.trailing_level)
        ELSE least(t.stop_loss, t.trailing_level)
    END) / m.close * 100 AS distance_to_stop_pct,
    t.direction * (t.take_profit - m.close) / m.close * 100 AS distance_to_target_pct
FROM scorekeeper.trade AS t
INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id AND d.voided_at IS NULL
LEFT JOIN scorekeeper.market AS b ON true
LEFT JOIN LATERAL (
    SELECT c.close, c.minute_at
    FROM scorekeeper.candle AS c
    WHERE c.symbol = t.symbol AND c.minute_at > t.opened_at - interval '1 minute'
    ORDER BY c.minute_at DESC LIMIT 1
) AS m ON true
WHERE t.exit_time IS NULL;
COMMENT ON VIEW scorekeeper.report_open_trades IS
'One row per open trade at the last as_of of track: last mark (null: no price since entry), age, time to expiry, and how
far (percent of the mark, negative: beyond) stop and target are.';

CREATE VIEW scorekeeper.report_suspect_prices AS
SELECT
    d.trade_id, d.version, d.symbol, d.action, d.opened_at, d.price, d.reference_price,
    (d.price - d.reference_price) / d.reference_price * 100 AS deviation_pct, d.source_name, d.source_line
FROM scorekeeper.decision AS d
WHERE d.price_suspect AND d.voided_at IS NULL;
COMMENT ON VIEW scorekeeper.report_suspect_prices IS
'One row per decision whose price is too far from the market''s: kept, and left out of metrics unless asked for.';

CREATE VIEW scorekeeper.report_equity AS
SELECT
    e.as_of, e.version, e.open_trades, e.marked_trades, e.realised_pnl_pct, e.unrealised_pnl_pct,
    e.realised_pnl_pct + e.unrealised_pnl_pct AS equity_pct, e.oldest_mark_at
FROM scorekeeper.equity AS e;
COMMENT ON VIEW scorekeeper.report_equity IS
'One row per as_of and version: realised and unrealised P&L as they were known then, percent, one unit a trade.';

CREATE VIEW scorekeeper.report_trades AS
SELECT
    t.trade_id, t.version, t.symbol, d.bar_interval, CASE t.direction WHEN 1 THEN 'long' ELSE 'short' END AS side,
    d.confidence, t.opened_at, t.exit_time, t.entry_price, t.exit_price, t.exit_reason, t.price_source,
    t.ambiguous_exit, t.pnl_pct, t.net_pnl_pct, t.mfe_pct, t.mae_pct, d.horizon_return_pct,
    cast(extract(EPOCH FROM t.exit_time - t.opened_at) / 60 AS float8) AS hold_time_minutes,
    coalesce(d.price_suspect, false) AS price_suspect, d.late
FROM scorekeeper.trade AS t
INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id
WHERE t.exit_time IS NOT NULL AND d.voided_at IS NULL;
COMMENT ON VIEW scorekeeper.report_trades IS
'One row per closed trade, without voided ones. Figures leave out those whose price is suspect unless asked for.';

CREATE VIEW scorekeeper.report_daily_scores AS
SELECT
    s.day, s.version, s.symbol, s.after_fees, s.trades AS completed_trades, s.winners AS profitable_trades,
    s.losers AS losing_trades, s.trades - s.winners - s.losers AS breakeven_trades,
    cast(100 AS float8) * s.winners / s.trades AS win_rate,
    cast(s.sum_winners_pct / nullif(s.winners, 0) AS float8) AS avg_profit_pct,
    cast(s.sum_losers_pct / nullif(s.losers, 0) AS float8) AS avg_loss_pct,
    cast(s.sum_pct AS float8) AS total_pnl_pct,
    cast(s.sum_pct / s.trades AS float8) AS expectancy_pct,
    cast(s.sum_winners_pct / -nullif(s.sum_losers_pct, 0) AS float8) AS profit_factor,
    cast(s.hold_seconds / 60 / s.trades AS float8) AS avg_hold_minutes,
    cast(s.sum_mfe_pct / s.trades AS float8) AS avg_mfe_pct,
    cast(s.sum_mae_pct / s.trades AS float8) AS avg_mae_pct
FROM scorekeeper.daily_score AS s;
COMMENT ON VIEW scorekeeper.report_daily_scores IS
'One row per UTC exit day, version and symbol (null: all) and basis; no row for a day without closed trades.';

CREATE VIEW scorekeeper.report_agent_daily_scores AS
SELECT
    s.day, s.version, s.symbol, s.agent, s.signals, s.calls, s.signals - s.calls AS abstentions, s.correct, s.incorrect,
    cast(100 AS float8) * s.correct / nullif(s.correct + s.incorrect, 0) AS accuracy,
    cast(s.sum_call_return_pct / nullif(s.calls, 0) AS float8) AS avg_call_return_pct,
    CASE WHEN s.calls > 0 THEN cast(s.sum_call_return_pct AS float8) END AS total_call_return_pct,
    cast(s.sum_brier / nullif(s.brier_calls, 0) AS float8) AS brier,
    s.supported_winners, s.supported_losers, s.opposed_winners, s.opposed_losers, s.abstained_winners,
    s.abstained_losers
FROM scorekeeper.agent_daily_score AS s;
COMMENT ON VIEW scorekeeper.report_agent_daily_scores IS
'One row per UTC day of expires_at, version and symbol (null: all) and agent.';

CREATE VIEW scorekeeper.report_calibration AS
SELECT
    s.version, s.symbol, s.agent, 10 * (b.place - 1) AS confidence_from, 10 * b.place AS confidence_to,
    cast(sum(b.calls) AS bigint) AS calls, cast(sum(b.correct) AS bigint) AS correct,
    cast(sum(b.confidence) / sum(b.calls) AS float8) AS avg_confidence,
    cast(100 * sum(b.correct) / sum(b.calls) AS float8) AS accuracy
FROM scorekeeper.agent_daily_score AS s
CROSS JOIN
    LATERAL unnest(s.bin_calls, s.bin_correct, s.bin_confidence) WITH ORDINALITY
        AS b (calls, correct, confidence, place)
GROUP BY s.version, s.symbol, s.agent, b.place
HAVING sum(b.calls) > 0;
COMMENT ON VIEW scorekeeper.report_calibration IS
'One row per version and symbol (null: all), agent and bin of ten points of confidence in which it called: how often it
was right, beside its mean confidence. The last bin holds 100 too.';

CREATE VIEW scorekeeper.report_system_metrics AS
SELECT
    s.version, s.as_of, b.after_fees,
    m.days, m.suspect_trades, m.late_decisions, m.active_trades, m.completed_trades, m.profitable_trades,
    m.losing_trades, m.breakeven_trades, m.win_rate, m.win_rate_ci95, m.avg_profit_pct, m.avg_loss_pct,
    m.total_pnl_pct, m.expectancy_pct, m.expectancy_ratio, m.payoff_ratio, m.profit_factor, m.sqn, m.kelly,
    m.max_win_streak, m.max_loss_streak, m.avg_hold_minutes, m.avg_hold_minutes_winners, m.avg_hold_minutes_losers,
    m.avg_mfe_pct, m.avg_mae_pct, m.profit_given_back_pct, m.max_drawdown_pct, m.current_drawdown_pct,
    m.underwater_since, m.sharpe, m.sortino, m.calmar, m.volatility_pct, m.var95_pct, m.cvar95_pct, m.psr,
    m.analysis_as_of, m.independent_trades, m.win_rate_ci95_robust, m.win_rate_p_robust, m.expectancy_ci95_robust,
    m.p_robust, m.dsr
FROM scorekeeper.scorecard AS s
CROSS JOIN (VALUES (false), (true)) AS b (after_fees)
CROSS JOIN LATERAL jsonb_to_record(
    CASE
        WHEN b.after_fees
            THEN
                cast(s.answer AS jsonb) - ARRAY['win_rate_ci95_robust', 'win_rate_p_robust', 'dsr']
                || cast(s.answer -> 'net' AS jsonb)
        ELSE cast(s.answer AS jsonb)
    END
)
    AS m (
        days bigint, suspect_trades bigint, late_decisions bigint, active_trades bigint, completed_trades bigint,
        profitable_trades bigint, losing_trades bigint, breakeven_trades bigint, win_rate float8,
        win_rate_ci95 float8[], avg_profit_pct float8, avg_loss_pct float8, total_pnl_pct float8,
        expectancy_pct float8, expectancy_ratio float8, payoff_ratio float8, profit_factor float8, sqn float8,
        kelly float8, max_win_streak bigint, max_loss_streak bigint, avg_hold_minutes float8,
        avg_hold_minutes_winners float8, avg_hold_minutes_losers float8, avg_mfe_pct float8, avg_mae_pct float8,
        profit_given_back_pct float8, max_drawdown_pct float8, current_drawdown_pct float8,
        underwater_since timestamptz, sharpe float8, sortino float8, calmar float8, volatility_pct float8,
        var95_pct float8, cvar95_pct float8, psr float8, analysis_as_of timestamptz, independent_trades bigint,
        win_rate_ci95_robust float8[], win_rate_p_robust float8, expectancy_ci95_robust float8[], p_robust float8,
        dsr float8
    );
COMMENT ON VIEW scorekeeper.report_system_metrics IS
'One row per version (null: all) and basis: every figure of the system at the last track. Intervals are {low,high}.';

CREATE VIEW scorekeeper.report_agent_metrics AS
SELECT
    s.version, s.as_of, a.agent,
    m.signals, m.calls, m.abstentions, m.coverage, m.correct, m.incorrect, m.accuracy, m.accuracy_ci95,
    m.avg_call_return_pct, m.total_call_return_pct, m.brier, m.brier_skill, m.ece, m.supported_winners,
    m.supported_losers, m.opposed_winners, m.opposed_losers, m.abstained_winners, m.abstained_losers, m.ic,
    m.shapley_pct, m.shapley_ci95_robust, m.shapley_error_pct, m.leave_one_out_pct, m.leave_one_out_ci95_robust,
    m.accuracy_ci95_robust, m.accuracy_p_robust, m.call_return_ci95_robust, m.call_return_p_robust, m.independent_calls
FROM scorekeeper.scorecard AS s
CROSS JOIN LATERAL json_each(s.answer -> 'agent_performance') AS a (agent, figures)
CROSS JOIN LATERAL json_to_record(a.figures)
    AS m (
        signals bigint, calls bigint, abstentions bigint, coverage float8, correct bigint, incorrect bigint,
        accuracy float8, accuracy_ci95 float8[], avg_call_return_pct float8, total_call_return_pct float8,
        brier float8, brier_skill float8, ece float8, supported_winners bigint, supported_losers bigint,
        opposed_winners bigint, opposed_losers bigint, abstained_winners bigint, abstained_losers bigint, ic float8,
        shapley_pct float8, shapley_ci95_robust float8[], shapley_error_pct float8, leave_one_out_pct float8,
        leave_one_out_ci95_robust float8[], accuracy_ci95_robust float8[], accuracy_p_robust float8,
        call_return_ci95_robust float8[], call_return_p_robust float8, independent_calls bigint
    );
COMMENT ON VIEW scorekeeper.report_agent_metrics IS
'One row per version (null: all) and agent: every figure of it at the last track. Intervals are {low,high}.';

-- What the columns hold that have not been explained beside their table.
COMMENT ON COLUMN scorekeeper.market.only_row IS 'Always true: there is one row.';
COMMENT ON COLUMN scorekeeper.market.name IS 'ccxt:<exchange> or replay:<folder>.';
COMMENT ON COLUMN scorekeeper.market.bound_at IS 'The as_of of the first track.';
COMMENT ON COLUMN scorekeeper.decision_file.sha256 IS
'Hash of the bytes as they arrived (compressed if they came compressed).';
COMMENT ON COLUMN scorekeeper.decision_file.size_bytes IS 'Size as it arrived.';
COMMENT ON COLUMN scorekeeper.decision_file.committed_lines IS 'Lines before committed_offset.';
COMMENT ON COLUMN scorekeeper.decision_file.finished_at IS
'When the last of it was in the database; null while it is being read.';
COMMENT ON COLUMN scorekeeper.file_arrival.arrival_id IS 'Number of the arrival.';
COMMENT ON COLUMN scorekeeper.file_arrival.name IS 'File name, without its folder.';
COMMENT ON COLUMN scorekeeper.file_arrival.sha256 IS 'The content that came.';
COMMENT ON COLUMN scorekeeper.file_arrival.modified_at IS 'Modification time of the file, UTC.';
COMMENT ON COLUMN scorekeeper.file_arrival.arrived_at IS 'Time of the run that first saw it.';
COMMENT ON COLUMN scorekeeper.file_arrival.attempt IS 'How often this content had come before, plus one.';
COMMENT ON COLUMN scorekeeper.file_arrival.outcome IS
'reading, ingested, duplicate (the content was known) or quarantined (something was refused).';
COMMENT ON COLUMN scorekeeper.file_arrival.decisions IS 'Decisions that were new.';
COMMENT ON COLUMN scorekeeper.file_arrival.duplicates IS 'Decisions that were known already.';
COMMENT ON COLUMN scorekeeper.file_arrival.rejected IS 'Decisions that were refused.';
COMMENT ON COLUMN scorekeeper.file_arrival.destination IS
'Where the file goes once it is read; null: it stays where it lies, or goes on as a longer one.';
COMMENT ON COLUMN scorekeeper.decision.trade_id IS 'The decision''s identity, its own or derived from its content.';
COMMENT ON COLUMN scorekeeper.decision.source_sha256 IS
'Content of the file that brought it; null for the tracker and imports.';
COMMENT ON COLUMN scorekeeper.decision.source_name IS 'File that brought it, or tracker.';
COMMENT ON COLUMN scorekeeper.decision.source_line IS 'Line or array position, from 1.';
COMMENT ON COLUMN scorekeeper.decision.received_at IS 'Time of the run that took it.';
COMMENT ON COLUMN scorekeeper.decision.symbol IS 'Unified: BTC/USDT.';
COMMENT ON COLUMN scorekeeper.decision.raw_symbol IS 'As the writer spelled it.';
COMMENT ON COLUMN scorekeeper.decision.bar_interval IS 'The writer''s own interval, such as 1h.';
COMMENT ON COLUMN scorekeeper.decision.action IS 'BUY, SELL, HOLD or another word, which opens no trade.';
COMMENT ON COLUMN scorekeeper.decision.direction IS '+1 for BUY, -1 for SELL, 0 for the others.';
COMMENT ON COLUMN scorekeeper.decision.price IS 'Price decided at, quote currency.';
COMMENT ON COLUMN scorekeeper.decision.confidence IS '0 to 100.';
COMMENT ON COLUMN scorekeeper.decision.opened_at IS 'The decision''s own time.';
COMMENT ON COLUMN scorekeeper.decision.expires_at IS 'opened_at plus the hold time as it stood at ingest.';
COMMENT ON COLUMN scorekeeper.decision.version IS 'SYSTEM_VERSION that decided.';
COMMENT ON COLUMN scorekeeper.decision.reason IS 'What the system said; a stranger''s text.';
COMMENT ON COLUMN scorekeeper.decision.stop_loss IS 'Stop price, on the losing side of price.';
COMMENT ON COLUMN scorekeeper.decision.take_profit IS 'Target price, on the winning side of price.';
COMMENT ON COLUMN scorekeeper.decision.trailing_stop_pct IS
'Percent that the stop stays behind the best price of the trade; null: none.';
COMMENT ON COLUMN scorekeeper.decision.position_size IS 'The writer''s own; used for nothing.';
COMMENT ON COLUMN scorekeeper.decision.reference_price IS
'Close of the last sealed candle complete at opened_at, else the open of the first later one.';
COMMENT ON COLUMN scorekeeper.decision.horizon_price IS 'The expiry fill at expires_at.';
COMMENT ON COLUMN scorekeeper.decision.horizon_known_at IS 'The as_of at which it became known.';
COMMENT ON COLUMN scorekeeper.decision.voided_at IS 'When it was taken out of every figure; null if it counts.';
COMMENT ON COLUMN scorekeeper.decision.void_reason IS 'Why.';
COMMENT ON COLUMN scorekeeper.agent_signal.trade_id IS 'The decision.';
COMMENT ON COLUMN scorekeeper.agent_signal.agent IS 'The agent''s name; a stranger''s text.';
COMMENT ON COLUMN scorekeeper.agent_signal.ordinal IS 'Place among the decision''s agents, from 0.';
COMMENT ON COLUMN scorekeeper.agent_signal.direction IS '+1, -1, or 0 for an abstention.';
COMMENT ON COLUMN scorekeeper.agent_signal.confidence IS '0 to 100.';
COMMENT ON COLUMN scorekeeper.agent_signal.extra IS 'What else the agent said, as it came.';
COMMENT ON COLUMN scorekeeper.trade.trade_id IS 'The decision that opened it.';
COMMENT ON COLUMN scorekeeper.trade.symbol IS 'As the decision''s.';
COMMENT ON COLUMN scorekeeper.trade.version IS 'As the decision''s.';
COMMENT ON COLUMN scorekeeper.trade.direction IS '+1 long, -1 short.';
COMMENT ON COLUMN scorekeeper.trade.entry_price IS 'The decision''s price.';
COMMENT ON COLUMN scorekeeper.trade.opened_at IS 'The decision''s time.';
COMMENT ON COLUMN scorekeeper.trade.expires_at IS 'As the decision''s.';
COMMENT ON COLUMN scorekeeper.trade.stop_loss IS 'As the decision''s.';
COMMENT ON COLUMN scorekeeper.trade.take_profit IS 'As the decision''s.';
COMMENT ON COLUMN scorekeeper.trade.trailing_stop_pct IS 'As the decision''s.';
COMMENT ON COLUMN scorekeeper.trade.best_price IS
'Trailing only: highest (short: lowest) of its entry and of the settled candles that it lived through whole.';
COMMENT ON COLUMN scorekeeper.trade.trailing_level IS
'Trailing only: the stop that best_price gives for the next candle; the tighter of it and stop_loss holds.';
COMMENT ON COLUMN scorekeeper.trade.close_requested_at IS
'When somebody asked for it to be closed; the first request holds.';
COMMENT ON COLUMN scorekeeper.trade.due_at IS 'Expiry or requested close, whichever comes first.';
COMMENT ON COLUMN scorekeeper.trade.exit_time IS 'When it ended, by the rules; null while it is open.';
COMMENT ON COLUMN scorekeeper.trade.exit_price IS 'Fill price, quote currency.';
COMMENT ON COLUMN scorekeeper.trade.exit_reason IS
'expired, stop_loss, take_profit, trailing_stop, manual or imported.';
COMMENT ON COLUMN scorekeeper.trade.price_source IS 'market (sealed candles), quote (a provider''s) or imported.';
COMMENT ON COLUMN scorekeeper.trade.ambiguous_exit IS 'Stop and target were touched in the same candle.';
COMMENT ON COLUMN scorekeeper.trade.pnl_pct IS 'Percent of entry, gross.';
COMMENT ON COLUMN scorekeeper.trade.net_pnl_pct IS 'Percent of entry, after fees.';
COMMENT ON COLUMN scorekeeper.trade.mfe_pct IS 'Best excursion, percent of entry, not negative.';
COMMENT ON COLUMN scorekeeper.trade.mae_pct IS 'Worst excursion, percent of entry, not positive.';
COMMENT ON COLUMN scorekeeper.candle.symbol IS 'Unified symbol.';
COMMENT ON COLUMN scorekeeper.candle.open IS 'Price, quote currency.';
COMMENT ON COLUMN scorekeeper.candle.high IS 'Price, quote currency.';
COMMENT ON COLUMN scorekeeper.candle.low IS 'Price, quote currency.';
COMMENT ON COLUMN scorekeeper.candle.close IS 'Price, quote currency.';
COMMENT ON COLUMN scorekeeper.candle.volume IS 'Base currency.';
COMMENT ON COLUMN scorekeeper.candle_coverage.symbol IS 'Unified symbol.';
COMMENT ON COLUMN scorekeeper.candle_coverage.sealed_from IS 'First sealed minute.';
COMMENT ON COLUMN scorekeeper.candle_coverage.sealed_until IS 'First minute that is not sealed.';
COMMENT ON COLUMN scorekeeper.candle_revision.symbol IS 'Unified symbol.';
COMMENT ON COLUMN scorekeeper.candle_revision.minute_at IS 'The minute''s opening.';
COMMENT ON COLUMN scorekeeper.candle_revision.seen_at IS 'The as_of at which it came.';
COMMENT ON COLUMN scorekeeper.candle_revision.open IS 'As it came.';
COMMENT ON COLUMN scorekeeper.candle_revision.high IS 'As it came.';
COMMENT ON COLUMN scorekeeper.candle_revision.low IS 'As it came.';
COMMENT ON COLUMN scorekeeper.candle_revision.close IS 'As it came.';
COMMENT ON COLUMN scorekeeper.candle_revision.volume IS 'As it came.';
COMMENT ON COLUMN scorekeeper.equity.as_of IS 'The minute it was known at.';
COMMENT ON COLUMN scorekeeper.equity.version IS 'SYSTEM_VERSION.';
COMMENT ON COLUMN scorekeeper.equity.open_trades IS 'Trades open then.';
COMMENT ON COLUMN scorekeeper.equity.marked_trades IS 'Those of them with a price since entry.';
COMMENT ON COLUMN scorekeeper.equity.unrealised_pnl_pct IS 'Sum over the marked ones, percent.';
COMMENT ON COLUMN scorekeeper.equity.realised_pnl_pct IS 'Sum over the closed ones, percent.';
COMMENT ON COLUMN scorekeeper.equity.oldest_mark_at IS 'Age of the oldest price in use: its time.';
COMMENT ON COLUMN scorekeeper.stale_day.kind IS 'system or agent.';
COMMENT ON COLUMN scorekeeper.stale_day.day IS 'UTC day.';
COMMENT ON COLUMN scorekeeper.daily_score.day IS 'UTC day of exit_time.';
COMMENT ON COLUMN scorekeeper.daily_score.version IS 'null: all.';
COMMENT ON COLUMN scorekeeper.daily_score.symbol IS 'null: all.';
COMMENT ON COLUMN scorekeeper.daily_score.after_fees IS 'Basis: net_pnl_pct, else pnl_pct.';
COMMENT ON COLUMN scorekeeper.daily_score.trades IS 'Closed trades.';
COMMENT ON COLUMN scorekeeper.daily_score.winners IS 'P&L above 0.';
COMMENT ON COLUMN scorekeeper.daily_score.losers IS 'P&L below 0.';
COMMENT ON COLUMN scorekeeper.daily_score.sum_pct IS 'Exact sum of P&L, percent.';
COMMENT ON COLUMN scorekeeper.daily_score.sum_squares IS 'Exact sum of squared P&L.';
COMMENT ON COLUMN scorekeeper.daily_score.sum_winners_pct IS 'Exact sum over winners.';
COMMENT ON COLUMN scorekeeper.daily_score.sum_losers_pct IS 'Exact sum over losers.';
COMMENT ON COLUMN scorekeeper.daily_score.hold_seconds IS 'Sum of hold times.';
COMMENT ON COLUMN scorekeeper.daily_score.hold_seconds_winners IS 'Sum of hold times over winners.';
COMMENT ON COLUMN scorekeeper.daily_score.hold_seconds_losers IS 'Sum of hold times over losers.';
COMMENT ON COLUMN scorekeeper.daily_score.sum_mfe_pct IS 'Sum of best excursions.';
COMMENT ON COLUMN scorekeeper.daily_score.sum_mae_pct IS 'Sum of worst excursions.';
COMMENT ON COLUMN scorekeeper.daily_score.sum_given_back_pct IS 'Sum over winners of best excursion less P&L.';
COMMENT ON COLUMN scorekeeper.daily_score.first_exit_at IS 'First exit_time of the day.';
COMMENT ON COLUMN scorekeeper.daily_score.leading_wins IS 'Winners before the first other trade of the day.';
COMMENT ON COLUMN scorekeeper.daily_score.trailing_wins IS 'Winners after the last other trade of the day.';
COMMENT ON COLUMN scorekeeper.daily_score.longest_wins IS 'Longest run of winners within the day.';
COMMENT ON COLUMN scorekeeper.daily_score.leading_losses IS 'Losers before the first other trade of the day.';
COMMENT ON COLUMN scorekeeper.daily_score.trailing_losses IS 'Losers after the last other trade of the day.';
COMMENT ON COLUMN scorekeeper.daily_score.longest_losses IS 'Longest run of losers within the day.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.day IS 'UTC day of expires_at.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.version IS 'null: all.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.symbol IS 'null: all.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.agent IS 'The agent''s name.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.signals IS 'Signals on decisions whose horizon return is known.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.calls IS 'Those with a direction.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.correct IS 'Calls that the price went along with.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.incorrect IS 'Calls that it went against.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.sum_call_return_pct IS 'Exact sum of direction times horizon return.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.brier_calls IS
'Calls with a confidence and a horizon return other than 0.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.sum_brier IS 'Sum of squared differences of confidence and outcome.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.bin_calls IS
'The calls of brier_calls by confidence: ten bins, [0, 10), [10, 20) to [80, 90), [90, 100].';
COMMENT ON COLUMN scorekeeper.agent_daily_score.bin_correct IS 'Those of each bin that were correct.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.bin_confidence IS 'Exact sum of confidence in each bin, percent.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.supported_winners IS
'Closed trades that won, with the agent''s signal in the trade''s direction.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.supported_losers IS 'The same, lost.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.opposed_winners IS
'Closed trades that won, with the agent''s signal against them.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.opposed_losers IS 'The same, lost.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.abstained_winners IS
'Closed trades that won while the agent abstained.';
COMMENT ON COLUMN scorekeeper.agent_daily_score.abstained_losers IS 'The same, lost.';
COMMENT ON COLUMN scorekeeper.event.event_id IS 'Number in order of writing; says nothing about order of commit.';
COMMENT ON COLUMN scorekeeper.event.kind IS 'decision, outcome, horizon or metrics.';
COMMENT ON COLUMN scorekeeper.event.trade_id IS 'The decision it is about; null for metrics.';
COMMENT ON COLUMN scorekeeper.event.price_suspect IS 'Whether the price was known to be suspect then.';
COMMENT ON COLUMN scorekeeper.event.log_line IS 'Text of a metrics line; the other lines are rendered from the rows.';
COMMENT ON COLUMN scorekeeper.publication.path IS 'Absolute path of the file.';
COMMENT ON COLUMN scorekeeper.publication.kind IS 'log or dataset.';
COMMENT ON COLUMN scorekeeper.publication.published_line_no IS 'Highest event.line_no that is in the file.';
COMMENT ON COLUMN scorekeeper.publication.committed_bytes IS 'Length of the file then.';
COMMENT ON COLUMN scorekeeper.rejection.rejection_id IS 'Number of the refusal.';
COMMENT ON COLUMN scorekeeper.rejection.sha256 IS 'The content it was in.';
COMMENT ON COLUMN scorekeeper.rejection.source_name IS 'File name.';
COMMENT ON COLUMN scorekeeper.rejection.line IS 'Line or array position, from 1; 0: the file as a whole.';
COMMENT ON COLUMN scorekeeper.rejection.field IS
'Field at fault, as the document names it; null: the whole decision.';
COMMENT ON COLUMN scorekeeper.rejection.reason IS 'What was wrong.';
COMMENT ON COLUMN scorekeeper.rejection.excerpt IS 'The beginning of the text, controls escaped.';
COMMENT ON COLUMN scorekeeper.rejection.rejected_at IS 'Time of the run.';
