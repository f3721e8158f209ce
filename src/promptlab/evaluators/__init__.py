"""Evaluators: functions of an EvaluatorContext that score an output.

base        @evaluator, BoundEvaluator, and what a returned value means
registry    names to functions: built in, registered, or from a Python file; suite entries to BoundEvaluators
options     options of an entry: checked against the signature, templates over the case resolved
deadline    functions in daemon threads that cannot hold a run or its exit
identity    the digest of an evaluator: its name, options and source
spelling    did-you-mean
text        exact_match, contains, regex
structure   is_json, json_schema
overlap     levenshtein, rouge_1, rouge_2, rouge_l
measures    word_count, latency, cost
"""
