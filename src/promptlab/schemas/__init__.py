"""JSON Schemas of the files that people write, made from the code that reads them; for editors and CI.

published  all of them by name, as text
suite      a suite, and a part that suites include
entries    the evaluators of a suite: every one of promptlab's with its options
cases      `cases` of a suite
config     promptlab.toml
prompt     the front matter of a prompt file
"""
