from pathlib import Path

import pytest

from promptlab.config import Limits, PriceOverride, Workspace, find_workspace
from promptlab.errors import WorkspaceError


def workspace(folder: Path, text: str) -> Workspace:
    (folder / "promptlab.toml").write_text(text, encoding="utf-8")
    return find_workspace(folder)


def test_a_workspace_without_settings_has_no_prices_and_no_limits(tmp_path: Path) -> None:
    found = workspace(tmp_path, "")
    assert found.prices == {}
    assert found.limits_for("openai") == Limits(None, None, None, 120.0)
    assert Workspace(root=tmp_path, db_url="sqlite://", artifacts=tmp_path).limits_for("openai") == Limits()


def test_prices_are_tables_by_model_name_or_pattern(tmp_path: Path) -> None:
    found = workspace(
        tmp_path,
        """
        [prices."openai:gpt-4o-mini"]
        input_usd_per_million = 0.1
        output_usd_per_million = 1
        cached_input_usd_per_million = 0.05
        [prices."ollama:*"]
        input_usd_per_million = 0
        output_usd_per_million = 0
        """,
    )
    assert found.prices == {"openai:gpt-4o-mini": PriceOverride(0.1, 1, 0.05), "ollama:*": PriceOverride(0, 0)}


def test_limits_of_openai_and_of_an_endpoint_are_found_by_provider(tmp_path: Path) -> None:
    found = workspace(
        tmp_path,
        """
        [openai]
        requests_per_minute = 500
        tokens_per_minute = 200_000
        [endpoints.ollama]
        base_url = "http://localhost:11434/v1"
        requests_per_minute = 30.5
        max_concurrency = 4
        deadline_seconds = 600
        """,
    )
    assert found.limits_for("openai") == Limits(500, 200_000, None, 120.0)
    assert found.limits_for("ollama") == Limits(30.5, None, 4, 600)
    assert found.limits_for("fake") == Limits()
    assert found.endpoints["ollama"].deadline_seconds == 600


SERVER = '[endpoints.x]\nbase_url = "http://localhost:1/v1"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[price]", "unknown key 'price'; known: endpoints, local, openai, prices"),
        ("prices = 3", "prices are tables"),
        ('[prices]\n"openai:x" = 3', "prices are tables"),
        ('[prices."gpt-4o"]', """[prices."gpt-4o"]: the name is 'gpt-4o'; it is PROVIDER:MODEL"""),
        ('[prices."openai:"]', "it is PROVIDER:MODEL"),
        ('[prices."local:smollm2-135m"]', "cost nothing"),
        ('[prices."openai:x"]\ninput = 1', """[prices."openai:x"]: unknown key 'input'"""),
        ('[prices."openai:x"]', "are missing"),
        ('[prices."openai:x"]\ncached_input_usd_per_million = 1', "are missing"),
        ('[prices."openai:x"]\ninput_usd_per_million = -1', "input_usd_per_million is -1; it is a number from 0"),
        ('[prices."openai:x"]\ninput_usd_per_million = nan', "is nan; it is a number from 0"),
        ('[prices."openai:x"]\ninput_usd_per_million = true', "is True; it is a number from 0"),
        ("openai = 3", "[openai] is a table"),
        ('[openai]\nbase_url = "http://x"', "set OPENAI_BASE_URL"),
        ("[openai]\nthreads = 1", "[openai]: unknown key 'threads'"),
        ("[openai]\nrequests_per_minute = 0", "[openai]: requests_per_minute is 0; it is a number above 0"),
        ("[openai]\ntokens_per_minute = inf", "tokens_per_minute is inf; it is a number above 0"),
        (SERVER + "max_concurrency = 0", "[endpoints.x]: max_concurrency is 0; it is a whole number from 1"),
        (SERVER + "max_concurrency = 2.5", "max_concurrency is 2.5; it is a whole number from 1"),
        (SERVER + "deadline_seconds = 0", "deadline_seconds is 0; it is a number above 0"),
        (SERVER + 'requests_per_minute = "9"', "requests_per_minute is '9'; it is a number above 0"),
        (SERVER + "output_usd_per_million = -1", "output_usd_per_million is -1; it is a number from 0"),
        (SERVER + "api_key_env = 3", "[endpoints.x]: api_key_env is 3; it is text"),
        (SERVER + 'api_key = "sk"', "a key never stands in a file"),
        ("[endpoints.x]", "base_url is None"),
        ('[endpoints.openai]\nbase_url = "http://x"', "'openai' is a provider of promptlab"),
        ("[local]\nthreads = 0", "[local]: threads is 0; it is a whole number from 1"),
    ],
)
def test_a_wrong_setting_names_file_table_and_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(WorkspaceError) as caught:
        workspace(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / "promptlab.toml"))
    assert words in str(caught.value)
