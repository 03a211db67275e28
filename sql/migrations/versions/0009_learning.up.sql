-- All of it is a function of decisions and horizon returns: rows from a moment on are deleted and made again when
-- something before that moment changes (stale_learning). A number that a decision's row has too is kept here as it was
-- used. No foreign keys: a decision is never deleted, and checking a million rows costs more than writing them.

CREATE TABLE scorekeeper.learning_progress (
    version text PRIMARY KEY,
    learned_until timestamptz NOT NULL,
    learning_until timestamptz NOT NULL,
    block_hours integer,
    blocks_from timestamptz,
    mapped_until timestamptz,
    CONSTRAINT learning_progress_block_is_one_of_five CHECK (block_hours IN (4, 24, 96, 672, 2688)),
    CONSTRAINT learning_progress_block_whole CHECK (num_nulls(block_hours, blocks_from) IN (0, 2))
);
COMMENT ON TABLE scorekeeper.learning_progress IS 'One row per version that is learned.';
COMMENT ON COLUMN scorekeeper.learning_progress.version IS 'The SYSTEM_VERSION.';
COMMENT ON COLUMN scorekeeper.learning_progress.learned_until IS 'The whole hour up to which its rows are complete.';
COMMENT ON COLUMN scorekeeper.learning_progress.learning_until IS
'The hour that the last run of learn works up to: what changes before it is noted in stale_learning.';
COMMENT ON COLUMN scorekeeper.learning_progress.block_hours IS
'The length of its blocks of evidence; null before its first 20 decisions.';
COMMENT ON COLUMN scorekeeper.learning_progress.blocks_from IS
'When the 20th of these decisions was made: from then on there is evidence, also of the blocks before.';
COMMENT ON COLUMN scorekeeper.learning_progress.mapped_until IS
'The UTC midnight up to which its recalibration maps are made; null: that of its last map, or none.';

CREATE TABLE scorekeeper.stale_learning (
    version text PRIMARY KEY,
    from_at timestamptz NOT NULL
);
COMMENT ON TABLE scorekeeper.stale_learning IS
'One row per version whose rows from a moment on must be made again: the next run of learn does so.';
COMMENT ON COLUMN scorekeeper.stale_learning.version IS 'The SYSTEM_VERSION.';
COMMENT ON COLUMN scorekeeper.stale_learning.from_at IS 'The earliest moment of which something changed.';

CREATE TABLE scorekeeper.learned_vote (
    version text NOT NULL,
    opened_at timestamptz NOT NULL,
    trade_id text COLLATE "C" NOT NULL,
    direction smallint NOT NULL,
    equal_direction smallint NOT NULL,
    score double precision NOT NULL,
    equal_score double precision NOT NULL,
    scale_pct double precision,
    move_pct double precision,
    p_up double precision NOT NULL,
    PRIMARY KEY (version, opened_at, trade_id),
    CONSTRAINT learned_vote_directions_known CHECK (direction IN (-1, 0, 1) AND equal_direction IN (-1, 0, 1))
);
COMMENT ON TABLE scorekeeper.learned_vote IS
'One row per decision that counts: what the learned and the equal vote said of it, by what was known at opened_at.';
COMMENT ON COLUMN scorekeeper.learned_vote.version IS 'That of the decision.';
COMMENT ON COLUMN scorekeeper.learned_vote.opened_at IS 'That of the decision.';
COMMENT ON COLUMN scorekeeper.learned_vote.trade_id IS 'That of the decision.';
COMMENT ON COLUMN scorekeeper.learned_vote.direction IS
'The sign of the sum of weight * direction * confidence; 0 (HOLD) within 1e-9 of 0.';
COMMENT ON COLUMN scorekeeper.learned_vote.equal_direction IS 'The same with every weight 1.';
COMMENT ON COLUMN scorekeeper.learned_vote.score IS
'The sum of weight * direction * confidence (a fraction) over the number of agents: -1 to 1.';
COMMENT ON COLUMN scorekeeper.learned_vote.equal_score IS 'The same with every weight 1.';
COMMENT ON COLUMN scorekeeper.learned_vote.scale_pct IS
'Root mean square of the horizon returns known then, in percent; null: none was.';
COMMENT ON COLUMN scorekeeper.learned_vote.move_pct IS 'Their mean size, in percent; null: none was known.';
COMMENT ON COLUMN scorekeeper.learned_vote.p_up IS 'The probability of a move upwards, by the fit of its UTC day.';

