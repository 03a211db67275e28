-- The decisions whose made id has more than eight digits of their content's hash: hardly any.
CREATE INDEX decision_longer ON scorekeeper.decision (content_sha256)
WHERE position(substr(encode(content_sha256, 'hex'), 1, 16) IN trade_id) > 0;
