"""Profiles of tables: types, missing values, distributions, correlations, outliers, and what changed between two."""
