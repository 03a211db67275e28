-- One row per event that renew_events has numbered. Parameters: none.
UPDATE scorekeeper.event
SET line_no = -line_no
WHERE line_no < 0;
