ALTER TABLE scorekeeper.market ADD COLUMN candle_seconds integer NOT NULL DEFAULT 60 CHECK (candle_seconds > 0);

-- CSV files grow too: the endings of the statement select_moved_lines.
DROP INDEX scorekeeper.file_arrival_moved_lines;
CREATE INDEX file_arrival_moved_lines ON scorekeeper.file_arrival (moved_at)
WHERE destination ~* '\.(jsonl|ndjson|jsonlines|csv|tsv)$' AND moved_at IS NOT NULL;
