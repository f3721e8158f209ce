"""Profiles of tables: types, missing values, distributions, correlations, outliers, and what changed between two.

profile       what was found out, as frozen values that go to JSON and back
make          the profile of a data frame
columns       of one column: its type and its figures
associations  which columns go together, and how strongly
leakage       hints that a column gives the target away
differences   what changed between two profiles
rows          which rows were added, removed or changed, by a key
page          a profile as one HTML page that opens offline
"""
