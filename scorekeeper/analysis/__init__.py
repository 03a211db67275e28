"""What needs every row: attribution, intervals, calibration, comparisons, and what they allow to conclude."""
