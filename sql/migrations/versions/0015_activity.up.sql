-- What happened, counted where it happens, in the same transaction: true for any number of processes and machines, and
-- read without a look at history.
CREATE TABLE scorekeeper.activity (
    name text COLLATE "C" NOT NULL,
    part text COLLATE "C" NOT NULL,
    slot smallint NOT NULL,
    total bigint NOT NULL,
    PRIMARY KEY (name, part, slot),
    CONSTRAINT activity_total_not_negative CHECK (total >= 0)
)
-- Its few rows change at every commit: room for the next version of a row in the same page.
WITH (fillfactor = 25);
COMMENT ON TABLE scorekeeper.activity IS
'One row per thing that is counted, its part, and slot: how often it has happened. Totals only grow.';
COMMENT ON COLUMN scorekeeper.activity.name IS 'What is counted, such as arrivals.';
COMMENT ON COLUMN scorekeeper.activity.part IS 'Which of them, such as quarantined; empty: there is one.';
COMMENT ON COLUMN scorekeeper.activity.slot IS
'By the process that counts, so that processes seldom wait for each other; what is shown is the sum of the slots.';
COMMENT ON COLUMN scorekeeper.activity.total IS 'How often.';

CREATE VIEW scorekeeper.report_activity AS
SELECT a.name, a.part, cast(sum(a.total) AS bigint) AS total
FROM scorekeeper.activity AS a
GROUP BY a.name, a.part;
COMMENT ON VIEW scorekeeper.report_activity IS
'One row per thing that is counted and its part: how often it has happened since the count began. It only grows.';

CREATE VIEW scorekeeper.report_publications AS
SELECT p.kind, max(p.published_line_no) AS lines
FROM scorekeeper.publication AS p
GROUP BY p.kind;
COMMENT ON VIEW scorekeeper.report_publications IS
'One row per kind of published file (log, dataset): the number of the last event whose lines are published.';

CREATE VIEW scorekeeper.report_waiting_files AS
SELECT a.outcome, count(*) AS files, min(a.arrived_at) AS oldest_at
FROM scorekeeper.file_arrival AS a
WHERE a.moved_at IS NULL
GROUP BY a.outcome;
COMMENT ON VIEW scorekeeper.report_waiting_files IS
'One row per outcome of files that ingest has met and that have not left the inbox: reading (not at their end), or what
they came to, where they could not be moved yet.';

-- A symbol that has never had a price had no name here.
CREATE OR REPLACE VIEW scorekeeper.report_coverage AS
SELECT
    coalesce(c.symbol, p.symbol COLLATE "default") AS symbol, c.sealed_from, c.sealed_until, p.kind AS trouble, p.says,
    p.noted_at
FROM scorekeeper.candle_coverage AS c
FULL JOIN scorekeeper.price_trouble AS p ON c.symbol = p.symbol COLLATE "default";
