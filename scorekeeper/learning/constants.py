"""The fixed numbers of the method.

None is tuned on a user's data. A changed number is a new method, whose evidence starts at 0.
"""

METHOD = "log_odds/1"

# Times are in microseconds since 1970.
HOUR = 3_600_000_000
DAY = 24 * HOUR

# Weights: a prior of 100 independent calls at 55 % right; the weight of evidence halves with 336 independent decisions;
# ten moves each way before the market's direction counts.
PRIOR_CALLS = 100.0
PRIOR_RIGHT = 0.55
HALF_LIFE = 336.0
PRIOR_MOVES = 10.0

MISSING_CONFIDENCE = 50.0
ZERO_SCORE = 1e-9  # a sum of votes within this of 0, on the scale of 0 to 100, is HOLD

# Evidence: returns are cut at four times their scale; the bets of the e-process; blocks of UTC time in hours.
LARGEST_MOVE = 4.0
BETS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
BLOCK_HOURS = (4, 24, 96, 672, 2688)
HOLDS_IN_BLOCK = 4
FIRST_DECISIONS = 20  # whose median hold chooses the block
PRIOR_BLOCKS = 3.0
PRIOR_BLOCK_SCALE = 0.06
SCALES_IN_BET = 3.0
THRESHOLD = 20.0

# Recalibration.
LEAST_CALLS = 20.0
CLIP_CONFIDENCE = (0.02, 0.98)
OFFSET_SD = 0.2
SLOPE_SD = 0.3

# The meta-model: regularisation C; the fewest independent trades of a fit; a symbol's trades below which it is one of
# the others; a new fit when there are so many more independent trades.
META_STRENGTH = 0.01
META_LEAST_TRADES = 100.0
META_SYMBOL_TRADES = 200
META_GROWTH = 1.05
