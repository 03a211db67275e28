# The bot appends to inbox/bot.csv, which is followed while it grows.
scorekeeper ingest
