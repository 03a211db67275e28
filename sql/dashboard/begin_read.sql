-- No row: the transaction reads, from one snapshot, and waits five seconds for a statement at most. Plans are made for
-- the values that are asked for: without a filter its condition is gone. Neither compiled nor parallel: what is short
-- would wait for that longer than for its rows, and the machine has the score to keep.
SET LOCAL transaction_isolation = 'repeatable read';
SET LOCAL transaction_read_only = on;
SET LOCAL statement_timeout = '5s';
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL plan_cache_mode = force_custom_plan;
SET LOCAL timezone = 'UTC';
SET LOCAL jit = off;
SET LOCAL max_parallel_workers_per_gather = 0;
