"""Readers: each begins to read one kind of source and gives its rows one at a time.

text         lines and pieces of UTF-8 files
jsonl        JSON, one row a line
json_list    a JSON list, read piece by piece
yaml         a YAML list
delimited    CSV and TSV
arrow        Parquet and Arrow files, by batches
excel        XLSX sheets
sql          a query, through SQLAlchemy; the one module here that imports it
huggingface  data sets of the hub or a local folder
frame        pandas data frames
"""
