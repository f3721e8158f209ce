"""Pure functions of numbers: intervals, paired differences, corrections for many comparisons, verdicts in words.

Standard library only, so that a cached re-run imports nothing slow. `design/statistics.md` says why each method
was chosen and what its coverage measures.
"""
