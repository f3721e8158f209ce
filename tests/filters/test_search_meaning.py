"""What a search finds is what a plain reading of its filter says, on every database, whatever the filter."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading import Plain, fits

from promptlab.errors import FilterError
from promptlab.filters.nodes import Among, And, Comparison, Field, Known, Like, Node, Not, Or
from promptlab.filters.parse import parse_filter
from promptlab.lab import Lab
from promptlab.store import datasets, metrics, params, registry, runs
from promptlab.store.search import Search, search_runs
from promptlab.types import Case, Message, PromptVersion

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
TEXTS = [
    "",
    "a",
    "B",
    "svc",
    "3",
    "03",
    "1e3",
    "-2.5",
    "nan",
    "True",
    "é",
    "É",
    "x%y",
    "x_y",
    "a\\b",
    "A[*]?",
    "z" * 300,
    "中",
]
NUMBERS = [0.0, 1.0, -2.5, 3.0, 1000.0, 0.1, math.inf, -math.inf, math.nan]
KEYS = ["k", "a b", "x.y/z-1"]


def plain_runs() -> list[Plain]:
    """Thirty runs that differ in all that can be asked for."""
    found = []
    for number in range(30):
        text = TEXTS[number % len(TEXTS)]
        started = NOW - timedelta(hours=number)
        ended = None if number % 5 == 0 else started + timedelta(milliseconds=number * 333)
        run = Plain(
            {
                "name": text or "empty",
                "kind": ["train", "eval", "prompt"][number % 3],
                "experiment": ["Default", "churn"][number % 2],
                "user": TEXTS[(number + 1) % len(TEXTS)],
                "source": None if number % 4 == 0 else TEXTS[(number * 3) % len(TEXTS)],
                "host": None if number % 3 else "host",
                "model": None if number % 3 else f"fake:{number % 2}",
                "prompt": "greet@1" if number % 6 == 0 else "greet@2" if number % 6 == 3 else None,
                "note": TEXTS[(number * 5) % len(TEXTS)],
                "command": None if number % 2 else text,
                "error": None if number % 7 else "failed: x",
                "started_at": started,
                "ended_at": ended,
                "seconds": None if ended is None else round((ended - started).total_seconds(), 3),
            }
        )
        # Runs that do not end were last heard of when they started: only the newest still count as running.
        run.attributes["status"] = (
            "finished" if ended else "running" if started > NOW - timedelta(seconds=30) else "interrupted"
        )
        for place, key in enumerate(KEYS):
            if (number + place) % 3:
                run.params[key] = TEXTS[(number * 7 + place) % len(TEXTS)]
            if (number + place) % 4:
                run.tags[key] = TEXTS[(number * 5 + place) % len(TEXTS)]
            if (number + place) % 5:
                run.metrics[key] = [
                    NUMBERS[(number + place * 2 + step) % len(NUMBERS)] for step in range(1 + number % 3)
                ]
        if number % 4 == 1:
            run.datasets.append({"name": "d", "context": "training"})
        if number % 8 == 1:
            run.datasets.append({"name": "é", "context": "evaluation"})
        found.append(run)
    return found


@pytest.fixture
def stored(database_url: str, tmp_path: Path) -> Iterator[tuple[Lab, list[Plain]]]:
    """The runs in a database; those of the test get their ids there."""
    plain = plain_runs()
    with Lab(database_url, workspace=tmp_path) as lab:

        def fill(connection: runs.Connection) -> None:
            ids = {}
            for number in (1, 2):
                version = PromptVersion("greet", 0, f"digest {number}", (Message("user", "hi" * number),))
                registry.save_version(connection, version)
                ids[f"greet@{number}"] = registry.version_id(connection, "greet", number)
            for run in plain:
                of = run.attributes
                row = runs.create_run(
                    connection,
                    kind=of["kind"],
                    name=of["name"],
                    experiment=of["experiment"],
                    user=of["user"],
                    source=of["source"],
                    host=of["host"],
                    model=of["model"],
                    command=of["command"],
                    prompt_version_id=ids.get(of["prompt"]),
                    started_at=of["started_at"],
                )
                of["id"] = row.uid
                runs.set_note(connection, row.uid, of["note"])
                ended = of["ended_at"]
                runs.finish_run(
                    connection, row.uid, "finished" if ended else "running", error=of["error"], ended_at=ended
                )
                params.set_params(connection, row.id, run.params)
                params.set_tags(connection, row.id, run.tags)
                points = [(key, value, step, 0) for key, some in run.metrics.items() for step, value in enumerate(some)]
                metrics.log_metrics(connection, row.id, points)
                for used in run.datasets:
                    dataset = datasets.store_dataset(
                        connection, name=used["name"], source="", cases=[Case("one", {"x": used["name"]})]
                    )
                    datasets.link_dataset(connection, row.id, dataset.id, context=used["context"])
                    used |= {"digest": dataset.digest, "reference": dataset.reference}

        lab.database.write_now(fill)
        yield lab, plain


def text_of(node: Node) -> str:
    """The filter as somebody would write it."""

    def field(of: Field) -> str:
        if of.subject == "attribute":
            return of.key
        key = '"' + of.key.replace('"', '""') + '"'
        named = f"{of.subject}s.{of.key if of.subject == 'dataset' else key}"
        return f"{of.statistic}({named})" if of.statistic != "last" else named

    def value(of: object) -> str:
        return "'" + of.replace("'", "''") + "'" if isinstance(of, str) else repr(of)

    negation = "NOT " if getattr(node, "negated", False) else ""
    if isinstance(node, And | Or):
        return "(" + (" AND " if isinstance(node, And) else " or ").join(text_of(inner) for inner in node.nodes) + ")"
    if isinstance(node, Not):
        return f"NOT ({text_of(node.node)})"
    if isinstance(node, Comparison):
        return f"{field(node.field)} {node.operator} {value(node.value)}"
    if isinstance(node, Among):
        return f"{field(node.field)} {negation}IN ({', '.join(value(one) for one in node.values)})"
    if isinstance(node, Like):
        return f"{field(node.field)} {negation}{'ILIKE' if node.ignore_case else 'LIKE'} {value(node.pattern)}"
    if node.nan:
        return f"{field(node.field)} IS {negation}NAN"
    return f"{field(node.field)} IS {'' if node.negated else 'NOT '}NULL"


texts = st.sampled_from(
    [*TEXTS, "greet", "greet@2", "finished", "running", "interrupted", "train", "churn", "host", "d"]
)
numbers = st.sampled_from(NUMBERS) | st.floats(-5, 5)
keys = st.sampled_from([*KEYS, "missing"])
text_fields = (
    st.builds(Field, st.just("tag"), keys)
    | st.builds(
        Field,
        st.just("attribute"),
        st.sampled_from(
            [
                "name",
                "kind",
                "status",
                "experiment",
                "user",
                "source",
                "host",
                "model",
                "prompt",
                "note",
                "command",
                "error",
                "parent",
                "git_sha",
            ]
        ),
    )
    | st.builds(Field, st.just("dataset"), st.sampled_from(["name", "context", "reference", "digest"]))
)
param_fields = st.builds(Field, st.just("param"), keys)
metric_fields = st.builds(Field, st.just("metric"), keys, st.sampled_from(["last", "min", "max"]))
number_fields = metric_fields | st.just(Field("attribute", "seconds"))
time_fields = st.sampled_from([Field("attribute", "started_at"), Field("attribute", "ended_at")])
times = st.integers(0, 40 * 3600).map(lambda ago: (NOW.timestamp() - ago) * 1000)
operators = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
patterns = st.lists(
    st.sampled_from(["%", "_", "a", "B", "é", "\\", "x", "y", "[", "*", "?", "]", "svc", "3"]), max_size=5
).map("".join)
negated = st.booleans()
conditions = (
    st.builds(Comparison, text_fields | param_fields, operators, texts)
    | st.builds(Comparison, number_fields | param_fields, operators, numbers)
    | st.builds(Comparison, time_fields, operators, times)
    | st.builds(Among, text_fields | param_fields, st.lists(texts, min_size=1, max_size=3).map(tuple), negated)
    | st.builds(Among, number_fields | param_fields, st.lists(numbers, min_size=1, max_size=3).map(tuple), negated)
    | st.builds(Like, text_fields | param_fields, patterns, st.booleans(), negated)
    | st.builds(Known, text_fields | param_fields | number_fields | time_fields, st.just(False), negated)
    | st.builds(Known, number_fields, st.just(True), negated)
)
filters = st.recursive(
    conditions,
    lambda inner: (
        st.builds(Not, inner)
        | st.lists(inner, min_size=2, max_size=3)
        .map(tuple)
        .flatmap(lambda some: st.sampled_from([And(some), Or(some)]))
    ),
    max_leaves=6,
)
once = settings(
    max_examples=1, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
often = settings(once, max_examples=400)


def test_every_filter_finds_what_a_plain_reading_of_it_finds(stored: tuple[Lab, list[Plain]]) -> None:
    lab, plain = stored

    @often
    @given(node=filters)
    def check(node: Node) -> None:
        parsed = parse_filter(text_of(node))
        wanted = {run.attributes["id"] for run in plain if fits(parsed, run)}
        assert wanted == {run.attributes["id"] for run in plain if fits(node, run)}, text_of(node)
        page = lab.database.read(lambda connection: search_runs(connection, Search(parsed), limit=100, now=NOW))
        assert {row.uid for row in page.rows} == wanted, text_of(node)

    check()


def mistake_in(lab: Lab, text: str) -> str:
    """What is said of a filter that cannot be read; empty for one that can."""
    try:
        lab.search(text)
    except FilterError as error:
        return str(error) or "nothing was said"
    return ""


def test_any_text_is_a_filter_or_a_clear_mistake(stored: tuple[Lab, list[Plain]]) -> None:
    lab, _ = stored
    pieces = st.sampled_from(
        [
            "metrics.k",
            "params.",
            "tags.k",
            "name",
            "and",
            "or",
            "not",
            "in",
            "like",
            "is",
            "null",
            "between",
            "(",
            ")",
            ",",
            "=",
            "<",
            ">=",
            "!",
            "'x'",
            '"x"',
            "'",
            '"',
            "`",
            "1",
            "-1e3",
            "nan",
            "inf",
            "ago('1d')",
            "min(",
            "\x00",
            "\ud800",
            "\u202e",
            "é",
            "\n",
            ".",
            "..",
            "%",
            ";",
            "--",
        ]
    )
    mixed = st.lists(pieces, max_size=12).map(" ".join) | st.lists(pieces, max_size=8).map("".join)

    @settings(often, max_examples=600)
    @given(text=st.text(max_size=40) | mixed)
    def check(text: str) -> None:
        said = mistake_in(lab, text)
        assert len(said.splitlines()) <= 3
        assert len(said) < 500

    check()


orders = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "metrics.k",
                'max(metrics."a b")',
                "params.k",
                'params."a b"',
                "tags.k",
                "name",
                "status",
                "seconds",
                "ended_at",
                "started_at",
                "prompt",
                "model",
                "kind",
                "note",
            ]
        ),
        st.sampled_from(["", " asc", " desc"]),
    ).map("".join),
    max_size=3,
)


def test_pages_of_any_order_and_size_are_the_whole_list_in_that_order(stored: tuple[Lab, list[Plain]]) -> None:
    lab, plain = stored

    @settings(often, max_examples=120)
    @given(order=orders, size=st.integers(1, 12))
    def check(order: list[str], size: int) -> None:
        whole = [row.uid for row in lab.search(order_by=order)]
        assert sorted(whole) == sorted(run.attributes["id"] for run in plain)
        paged, after = [], None
        while True:
            page = lab.search(order_by=order, limit=size, after=after)
            paged += [row.uid for row in page]
            after = page.next
            if after is None:
                break
        assert paged == whole, order

    check()


def test_what_a_run_has_not_comes_last_either_way_and_the_newest_first_among_equals(
    stored: tuple[Lab, list[Plain]],
) -> None:
    lab, plain = stored
    last = {run.attributes["id"]: (run.metrics.get("k") or [math.nan])[-1] for run in plain}
    place = {run.attributes["id"]: number for number, run in enumerate(plain)}
    for way, sign in (("", 1), (" desc", -1)):
        wanted = sorted(
            last, key=lambda uid: (math.isnan(last[uid]), 0 if math.isnan(last[uid]) else sign * last[uid], -place[uid])
        )
        assert [row.uid for row in lab.search(order_by=f"metrics.k{way}")] == wanted


def test_a_data_frame_has_a_column_for_all_that_was_logged(stored: tuple[Lab, list[Plain]]) -> None:
    lab, plain = stored
    with lab.run("own", params={"only": "3"}, tags={"promptlab.own": "x"}, system_metrics=False):
        pass
    frame = lab.search().to_pandas()
    assert len(frame) == len(plain) + 1
    assert list(frame.columns[:9]) == [
        *("run", "name", "kind", "experiment", "status", "started_at", "seconds", "prompt", "model")
    ]
    logged = [f"{head}.{key}" for head in ("params", "metrics", "tags") for key in sorted(KEYS)]
    assert [name for name in frame.columns[9:] if name != "params.only"] == logged
    assert frame["params.only"].dropna().tolist() == [3.0]
    by_id = frame.set_index("run")
    for run in plain:
        row = by_id.loc[run.attributes["id"]]
        for key in KEYS:
            assert (row[f"params.{key}"] if key in run.params else None) == run.params.get(key)
            if key in run.metrics:
                assert repr(float(row[f"metrics.{key}"])) == repr(run.metrics[key][-1])
