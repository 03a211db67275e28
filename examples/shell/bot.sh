# Asks an exchange for the price and appends a decision to a file of lines in the inbox.
url=${PRICE_URL:-https://api.binance.com/api/v3/ticker/price?symbol=SOLUSDT}
price=$(curl -fsS "$url" | sed 's/.*"price": *"\{0,1\}\([0-9.]*\).*/\1/')
now=${1:-$(date -u +%Y-%m-%dT%H:%M:%SZ)}
printf '{"symbol": "SOL/USDT", "type": "BUY", "price": %s, "timestamp": "%s", "agent_analyses": {"Cron": "BUY"}}\n' \
  "$price" "$now" >> inbox/bot.jsonl
