-- One row per word that is in no list and who said it (agent '': the system), the most frequent ones first. Parameter:
-- most. Reads indexes of what was not understood, and nothing else.
SELECT coalesce(u.agent, '') AS agent, u.word, u.times
FROM scorekeeper.report_unread_words AS u
ORDER BY u.times DESC, u.agent ASC, u.word ASC
LIMIT :most;