CREATE TABLE scorekeeper.learned_outcome (
    version text NOT NULL,
    expires_at timestamptz NOT NULL,
    trade_id text COLLATE "C" NOT NULL,
    opened_at timestamptz NOT NULL,
    return_pct double precision NOT NULL,
    score double precision NOT NULL,
    excess double precision NOT NULL,
    uniqueness double precision NOT NULL,
    independent_until double precision NOT NULL,
    PRIMARY KEY (version, expires_at, trade_id)
);
COMMENT ON TABLE scorekeeper.learned_outcome IS
'One row per outcome: a decision that counts, with a horizon return that is known at expires_at and is not 0.';
COMMENT ON COLUMN scorekeeper.learned_outcome.version IS 'That of the decision.';
COMMENT ON COLUMN scorekeeper.learned_outcome.expires_at IS 'That of the decision.';
COMMENT ON COLUMN scorekeeper.learned_outcome.trade_id IS 'That of the decision.';
COMMENT ON COLUMN scorekeeper.learned_outcome.opened_at IS 'That of the decision.';
COMMENT ON COLUMN scorekeeper.learned_outcome.return_pct IS 'The horizon return in percent.';
COMMENT ON COLUMN scorekeeper.learned_outcome.score IS 'That of its learned vote.';
COMMENT ON COLUMN scorekeeper.learned_outcome.excess IS
'Y: (score - equal_score) * the return in units of scale_pct, cut at 4; 0 without a scale.';
COMMENT ON COLUMN scorekeeper.learned_outcome.uniqueness IS
'The mean over its life of 1 / (decisions of the version that are open): 0 to 1.';
COMMENT ON COLUMN scorekeeper.learned_outcome.independent_until IS
'The sum of the uniqueness of the outcomes up to this one, in order of expires_at and trade_id.';

CREATE TABLE scorekeeper.learned_probability (
    version text NOT NULL,
    as_of timestamptz NOT NULL,
    outcomes bigint NOT NULL,
    beta double precision NOT NULL,
    sum_signed double precision NOT NULL,
    moments double precision[] NOT NULL,
    PRIMARY KEY (version, as_of)
);
COMMENT ON TABLE scorekeeper.learned_probability IS
'One row per version and UTC midnight before which a day with outcomes ended: how sure the learned score is.';
COMMENT ON COLUMN scorekeeper.learned_probability.version IS 'The SYSTEM_VERSION.';
COMMENT ON COLUMN scorekeeper.learned_probability.as_of IS
'The UTC midnight: outcomes that expire after it are not in the fit.';
COMMENT ON COLUMN scorekeeper.learned_probability.outcomes IS 'Outcomes in the fit.';
COMMENT ON COLUMN scorekeeper.learned_probability.beta IS
'The probability of a move upwards is 1 / (1 + exp(-beta * score)) until the next row.';
COMMENT ON COLUMN scorekeeper.learned_probability.sum_signed IS
'The sum of uniqueness * score * (1/2 upwards, -1/2 downwards) over these outcomes.';
COMMENT ON COLUMN scorekeeper.learned_probability.moments IS
'The sums of uniqueness * T_k(2 * score^2 - 1) over these outcomes, T_k the polynomials of Chebyshev, k from 0.';

