"""What the score teaches: weights of agents with their evidence, recalibrated confidences, and whether a trade pays.

constants.py has the method's fixed numbers. weights.py, evidence.py, recalibration.py and meta_model.py are the maths,
and pure. run.py reads rows, and stores what was learned.
"""
