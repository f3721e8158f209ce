"""Where tables come from and go to: files, databases, HTTP, MongoDB, each with a digest, a schema and a row count.

table     what was read: rows, source in words, location, digest, schema
digest    of the values, whatever format and dtype they have
values    what a column holds: numbers, times, texts, a mixture
read      a source in any of its forms, read
files     CSV, TSV, JSON, JSONL, Parquet, Arrow, XLSX
dtypes    columns of text and objects as the numbers, booleans and times that they hold
sql       queries and tables of databases, read only; tables written
web       HTTP APIs: JSON or CSV, page by page
mongodb   documents of a collection
load      tables written to files and databases
options   what a source or a target may say, checked
"""