CREATE TABLE scorekeeper.weight_state (
    version text NOT NULL,
    as_of timestamptz NOT NULL,
    outcomes bigint NOT NULL,
    independent double precision NOT NULL,
    sums double precision[] NOT NULL,
    beta double precision NOT NULL,
    PRIMARY KEY (version, as_of)
);
COMMENT ON TABLE scorekeeper.weight_state IS
'One row per version and whole hour in which something was learned: the sums from which the next hour goes on.';
COMMENT ON COLUMN scorekeeper.weight_state.version IS 'The SYSTEM_VERSION.';
COMMENT ON COLUMN scorekeeper.weight_state.as_of IS
'The whole hour: outcomes that expire after it are not in the sums.';
COMMENT ON COLUMN scorekeeper.weight_state.outcomes IS 'Outcomes so far.';
COMMENT ON COLUMN scorekeeper.weight_state.independent IS 'The sum of the uniqueness of its outcomes.';
COMMENT ON COLUMN scorekeeper.weight_state.sums IS
'Weight of the moves up, and of those down, times 2^((independent mod 21504) / 336); sum of squared returns, of their
sizes, and of (direction - equal_direction) * return, in percent.';
COMMENT ON COLUMN scorekeeper.weight_state.beta IS 'That of learned_probability at as_of; 0 before its first row.';

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
    sums double precision[] NOT NULL,
    PRIMARY KEY (version, as_of, agent)
);
COMMENT ON TABLE scorekeeper.agent_weight IS
'One row per version, whole hour in which something was learned, and agent known by then. A row holds until the next.';
COMMENT ON COLUMN scorekeeper.agent_weight.version IS 'The SYSTEM_VERSION.';
COMMENT ON COLUMN scorekeeper.agent_weight.as_of IS 'The whole hour.';
COMMENT ON COLUMN scorekeeper.agent_weight.agent IS 'Its name, as the decisions have it.';
COMMENT ON COLUMN scorekeeper.agent_weight.weight IS 'The learned weight; the mean of their sizes is 1.';
COMMENT ON COLUMN scorekeeper.agent_weight.weight_in_use IS 'The same while the weights are adopted, else 1.';
COMMENT ON COLUMN scorekeeper.agent_weight.p IS 'How probable it is that its next call is right.';
COMMENT ON COLUMN scorekeeper.agent_weight.calls IS 'Its calls on outcomes.';
COMMENT ON COLUMN scorekeeper.agent_weight.independent_calls IS 'The sum of the uniqueness of these calls.';
COMMENT ON COLUMN scorekeeper.agent_weight.long_share IS 'The share of these calls that were up; null: no call.';
COMMENT ON COLUMN scorekeeper.agent_weight.sums IS
'Weight of its calls right up, right down, wrong on a move up, wrong on a move down, times the factor of weight_state;
and the number of its calls that were up.';

