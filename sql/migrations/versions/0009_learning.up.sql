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

-- What a reader sees of it.
CREATE VIEW scorekeeper.report_learning AS
SELECT p.version, p.learned_until, p.block_hours, s.from_at AS stale_from
FROM scorekeeper.learning_progress AS p
LEFT JOIN scorekeeper.stale_learning AS s ON p.version = s.version;
COMMENT ON VIEW scorekeeper.report_learning IS
'One row per version that is learned: up to which whole hour its rows are complete, how long its blocks of evidence
are, and from when on its rows are to be made again (null: none are).';

CREATE VIEW scorekeeper.report_learning_states AS
SELECT s.version, s.as_of, s.outcomes, s.independent, s.beta
FROM scorekeeper.weight_state AS s;
COMMENT ON VIEW scorekeeper.report_learning_states IS
'One row per version and whole hour in which something was learned: how many outcomes were known, how many independent
ones they come to, and beta of P(up) = 1 / (1 + exp(-beta * score)).';

CREATE VIEW scorekeeper.report_learned_votes AS
SELECT v.trade_id, v.version, v.opened_at, v.score, v.equal_score, v.scale_pct, v.move_pct, v.p_up
FROM scorekeeper.learned_vote AS v;
COMMENT ON VIEW scorekeeper.report_learned_votes IS
'One row per decision that counts: what the vote by learned weights and the vote by equal weights said at its opening,
from what was known then. scale_pct, move_pct: root mean square and mean size of the returns known then (null: none).';

CREATE VIEW scorekeeper.report_agent_weights AS
SELECT w.version, w.as_of, w.agent, w.weight, w.weight_in_use, w.p, w.calls, w.independent_calls, w.long_share
FROM scorekeeper.agent_weight AS w;
COMMENT ON VIEW scorekeeper.report_agent_weights IS
'One row per version, whole hour in which something was learned, and agent. It holds until the version''s next hour.
weight_in_use is 1 unless the learned weights are adopted. p: the share of right calls, shrunk towards 0.55. long_share:
the share of its calls that say up. Agents'' names are strangers'' text.';

CREATE VIEW scorekeeper.report_weight_evidence AS
SELECT
    e.version, e.begins_at, e.ends_at, e.decisions, e.independent, e.mean_excess, e.scale, e.wealth, e.e_value,
    e.running, e.adopted
FROM scorekeeper.weight_evidence AS e;
COMMENT ON VIEW scorekeeper.report_weight_evidence IS
'One row per version and block of UTC time that has ended and holds an outcome. e_value: the evidence after the block,
for the learned weights (running: for) or for equal weights (against); 20 decides. adopted: whether the learned weights
are in use from ends_at on.';

CREATE VIEW scorekeeper.report_calibration_maps AS
SELECT
    c.version, c.as_of, c.agent, c.calls, c.independent_calls, c.a, c.b, c.brier_raw, c.brier_rate, c.brier_map,
    c.gain_ci95_low, c.gain_ci95_high, c.helps
FROM scorekeeper.calibration_map AS c;
COMMENT ON VIEW scorekeeper.report_calibration_maps IS
'One row per version, UTC midnight and agent: P(right | c) = 1 / (1 + exp(-a - b * logit(c))), and the Brier scores of
the stated confidence, of the running rate and of the map, each call scored by what was known at its own time. Agents''
names are strangers'' text.';

CREATE VIEW scorekeeper.report_meta_model AS
SELECT
    m.version, m.as_of, m.target, m.trades, m.independent_trades, m.coefficients, m.metrics, m.informs, m.worth_it
FROM scorekeeper.meta_model AS m;
COMMENT ON VIEW scorekeeper.report_meta_model IS
'One row per version, UTC midnight of a fit and target: a model of whether a decision pays, its metrics on trades that
it had not seen, and two verdicts (null: cannot be told).';
