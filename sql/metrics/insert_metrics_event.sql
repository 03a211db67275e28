-- One row: a line of metrics to be published. Parameter: log_line.
INSERT INTO scorekeeper.event (kind, log_line)
VALUES ('metrics', :log_line);
