-- No row: the transaction reads, from one snapshot, and waits five seconds for a statement at most. Plans are made for
-- the values that are asked for: without a filter its condition is gone.
SET LOCAL transaction_isolation = 'repeatable read';
SET LOCAL transaction_read_only = on;
SET LOCAL statement_timeout = '5s';
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL plan_cache_mode = force_custom_plan;
SET LOCAL timezone = 'UTC';
