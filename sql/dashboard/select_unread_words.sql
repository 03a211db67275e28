-- One row per word that is in no list and who said it, the most frequent first, at most `most`. Parameter: most.
SELECT coalesce(w.agent, '') AS agent, w.word, w.times
FROM scorekeeper.report_unread_words AS w
ORDER BY w.times DESC, w.agent ASC, w.word ASC
LIMIT :most;
