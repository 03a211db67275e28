-- One row per decision just copied: it is to be published.
COPY scorekeeper.event (kind, trade_id) FROM STDIN;
