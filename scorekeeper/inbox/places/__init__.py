"""Places in which decision files lie: where they are found, and where they go once they are read."""
