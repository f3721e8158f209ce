"""Suites: evals/*.yaml, which is cases, evaluators and gates.

model      Suite and Gate, frozen
load       a suite file or a mapping to a Suite, every mistake named with file and line
keys       the keys of a suite file
includes   the files that a suite includes, merged into one document
defaults   what cases and evaluators have where they say nothing themselves
matrix     settings that vary, every combination a variant
scoring    the entries of evaluators, bound
mistakes   the first mistake raised, or all of them gathered
cases      JSONL, CSV, YAML and lists to cases
gates      `">= 0.80"` to a Gate
document   YAML to plain JSON values that remember their lines and files
"""
