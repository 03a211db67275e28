-- No row: the session reads, in UTC, and waits five seconds for a statement at most. It asks one short question.
SET default_transaction_read_only = on;
SET statement_timeout = '5s';
SET timezone = 'UTC';
SET jit = off;
SET max_parallel_workers_per_gather = 0;