CREATE TABLE scorekeeper.weight_evidence (
    version text NOT NULL,
    begins_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    decisions bigint NOT NULL,
    independent double precision NOT NULL,
    mean_excess double precision NOT NULL,
    scale double precision NOT NULL,
    wealth double precision[] NOT NULL,
    e_value double precision NOT NULL,
    running text NOT NULL,
    adopted boolean NOT NULL,
    blocks bigint NOT NULL,
    sum_squares double precision NOT NULL,
    PRIMARY KEY (version, begins_at),
    CONSTRAINT weight_evidence_runs_for_or_against CHECK (running IN ('for', 'against'))
);
CREATE INDEX weight_evidence_by_end ON scorekeeper.weight_evidence (version, ends_at);
COMMENT ON TABLE scorekeeper.weight_evidence IS
'One row per version and block of UTC time that has ended and has outcomes within it: the e-process after it.';
COMMENT ON COLUMN scorekeeper.weight_evidence.version IS 'The SYSTEM_VERSION.';
COMMENT ON COLUMN scorekeeper.weight_evidence.begins_at IS 'A multiple of its length since 1970.';
COMMENT ON COLUMN scorekeeper.weight_evidence.ends_at IS 'Its end, which is not within it.';
COMMENT ON COLUMN scorekeeper.weight_evidence.decisions IS 'Outcomes opened in it whose horizon ended in it too.';
COMMENT ON COLUMN scorekeeper.weight_evidence.independent IS 'The sum of their uniqueness.';
COMMENT ON COLUMN scorekeeper.weight_evidence.mean_excess IS 'X: the mean of their excess.';
COMMENT ON COLUMN scorekeeper.weight_evidence.scale IS 's: the scale of X, from the blocks before.';
COMMENT ON COLUMN scorekeeper.weight_evidence.wealth IS 'The product of the bets after this block, for each lambda.';
COMMENT ON COLUMN scorekeeper.weight_evidence.e_value IS
'The mean of wealth. At 20 the process ends, and another begins.';
COMMENT ON COLUMN scorekeeper.weight_evidence.running IS
'for: the process of this block bets that the learned weights are better; against: that equal weights are.';
COMMENT ON COLUMN scorekeeper.weight_evidence.adopted IS 'Whether the learned weights are in use from ends_at on.';
COMMENT ON COLUMN scorekeeper.weight_evidence.blocks IS 'Rows of the version up to this one.';
COMMENT ON COLUMN scorekeeper.weight_evidence.sum_squares IS 'The sum of X^2 over these rows.';

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
    rate double precision,
    rate_gain_ci95_low double precision,
    rate_gain_ci95_high double precision,
    PRIMARY KEY (version, as_of, agent)
);
COMMENT ON TABLE scorekeeper.calibration_map IS
'One row per version, UTC day (as_of: the midnight after it) in which calls with a confidence became known, and agent. A
row holds until the next. Each call is scored by the row that was known when it was made.';
COMMENT ON COLUMN scorekeeper.calibration_map.version IS 'The SYSTEM_VERSION.';
COMMENT ON COLUMN scorekeeper.calibration_map.as_of IS 'The UTC midnight.';
COMMENT ON COLUMN scorekeeper.calibration_map.agent IS 'Its name, strangers'' text.';
COMMENT ON COLUMN scorekeeper.calibration_map.calls IS 'Its calls on outcomes that state a confidence above 0.';
COMMENT ON COLUMN scorekeeper.calibration_map.independent_calls IS 'The sum of the uniqueness of these calls.';
COMMENT ON COLUMN scorekeeper.calibration_map.a IS
'A call with confidence c is right with the chance 1 / (1 + exp(-a - b * ln(c / (1 - c)))), c from .02 to .98; null:
below 20 independent calls.';
COMMENT ON COLUMN scorekeeper.calibration_map.b IS
'See a. Below 0: the surer the agent is, the more often it is wrong.';
COMMENT ON COLUMN scorekeeper.calibration_map.brier_raw IS
'The mean squared error of the stated confidences, over the calls that were made when there was a map; null: none.';
COMMENT ON COLUMN scorekeeper.calibration_map.brier_rate IS
'The same with the rate of right calls known when it was made.';
COMMENT ON COLUMN scorekeeper.calibration_map.brier_map IS 'The same with the map known when it was made.';
COMMENT ON COLUMN scorekeeper.calibration_map.gain_ci95_low IS
'The lower end of the 95 % interval of brier_raw - brier_map; null: too few calls.';
COMMENT ON COLUMN scorekeeper.calibration_map.gain_ci95_high IS 'The upper end.';
COMMENT ON COLUMN scorekeeper.calibration_map.helps IS
'Whether this interval lies above 0: the map says better than the agent how often it is right; null: too few calls.';
COMMENT ON COLUMN scorekeeper.calibration_map.rate IS
'The share of its calls that were right, weighted as the map; null: below 20 independent calls.';
COMMENT ON COLUMN scorekeeper.calibration_map.rate_gain_ci95_low IS
'The lower end of the 95 % interval of brier_rate - brier_map: above 0, its confidences tell more than its rate alone.';
COMMENT ON COLUMN scorekeeper.calibration_map.rate_gain_ci95_high IS 'The upper end.';

