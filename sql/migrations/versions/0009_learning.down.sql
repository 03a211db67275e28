DROP TABLE scorekeeper.meta_model;
DROP TABLE scorekeeper.calibration_map;
DROP TABLE scorekeeper.weight_evidence;
DROP TABLE scorekeeper.agent_weight;
DROP TABLE scorekeeper.weight_state;
DROP TABLE scorekeeper.learned_vote;
DROP TABLE scorekeeper.stale_learning;
DROP TABLE scorekeeper.learning_progress;
