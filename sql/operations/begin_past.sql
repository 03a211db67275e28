-- One row: COPY takes no parameters, so that they are settings of this transaction; its text names the very doubles.
-- Parameters: since, until (as text).
SELECT
    set_config('scorekeeper.since', :since, true),
    set_config('scorekeeper.until', :until, true),
    set_config('extra_float_digits', '1', true),
    set_config('datestyle', 'ISO, YMD', true);
