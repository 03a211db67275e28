-- All of it is a function of decisions and horizon returns: rows from a moment on are deleted and made again when
-- something before that moment changes (stale_learning).

-- One row per version that is learned: up to which whole hour its rows are complete.
CREATE TABLE scorekeeper.learning_progress (
    version text PRIMARY KEY,
    learned_until timestamptz NOT NULL,
    block_hours integer CHECK (block_hours IN (4, 24, 96, 672, 2688))
);

-- One row per version whose rows from a moment on must be made again.
CREATE TABLE scorekeeper.stale_learning (
    version text PRIMARY KEY,
    from_at timestamptz NOT NULL
);

-- One row per decision that counts: what the learned and the equal vote said of it at opened_at. Scores are
-- sum(weight * direction * confidence as a fraction) / agents. scale_pct: root mean square of the returns known then;
-- move_pct: their mean size; p_up: the probability of a move upwards. Null: nothing was known.
CREATE TABLE scorekeeper.learned_vote (
    trade_id text COLLATE "C" PRIMARY KEY REFERENCES scorekeeper.decision,
    version text NOT NULL,
    opened_at timestamptz NOT NULL,
    score double precision NOT NULL,
    equal_score double precision NOT NULL,
    scale_pct double precision,
    move_pct double precision,
    p_up double precision NOT NULL
);
CREATE INDEX learned_vote_opened ON scorekeeper.learned_vote (version, opened_at);

-- One row per version and whole hour in which something was learned: the sums from which the next hour goes on.
CREATE TABLE scorekeeper.weight_state (
    version text NOT NULL,
    as_of timestamptz NOT NULL,
    outcomes bigint NOT NULL,
    independent double precision NOT NULL,
    sums double precision [] NOT NULL,
    beta double precision NOT NULL,
    PRIMARY KEY (version, as_of)
);

-- One row per version, whole hour in which something was learned, and agent.
CREATE TABLE scorekeeper.agent_weight (
    version text NOT NULL,
    as_of timestamptz NOT NULL,
    agent text COLLATE "C" NOT NULL,
    weight double precision NOT NULL,
    weight_in_use double precision NOT NULL,
    p double precision NOT NULL,
    calls bigint NOT NULL,
    independent_calls double precision NOT NULL,
    long_share double precision,
    sums double precision [] NOT NULL,
    PRIMARY KEY (version, as_of, agent)
);

-- One row per version and block of UTC time that has ended and holds a decision: the e-process after it.
-- mean_excess: the block's mean of Y; scale: s_b; wealth: the product for each lambda; running: whether the process
-- looks for an advantage of the learned weights (before adoption) or of equal weights (after it);
-- adopted: whether the learned weights are in use from ends_at on.
CREATE TABLE scorekeeper.weight_evidence (
    version text NOT NULL,
    begins_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    decisions bigint NOT NULL,
    independent double precision NOT NULL,
    mean_excess double precision NOT NULL,
    scale double precision NOT NULL,
    wealth double precision [] NOT NULL,
    e_value double precision NOT NULL,
    running text NOT NULL CHECK (running IN ('for', 'against')),
    adopted boolean NOT NULL,
    PRIMARY KEY (version, begins_at)
);

-- One row per version, UTC day (as_of: its midnight) in which a call became known, and agent. Null a, b: below 20
-- independent calls. The rest is prequential: each call scored by the map known at its own time.
CREATE TABLE scorekeeper.calibration_map (
    version text NOT NULL,
    as_of timestamptz NOT NULL,
    agent text COLLATE "C" NOT NULL,
    calls bigint NOT NULL,
    independent_calls double precision NOT NULL,
    a double precision,
    b double precision,
    brier_raw double precision,
    brier_rate double precision,
    brier_map double precision,
    gain_ci95_low double precision,
    gain_ci95_high double precision,
    helps boolean,
    PRIMARY KEY (version, as_of, agent)
);

-- One row per version, UTC day of a fit (as_of: its midnight) and target: net_pnl (does the trade pay), horizon (does
-- the horizon return pay the fees). Null coefficients: below 100 independent trades.
CREATE TABLE scorekeeper.meta_model (
    version text NOT NULL,
    as_of timestamptz NOT NULL,
    target text NOT NULL CHECK (target IN ('net_pnl', 'horizon')),
    trades bigint NOT NULL,
    independent_trades double precision NOT NULL,
    coefficients jsonb,
    metrics jsonb NOT NULL,
    informs boolean,
    worth_it boolean,
    PRIMARY KEY (version, as_of, target)
);
