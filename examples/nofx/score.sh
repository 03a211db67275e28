# nofx reads its own logs again, so they stay where they are.
scorekeeper ingest decision_logs/*
