"""Rules that administrators set for changes, and whether one change obeys them."""
