"""Speed, as ratios against a yardstick that ran in the same database, in the same run: the machine divides out."""
