"""The log and the dataset, published from Postgres."""
