-- One row per UTC day with a trade that closed after as_of (an imported one may): it stays to be made again.
-- Parameter: as_of.
INSERT INTO scorekeeper.stale_day (kind, day)
SELECT 'system', cast(exit_time AT TIME ZONE 'UTC' AS date)
FROM scorekeeper.trade
WHERE exit_time > :as_of
UNION
SELECT 'agent', cast(expires_at AT TIME ZONE 'UTC' AS date)
FROM scorekeeper.trade
WHERE exit_time > :as_of
ON CONFLICT DO NOTHING;