CREATE TABLE scorekeeper.calibration_tally (
    version text NOT NULL,
    as_of timestamptz NOT NULL,
    agent text COLLATE "C" NOT NULL,
    independent double precision NOT NULL,
    scored bigint NOT NULL,
    scored_independent double precision NOT NULL,
    sum_raw double precision NOT NULL,
    sum_rate double precision NOT NULL,
    sum_map double precision NOT NULL,
    percents smallint[] NOT NULL,
    weights_right double precision[] NOT NULL,
    weights_wrong double precision[] NOT NULL,
    PRIMARY KEY (version, as_of, agent)
);
COMMENT ON TABLE scorekeeper.calibration_tally IS
'One row per row of calibration_map: the sums from which the next day goes on.';
COMMENT ON COLUMN scorekeeper.calibration_tally.version IS 'The SYSTEM_VERSION.';
COMMENT ON COLUMN scorekeeper.calibration_tally.as_of IS 'The UTC midnight.';
COMMENT ON COLUMN scorekeeper.calibration_tally.agent IS 'Its name, strangers'' text.';
COMMENT ON COLUMN scorekeeper.calibration_tally.independent IS
'The sum of the uniqueness of the outcomes of the version at as_of.';
COMMENT ON COLUMN scorekeeper.calibration_tally.scored IS 'Calls that were made when there was a map.';
COMMENT ON COLUMN scorekeeper.calibration_tally.scored_independent IS 'The sum of the uniqueness of these calls.';
COMMENT ON COLUMN scorekeeper.calibration_tally.sum_raw IS
'The sum of their squared errors with the stated confidence.';
COMMENT ON COLUMN scorekeeper.calibration_tally.sum_rate IS 'The same with the rate.';
COMMENT ON COLUMN scorekeeper.calibration_tally.sum_map IS 'The same with the map.';
COMMENT ON COLUMN scorekeeper.calibration_tally.percents IS
'Confidences of its calls in whole percent, those below 2 as 2, those above 98 as 98.';
COMMENT ON COLUMN scorekeeper.calibration_tally.weights_right IS
'For each of percents: the sum of uniqueness of the right calls, halved for each 336 independent outcomes since.';
COMMENT ON COLUMN scorekeeper.calibration_tally.weights_wrong IS 'The same of the wrong calls.';

