# The host has written the run's result into the inbox, with the time of the run.
scorekeeper ingest
