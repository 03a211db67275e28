ALTER TABLE scorekeeper.market DROP COLUMN candle_seconds;
DROP INDEX scorekeeper.file_arrival_moved_lines;
CREATE INDEX file_arrival_moved_lines ON scorekeeper.file_arrival (moved_at)
WHERE destination ~* '\.(jsonl|ndjson|jsonlines)$' AND moved_at IS NOT NULL;
