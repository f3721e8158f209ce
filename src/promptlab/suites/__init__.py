"""Suites: evals/*.yaml, which is cases, evaluators and gates.

model      Suite and Gate, frozen
load       a suite file or a mapping to a Suite, every mistake named with file and line
keys       the keys of a suite file
includes   the files that a suite includes, merged into one document
defaults   what cases and evaluators have where they say nothing themselves
matrix     settings that vary, every combination a variant
scoring    the entries of evaluators, bound
mistakes   the first mistake raised, or all of them gathered
case_sources  `cases` read: case_parts are its sources, readers/ one kind each, columns say what is what
cases      rows to cases, every row checked
selection  filters, tags, samples, the first so many
streams    cases that are gone through again and again and never held whole
digests    what cases pair by, and versions of data sets; schema: their fields
gates      `">= 0.80"` to a Gate
document   YAML to plain JSON values that remember their lines and files
"""
