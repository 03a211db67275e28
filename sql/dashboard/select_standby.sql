-- One row: whether the server is a standby; if so, the time of the last commit that it has applied, and how many
-- seconds it lags behind its primary: 0 if it has applied all that it received and still receives.
SELECT
    pg_is_in_recovery() AS is_standby,
    pg_last_xact_replay_timestamp() AS applied_until,
    CASE
        WHEN NOT pg_is_in_recovery() THEN null
        WHEN
            pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn()
            AND EXISTS (SELECT FROM pg_stat_wal_receiver)
            THEN 0
        ELSE cast(extract(EPOCH FROM clock_timestamp() - pg_last_xact_replay_timestamp()) AS double precision)
    END AS lag_seconds;
