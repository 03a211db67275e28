DROP INDEX scorekeeper.decision_longer;
