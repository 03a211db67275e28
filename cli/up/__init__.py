"""`scorekeeper up`: the programs that it runs under supervisord, and what they need to run."""
