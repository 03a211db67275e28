DROP TABLE scorekeeper.price_trouble;
DROP TABLE scorekeeper.held_decision;
DROP TABLE scorekeeper.symbol_reading;
