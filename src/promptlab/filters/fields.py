"""What a filter or an order may look at: `metrics.NAME` and its like, and what every run has; MLflow's words too."""

from __future__ import annotations

from typing import Any, cast, get_args

from promptlab.filters.nodes import ATTRIBUTES, DATASET_FIELDS, Field, Statistic, Subject

_SUBJECTS: dict[str, Subject] = {
    **dict.fromkeys(("metrics", "metric"), cast("Any", "metric")),
    **dict.fromkeys(("params", "param", "parameters", "parameter"), cast("Any", "param")),
    **dict.fromkeys(("tags", "tag"), cast("Any", "tag")),
    **dict.fromkeys(("datasets", "dataset"), cast("Any", "dataset")),
    **dict.fromkeys(("attributes", "attribute", "attr", "run"), cast("Any", "attribute")),
}
_SYNONYMS = {
    "run_id": "id",
    "uid": "id",
    "run_name": "name",
    "start_time": "started_at",
    "created": "started_at",
    "end_time": "ended_at",
    "user_id": "user",
    "duration": "seconds",
    "prompt_name": "prompt",
    "base_model": "model",
}


def read_field(text: str, *, statistic: str = "last") -> tuple[Field | None, str]:
    """The field that a text names, or None and what is wrong with it. statistic: `last`, `min` or `max` of a metric."""
    head, dot, key = (part.strip() for part in text.partition("."))
    key = _unquoted(key)
    subject = _SUBJECTS.get(head.lower())
    if not dot:
        subject, key = "attribute", head
    elif subject is None:
        return (
            None,
            f"'{head:.40}' is none of metrics, params, tags, datasets and attributes{_suggested(head, _SUBJECTS)}",
        )
    if statistic != "last" and subject != "metric":
        return None, f"{statistic}() is of a metric: {statistic}(metrics.loss)"
    if subject == "attribute":
        key = _SYNONYMS.get(key.lower(), key.lower())
        if key not in ATTRIBUTES:
            return None, _unknown_attribute(key)
    elif subject == "dataset" and key.lower() not in DATASET_FIELDS:
        return None, f"data sets have {', '.join(DATASET_FIELDS)}, not '{key:.40}'"
    elif not key:
        return None, f"{head} needs a name behind the dot"
    if statistic not in get_args(Statistic):
        return None, f"'{statistic:.40}' is none of last, min and max"
    return Field(subject, key.lower() if subject == "dataset" else key, cast("Statistic", statistic)), ""


def _unknown_attribute(key: str) -> str:
    near = _suggested(key, {**dict.fromkeys(ATTRIBUTES), **_SYNONYMS})
    return (
        f"runs have no '{key:.40}'{near or '; they have ' + ', '.join(ATTRIBUTES)}; what was logged is metrics.NAME, "
        "params.NAME or tags.NAME"
    )


def _suggested(name: str, known: Any) -> str:
    import difflib

    near = difflib.get_close_matches(name.lower()[:100], list(known), n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""


def _unquoted(key: str) -> str:
    if len(key) >= 2 and key[0] == key[-1] and key[0] in '"`':
        return key[1:-1].replace('""', '"') if key[0] == '"' else key[1:-1]
    return key
