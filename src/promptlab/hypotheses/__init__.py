"""Hypothesis tests: statistic, p-value, effect size with interval, assumptions, decision. Needs scipy (`science`)."""
