"""Evaluators: functions of an EvaluatorContext that score an output.

base        @evaluator, BoundEvaluator, and what a returned value means
registry    names to functions: built in, registered, or from a Python file; suite entries to BoundEvaluators
options     options of an entry: checked against the signature, templates over the case resolved
deadline    functions in daemon threads that cannot hold a run or its exit
identity    the digest of an evaluator: its name, options and source
spelling    did-you-mean
documentation  what `promptlab evaluators` says of each, and their examples
text        exact_match, quasi_exact_match, contains and kin, starts_with, ends_with, regex
numbers     equals_number, numeric_diff
choices     choice, list_contains; letters: how a choice is found in an output
structure   is_json, json_schema; fields: json_fields; tools: tool_call; formats: is_sql, is_python, is_xml
overlap     levenshtein, f1; rouge, bleu, chrf, ter, meteor: those of their names
semantic    semantic_similarity; likelihood: perplexity, target_log_probability, choice_by_likelihood
safety      refusal, pii; refusals and personal_data: what they look for
measures    word_count, sentence_count, tokens, latency, cost, finish_reason
groups      all_of, any_of, weighted_mean, overall; transforms: of an output before it is scored
pool        heavy evaluators in batches and worker processes
"""
