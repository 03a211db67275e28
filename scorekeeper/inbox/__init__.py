"""Decision files: found, read, stored with their decisions, and moved to where they belong."""
