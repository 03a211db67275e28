# The bot appends to inbox/bot.jsonl, which is followed while it grows.
scorekeeper ingest
