"""`eval --dry-run`, `--max-cost`, `--max-errors`: what is said before, and where it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promptlab import Lab

PRICES = '[prices."fake:*"]\ninput_usd_per_million = 0\noutput_usd_per_million = 5000\n'  # 0.005 a word


@pytest.fixture
def many(folder: Path) -> Path:
    """100 cases of a model whose answer of two words costs 0.01 and at most 0.01."""
    (folder / "promptlab.toml").write_text(PRICES)
    cases = "".join(f"  - {{inputs: {{text: w{n}}}, expected: Say w{n}}}\n" for n in range(100))
    path = folder / "many.yaml"
    path.write_text(
        'name: many\nprompts: [plain]\nmodels: ["fake:echo?seconds=0.01&concurrency=16"]\nsettings: {max_tokens: 2}\n'
        f"evaluators: [exact_match]\ncases:\n{cases}"
    )
    return path


def test_a_dry_run_says_calls_tokens_and_cost_and_leaves_no_trace(promptlab, many: Path, folder: Path):
    ended = promptlab("eval", "many.yaml", "--dry-run", "--json", "-")
    document = json.loads(ended.out)
    assert ended.code == 0
    assert (document["calls"], document["most_usd"]) == (100, pytest.approx(1.0))
    (variant,) = document["variants"]
    assert (variant["input_tokens"], variant["input_tokens_exact"], variant["most_output_tokens"]) == (200, True, 200)
    assert "100 calls, at most $1.00" in ended.err
    with Lab(workspace=folder) as lab:
        assert not lab.runs(include_tries=True)
        assert not lab.prompts.list()


def test_a_dry_run_counts_what_the_cache_and_identical_calls_spare(promptlab, many: Path, folder: Path):
    promptlab("eval", "many.yaml", "--limit", "40")
    (folder / "prompts" / "twin.j2").write_text("Say {{ text }}\n")
    ended = promptlab("eval", "many.yaml", "-p", "plain", "-p", "twin", "--dry-run", "--json", "-")
    plain, twin = json.loads(ended.out)["variants"]
    assert (plain["cached"], plain["calls"], plain["shared"]) == (40, 60, 0)
    assert (twin["cached"], twin["calls"], twin["shared"]) == (40, 0, 60)


def test_a_dry_run_says_what_it_does_not_know(promptlab, folder: Path):
    (folder / "promptlab.toml").write_text('[endpoints.mine]\nbase_url = "http://127.0.0.1:9/v1"\n')
    ended = promptlab("eval", "words.yaml", "-m", "mine:model", "--dry-run")
    assert ended.code == 0
    assert "unknown price" in ended.out
    assert "~ estimated" in ended.out
    assert "the cost is not known" in ended.out
    assert '[prices."mine:model"]' in ended.out
    assert "without max_tokens nothing bounds an answer" in ended.out


def test_a_budget_is_never_overspent_and_what_it_leaves_says_so(promptlab, many: Path, folder: Path):
    ended = promptlab("eval", "many.yaml", "--max-cost", "0.30", "--json", "-")
    document = json.loads(ended.out)
    assert ended.code == 3
    assert document["status"] == "stopped"
    assert document["variants"][0]["spent_usd"] == pytest.approx(0.30)
    statuses = [cell["status"] for cell in document["cells"]]
    assert (statuses.count("ok"), statuses.count("budget")) == (30, 70)
    assert "budget" in ended.err
    again = promptlab("eval", "--resume", document["run"], "--max-cost", "0.20", "--json", "-")
    document = json.loads(again.out)
    statuses = [cell["status"] for cell in document["cells"]]
    assert (statuses.count("ok"), statuses.count("budget")) == (50, 50)
    assert document["calls"]["made"] == 20
    last = json.loads(promptlab("eval", "--resume", document["run"], "--json", "-").out)
    assert (last["status"], last["calls"]["made"]) == ("finished", 50)
    assert last["variants"][0]["spent_usd"] == pytest.approx(1.0)


def test_one_budget_holds_for_all_suites_of_a_command(promptlab, many: Path, folder: Path):
    text = many.read_text().replace("name: many", "name: more").replace("text: w", "text: v")
    (folder / "more.yaml").write_text(text)
    assert promptlab("eval", "many.yaml", "more.yaml", "--max-cost", "1.20").code == 3
    with Lab(workspace=folder) as lab:
        spent = [variant.spent_usd for run in lab.runs(kinds=["eval"]) for variant in lab.report(run.uid).variants]
    assert sum(amount or 0.0 for amount in spent) == pytest.approx(1.20)


def test_cached_answers_cost_nothing_also_without_money(promptlab, many: Path):
    promptlab("eval", "many.yaml")
    ended = promptlab("eval", "many.yaml", "--max-cost", "0", "--json", "-")
    assert (ended.code, json.loads(ended.out)["calls"]["cached"]) == (0, 100)


def test_a_budget_needs_prices(promptlab, folder: Path):
    (folder / "promptlab.toml").write_text('[endpoints.mine]\nbase_url = "http://127.0.0.1:9/v1"\n')
    ended = promptlab("eval", "words.yaml", "-m", "mine:model", "--max-cost", "1")
    assert ended.code == 2
    assert '[prices."mine:model"]' in ended.err


def test_the_price_that_was_used_is_stored(promptlab, many: Path, folder: Path):
    promptlab("eval", "many.yaml", "--limit", "1")
    with Lab(workspace=folder) as lab:
        (variant,) = lab.runs(kinds=["prompt"])
        price = json.loads(lab.run_detail(variant.uid).tags["promptlab.price"])
    assert price["output_usd_per_million"] == 5000
    assert "promptlab.toml" in price["source"]


@pytest.mark.parametrize("text", ["-1", "many", "1.5", "nan"])
def test_a_limit_of_errors_that_is_none_is_refused(promptlab, text: str):
    ended = promptlab("eval", "words.yaml", f"--max-errors={text}")
    assert ended.code == 2
    assert len(ended.err.splitlines()) <= 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--resume", "1234", "--dry-run"], "--dry-run looks at suites"),
        (["words.yaml", "more.yaml", "--resume", "1234"], "go on with one run"),
        (["--resume", "1234", "--limit", "3"], "a run goes on as it was begun"),
        (["--resume", "0123abcd"], "no run '0123abcd'"),
        (["words.yaml", "--retry-errors"], "has no run yet"),
    ],
)
def test_options_that_do_not_go_together_say_so(promptlab, arguments: list[str], said: str):
    ended = promptlab("eval", *arguments)
    assert ended.code == 2
    assert said in ended.err
