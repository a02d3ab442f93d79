"""Measures: exact counts of storage transactions first, times only as ratios of one run."""