CREATE TABLE scorekeeper.meta_trade (
    version text NOT NULL,
    expires_at timestamptz NOT NULL,
    trade_id text COLLATE "C" NOT NULL,
    opened_at timestamptz NOT NULL,
    released_at timestamptz NOT NULL,
    uniqueness double precision NOT NULL,
    net_pct double precision NOT NULL,
    horizon_net_pct double precision NOT NULL,
    hour_size double precision,
    day_size double precision,
    hour_return double precision,
    p_net double precision,
    market_net double precision,
    base_net double precision,
    kept_net boolean,
    p_horizon double precision,
    market_horizon double precision,
    base_horizon double precision,
    kept_horizon boolean,
    PRIMARY KEY (version, expires_at, trade_id),
    CONSTRAINT meta_trade_net_foretold_whole CHECK (num_nulls(p_net, market_net, base_net, kept_net) IN (0, 4)),
    CONSTRAINT meta_trade_horizon_foretold_whole
    CHECK (num_nulls(p_horizon, market_horizon, base_horizon, kept_horizon) IN (0, 4))
);
CREATE INDEX meta_trade_by_release ON scorekeeper.meta_trade (version, released_at);
COMMENT ON TABLE scorekeeper.meta_trade IS
'One row per closed trade that is an outcome, as the meta-model saw and judged it: p_ is what the last fit at or before
the midnight before opened_at said, _net of net_pct > 0, _horizon of horizon_net_pct > 0. Null: no model yet.';
COMMENT ON COLUMN scorekeeper.meta_trade.version IS 'That of the decision.';
COMMENT ON COLUMN scorekeeper.meta_trade.expires_at IS 'That of the decision.';
COMMENT ON COLUMN scorekeeper.meta_trade.trade_id IS 'That of the decision.';
COMMENT ON COLUMN scorekeeper.meta_trade.opened_at IS 'That of the decision.';
COMMENT ON COLUMN scorekeeper.meta_trade.released_at IS
'From when on it may be fitted on: one planned hold after expires_at.';
COMMENT ON COLUMN scorekeeper.meta_trade.uniqueness IS 'That of the outcome.';
COMMENT ON COLUMN scorekeeper.meta_trade.net_pct IS 'net_pnl_pct of the trade.';
COMMENT ON COLUMN scorekeeper.meta_trade.horizon_net_pct IS
'What it would have brought at expires_at: side * horizon return, less the fees of both sides, in percent.';
COMMENT ON COLUMN scorekeeper.meta_trade.hour_size IS
'The mean size of log returns from candle to candle over the hour before opened_at; null: unknown.';
COMMENT ON COLUMN scorekeeper.meta_trade.day_size IS 'The same over a day.';
COMMENT ON COLUMN scorekeeper.meta_trade.hour_return IS 'The log return over that hour; null: unknown.';
COMMENT ON COLUMN scorekeeper.meta_trade.p_net IS 'How probable it is that the trade pays, by all features.';
COMMENT ON COLUMN scorekeeper.meta_trade.market_net IS 'The same by the features of the market alone.';
COMMENT ON COLUMN scorekeeper.meta_trade.base_net IS 'The share of the trades of that fit that paid.';
COMMENT ON COLUMN scorekeeper.meta_trade.kept_net IS 'Whether p_net says that the trade is expected to earn.';
COMMENT ON COLUMN scorekeeper.meta_trade.p_horizon IS 'As p_net, of horizon_net_pct > 0.';
COMMENT ON COLUMN scorekeeper.meta_trade.market_horizon IS 'As market_net, of horizon_net_pct > 0.';
COMMENT ON COLUMN scorekeeper.meta_trade.base_horizon IS 'As base_net, of horizon_net_pct > 0.';
COMMENT ON COLUMN scorekeeper.meta_trade.kept_horizon IS 'As kept_net, by p_horizon.';

CREATE TABLE scorekeeper.meta_model (
    version text NOT NULL,
    as_of timestamptz NOT NULL,
    target text NOT NULL,
    trades bigint NOT NULL,
    independent_trades double precision NOT NULL,
    coefficients jsonb,
    metrics jsonb NOT NULL,
    informs boolean,
    worth_it boolean,
    PRIMARY KEY (version, as_of, target),
    CONSTRAINT meta_model_target_known CHECK (target IN ('net_pnl', 'horizon'))
);
COMMENT ON TABLE scorekeeper.meta_model IS
'One row per version, UTC midnight with something new since the last, and target: net_pnl (net_pct > 0 of meta_trade),
horizon (horizon_net_pct > 0).';
COMMENT ON COLUMN scorekeeper.meta_model.version IS 'The SYSTEM_VERSION.';
COMMENT ON COLUMN scorekeeper.meta_model.as_of IS 'The midnight.';
COMMENT ON COLUMN scorekeeper.meta_model.target IS 'net_pnl or horizon.';
COMMENT ON COLUMN scorekeeper.meta_model.trades IS 'Trades that may be fitted on: released_at at or before as_of.';
COMMENT ON COLUMN scorekeeper.meta_model.independent_trades IS 'The sum of their uniqueness.';
COMMENT ON COLUMN scorekeeper.meta_model.coefficients IS
'The last fit, at fitted_at; null: none yet, for want of 100 independent trades, or of both ends.';
COMMENT ON COLUMN scorekeeper.meta_model.metrics IS
'How it did on trades that it predicted and that became known by as_of; null figures: undefined.';
COMMENT ON COLUMN scorekeeper.meta_model.informs IS
'Whether what agents say predicts more than the market alone; null: cannot be told.';
COMMENT ON COLUMN scorekeeper.meta_model.worth_it IS
'Whether the trades that it keeps earn more than 0 after fees; null: cannot be told.';

