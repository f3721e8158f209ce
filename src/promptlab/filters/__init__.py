"""The search language of runs: text to a checked expression, independent of any database."""
