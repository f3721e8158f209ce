"""Compare's cases: what got better or worse between two runs, and the outputs word by word."""

from __future__ import annotations

import chips
from parts import changed_cases
from promptlab.lab import Lab


def test_cases_are_grouped_by_what_became_of_them(lab: Lab, workspace):
    good, poor = "fake:script?file=good.jsonl", "fake:script?file=poor.jsonl"
    report = lab.report(lab.evaluate(workspace / "sentiment.yaml", prompts=["plain"], models=[good, poor]).run)
    before, after = ([cell for cell in report.cells if cell.run_uid == one.id] for one in report.variants)
    judge = chips.judge(report, "exact_match", direction="higher", baseline=before, own=report.variants[0].id)
    found = {one.after.key: set(one.groups) for one in changed_cases.pair_up(before, after, judge)}
    # `poor` ends a with a line break, which exact_match forgives, is wrong on b, and has no answer for d.
    assert found == {
        "a": {"All", "Both pass", "Other output"},
        "b": {"All", "Regressed", "Other output"},
        "c": {"All", "Both pass"},
    }


def test_two_runs_are_compared_case_by_case_on_the_page(app, lab: Lab, workspace):
    result = lab.evaluate(workspace / "sentiment.yaml", prompts=["plain"])
    first, second = (variant.id for variant in result.variants)
    page = app("compare", runs=f"{first},{second}")
    assert not page.exception
    box = page.segmented_control(key=f"changed:group:{first[:8]}:{second[:8]}")
    assert list(box.options) == ["Regressed 1", "Other output 2", "Both pass 2", "All 3"]
    assert box.value == "Regressed"
    table = next(one.value for one in page.dataframe if "before" in one.value.columns)
    assert table[["case", "before", "now"]].to_numpy().tolist() == [["b", "✓ negative", "✗ positive"]]
    box.set_value("All").run()
    assert len(next(one.value for one in page.dataframe if "before" in one.value.columns)) == 3
