-- No row: the transaction only reads, from one snapshot, and a statement takes five seconds at most. Plans are made for
-- the values that are given, so that the condition of a filter that is not set costs nothing. Statements are neither
-- compiled nor run in parallel: for a short one that takes longer than its rows, and the pipeline needs the processors.
SET LOCAL transaction_isolation = 'repeatable read';
SET LOCAL transaction_read_only = on;
SET LOCAL statement_timeout = '5s';
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL plan_cache_mode = force_custom_plan;
SET LOCAL timezone = 'UTC';
SET LOCAL jit = off;
SET LOCAL max_parallel_workers_per_gather = 0;
