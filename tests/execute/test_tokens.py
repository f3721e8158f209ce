import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab import portal
from promptlab.config import Workspace
from promptlab.execute.tokens import TokenCount, TokenCounter, estimate_input_tokens, most_input_tokens
from promptlab.models.fake import fake_model
from promptlab.models.openai import OpenAIModel
from promptlab.models.python import PythonModel
from promptlab.models.transformers import local_model
from promptlab.types import Message, Request

ROOT = Path(__file__).resolve().parents[2]


def user(text: str) -> tuple[Message, ...]:
    return (Message("user", text),)


def workspace(root: Path) -> Workspace:
    return Workspace(root=root, db_url="sqlite://", artifacts=root, threads=1)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("Is it good?", 4),
        ("unbelievably", 2),
        ("1234567", 4),
        ("价格是多少", 5),
        ("Привет", 2),
        ("a\n\n    b", 3),
        ("x == {'a': 1}", 10),
    ],
)
def test_the_estimate_counts_pieces_of_words_digits_signs_and_wide_characters(text: str, tokens: int) -> None:
    assert estimate_input_tokens(user(text)) == tokens + 4 + 3


def test_messages_and_a_schema_count_too() -> None:
    messages = (Message("system", "Be kind."), Message("user", "Is it good?"))
    schema = {"type": "object", "properties": {"answer": {"type": "string"}}}
    assert estimate_input_tokens(messages) == 3 + 4 + 2 * 4 + 3
    assert estimate_input_tokens(messages, schema) > estimate_input_tokens(messages) + 10
    assert most_input_tokens(messages, schema) == most_input_tokens(messages) + len(json.dumps(schema))


@given(st.text())
def test_the_estimate_is_never_above_the_bound(text: str) -> None:
    assert 0 <= estimate_input_tokens(user(text)) <= most_input_tokens(user(text))


def test_a_lone_surrogate_has_a_bound() -> None:
    assert most_input_tokens(user("\ud800")) == 3 + 16 + 128


def test_a_fake_model_counts_words_and_a_function_has_no_tokens(tmp_path: Path) -> None:
    counter, request = TokenCounter(workspace(tmp_path)), Request(user("  one two\nthree"))
    fake = fake_model("fake:echo", folder=tmp_path)
    counted = counter.count(fake, request)
    assert counted == TokenCount(3, exact=True)
    assert portal.run(fake.generate(request)).usage.input_tokens == counted.value
    assert counter.count(PythonModel("tfidf", lambda inputs: [""] * len(inputs)), request) == TokenCount(0, exact=True)


def test_a_model_behind_a_server_is_estimated_and_says_so(tmp_path: Path) -> None:
    model = OpenAIModel("mine:x", base_url="http://localhost:1/v1", api_key_env=None)
    request = Request(user("Is it good?"))
    assert TokenCounter(workspace(tmp_path)).count(model, request) == TokenCount(11, exact=False)


@pytest.mark.model
def test_a_local_model_is_counted_by_its_own_tokenizer_as_it_counts_itself(smollm2_folder: Path) -> None:
    lab = workspace(smollm2_folder.parent)
    model = local_model(f"local:{smollm2_folder}", workspace=lab)
    requests = [
        Request(user("Is it good?"), {"max_tokens": 1}),
        Request((Message("system", "Be kind."), Message("user", "<|im_end|> 价格是多少")), {"max_tokens": 1}),
    ]
    counter = TokenCounter(lab)
    for request in requests:
        counted = counter.count(model, request)
        assert counted.exact
        assert counted.value == portal.run(model.generate(request)).usage.input_tokens
    portal.run(model.close())


@pytest.mark.model
def test_the_estimate_is_near_and_the_bound_holds_for_a_real_tokenizer(smollm2_folder: Path) -> None:
    lab = workspace(smollm2_folder.parent)
    model = local_model(f"local:{smollm2_folder}", workspace=lab)
    counter = TokenCounter(lab)
    source = (ROOT / "src/promptlab/types.py").read_text(encoding="utf-8")
    abstracts = (ROOT / "evals/data/aclsum.jsonl").read_text(encoding="utf-8")
    for text in (source, abstracts, "人工智能是计算机科学的一个分支", "\U0001f600 \u0ca0_\u0ca0 \x00\x7f", ""):
        real = counter.count(model, Request(user(text)))
        assert real.exact
        assert real.value <= most_input_tokens(user(text))
    for text in (source, abstracts):
        real = counter.count(model, Request(user(text)))
        assert estimate_input_tokens(user(text)) == pytest.approx(real.value, rel=0.1)
