import pytest

from promptlab.redact import MASK, redact


def test_given_secrets_are_masked() -> None:
    assert redact("the word is abracadabra!", secrets=["abracadabra"]) == f"the word is {MASK}!"


def test_a_given_secret_that_is_too_short_to_be_one_is_left() -> None:
    assert redact("a cat", secrets=["", "a"]) == "a cat"


def test_values_of_key_like_variables_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SERVICE_TOKEN", "very-plain-value")
    monkeypatch.setenv("MONKEY_NAME", "harmless-value")
    assert redact("very-plain-value harmless-value") == f"{MASK} harmless-value"


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: {sk-proj-abc123DEF456}",
        "key {sk-ab12****************yz89} is wrong",
        "{hf_abcdefghijklmnopqrstuv}",
        "{ghp_abcdefghijklmnopqrstuvwx}",
        "Authorization: Bearer {abcdef.ghijkl}",
        'got {"api_key": "{0123456789abcdef}"}'.replace('{"', '("').replace('"}', '"}'),
        "GET /v1?api_key={0123456789abcdef}&x=1",
        "postgresql://me:{hunter22}@host/db",
    ],
)
def test_what_looks_like_a_key_is_masked(text: str) -> None:
    start, _, rest = text.partition("{")
    key, _, end = rest.partition("}")
    assert redact(start + key + end) == start + MASK + end


@pytest.mark.parametrize("text", ["", "a task-oriented text", "http://localhost:8000/v1", "the secret is patience"])
def test_plain_text_is_left_as_it_is(text: str) -> None:
    assert redact(text) == text
