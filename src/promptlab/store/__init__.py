"""The database: the only place that speaks SQL.

columns     types of columns: times in UTC, text of any characters, JSON, numbers that may be NaN
tables      every table, as SQLModel classes
engines     connections: pragmas, transactions, what a failure means in words
statements  the dialect-neutral upsert, and statements compiled once for the hot paths
database    `Database`: open, connect, write, backup, stats
writer      the one thread that writes, many functions a transaction
migrate     schema revisions, upgrades after a backup, the check that models and migrations agree
rows        the frozen dataclasses that everything here returns
runs        runs, params, tags (with metrics beside it: metrics, summaries, leaderboard, directions)
outputs     attempts, answers, outputs, scores written (with cells beside it: read)
details     one run or one cell with all that belongs to it
registry    prompts, versions, aliases
datasets    data sets and their cases, by content
artifacts   files by content

Functions take a Core `Connection` first: `database.write(lambda connection: ...)` for those that write, and
`with database.connect() as connection:` for those that read.
"""
