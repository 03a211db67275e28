"""Figures that need single rows: attribution, robust intervals, calibration, comparisons; and sentences about them."""
