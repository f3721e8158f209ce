"""Suites: evals/*.yaml, which is cases, evaluators and gates.

model      Suite and Gate, frozen
load       a suite file or a mapping to a Suite, every mistake named with file and line
cases      JSONL, CSV, YAML and lists to cases
gates      `">= 0.80"` to a Gate
document   YAML to plain JSON values that remember their lines
"""
