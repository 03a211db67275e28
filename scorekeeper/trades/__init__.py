"""A trade's life in the database: settled, marked, closed or voided by hand."""
