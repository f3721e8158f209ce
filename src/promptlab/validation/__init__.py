"""Files checked before anything runs: suites, prompts and promptlab.toml, every mistake with its place.

findings   what was found, and where
files      which files are looked at
suites     a suite: what loading says, then its prompts, base models, inputs and gates
inputs     which inputs of its cases a suite uses
prompts    a prompt file
config     promptlab.toml
validate   all of it, as one Validation
"""