-- What a reader sees of it.
CREATE VIEW scorekeeper.report_learning AS
SELECT
    p.version, p.learned_until, p.block_hours, p.blocks_from,
    CASE WHEN s.from_at < p.learned_until THEN s.from_at END AS stale_from
FROM scorekeeper.learning_progress AS p
LEFT JOIN scorekeeper.stale_learning AS s ON p.version = s.version;
COMMENT ON VIEW scorekeeper.report_learning IS
'One row per version that is learned: up to which whole hour its rows are complete, how long its blocks of evidence
are, when its 20th decision chose that (before, it has no evidence), and from when on its rows are to be made again
(null: none are).';

CREATE VIEW scorekeeper.report_learning_states AS
SELECT
    s.version, s.as_of, s.outcomes, s.independent, s.beta, s.sums[4] / nullif(s.outcomes, 0) AS move_pct,
    100 * s.sums[5] / nullif(s.outcomes, 0) AS advantage_bps
FROM scorekeeper.weight_state AS s;
COMMENT ON VIEW scorekeeper.report_learning_states IS
'One row per version and whole hour in which something was learned: how many outcomes were known, how many independent
ones they come to, beta of P(up) = 1 / (1 + exp(-beta * score)), the mean size of their returns, and what the learned
vote earned on them more than the equal vote, before fees, a decision. It holds until the version''s next hour.';

CREATE VIEW scorekeeper.report_learned_votes AS
SELECT
    v.version, v.opened_at, v.trade_id, v.direction, v.equal_direction, v.score, v.equal_score, v.scale_pct, v.move_pct,
    v.p_up
FROM scorekeeper.learned_vote AS v;
COMMENT ON VIEW scorekeeper.report_learned_votes IS
'One row per decision that counts: what the vote by learned weights and the vote by equal weights said at its opening,
from what was known then. scale_pct, move_pct: root mean square and mean size of the returns known then (null: none).';

CREATE VIEW scorekeeper.report_learned_outcomes AS
SELECT o.version, o.expires_at, o.trade_id, o.opened_at, o.return_pct, o.score, o.excess, o.uniqueness
FROM scorekeeper.learned_outcome AS o;
COMMENT ON VIEW scorekeeper.report_learned_outcomes IS
'One row per decision that counts and whose move by the horizon is known and not 0: the return in percent, the learned
score, the excess that blocks of evidence are the means of, and how much of an independent decision it is.';

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
    c.gain_ci95_low, c.gain_ci95_high, c.helps,
    c.rate, c.rate_gain_ci95_low, c.rate_gain_ci95_high
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
'One row per version, UTC midnight with something new, and target: the last fit of whether a trade pays, its figures on
trades that it had not seen, and two verdicts (null: cannot be told).';

CREATE VIEW scorekeeper.report_meta_trades AS
SELECT
    k.version, k.expires_at, k.trade_id, k.opened_at, k.released_at, k.uniqueness, k.net_pct, k.horizon_net_pct,
    k.hour_size, k.day_size, k.hour_return, k.p_net, k.market_net, k.base_net, k.kept_net, k.p_horizon,
    k.market_horizon, k.base_horizon, k.kept_horizon
FROM scorekeeper.meta_trade AS k;
COMMENT ON VIEW scorekeeper.report_meta_trades IS
'One row per closed trade that is an outcome: what the meta-model saw of it, what it predicted of it (p_) beside the
market alone (market_) and the base rate (base_), whether it would have kept it, and what it brought (percent).';
