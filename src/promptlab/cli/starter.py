"""The files that `promptlab init` writes: a prompt, a suite of ten sentences, and an empty configuration."""

from __future__ import annotations

from collections.abc import Mapping

_CONFIG = """\
# A promptlab workspace: prompts/ and evals/ stand here, the database in .promptlab/.
# Any OpenAI-compatible server is a base model once it is named; a key is only ever the name of a variable:
#
# [endpoints.ollama]
# base_url = "http://localhost:11434/v1"
# api_key_env = "OLLAMA_KEY"
"""

_PROMPT = """\
---
description: Praise or panning, in one word
tags: [sentiment]
settings: {temperature: 0, max_tokens: 4}
samples:
  text: a quiet film that stays with you
---
system:
You label film reviews. Answer with one word: positive or negative.

user:
Review: the jokes land and the cast is a delight
assistant:
positive
user:
Review: two hours of noise and not one idea
assistant:
negative
user:
Review: {{ text }}
"""

_SUITE = """\
# Which label does a base model give to a film review? Sentences written for this example.
name: hello
description: Ten film reviews, half of them friendly
prompts: [sentiment]
models: [local:smollm2-135m]
cases:
  - {id: warm, inputs: {text: "warm, funny and far too short"}, expected: positive}
  - {id: asleep, inputs: {text: "I fell asleep twice and missed nothing"}, expected: negative}
  - {id: camera, inputs: {text: "every frame is a painting"}, expected: positive}
  - {id: script, inputs: {text: "the script seems to be a first draft"}, expected: negative}
  - {id: again, inputs: {text: "I would watch it again tomorrow"}, expected: positive}
  - {id: refund, inputs: {text: "I want my evening back"}, expected: negative}
  - {id: lead, inputs: {text: "the lead carries it with grace and wit"}, expected: positive}
  - {id: sequel, inputs: {text: "a sequel that nobody needed"}, expected: negative}
  - {id: music, inputs: {text: "the music alone is worth the ticket"}, expected: positive}
  - {id: plot, inputs: {text: "the plot has more holes than a sieve"}, expected: negative}
evaluators:
  - exact_match: {ignore_case: true}
  - contains: {word: "{{ expected }}", ignore_case: true, as: mentions}
  - latency
# A gate makes a bar a duty: below it the exit code is 1.
# gates:
#   exact_match: ">= 0.80"
"""

FILES: Mapping[str, str] = {
    "promptlab.toml": _CONFIG,
    "prompts/sentiment.j2": _PROMPT,
    "evals/hello.yaml": _SUITE,
    # The database is no source: git is told so within its own folder, and nobody's .gitignore is touched.
    ".promptlab/.gitignore": "*\n",
}
"""Path in the workspace -> text."""
