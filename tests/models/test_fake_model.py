import json
from pathlib import Path
from typing import Any

import pytest

from promptlab import portal
from promptlab.errors import CallError, ModelError
from promptlab.models.fake import FakeModel, fake_model, scripted
from promptlab.types import Message, Request, Response


def ask(model: FakeModel, text: str = "hello there", *, repeat: int = 0, **settings: Any) -> Response:
    return portal.run(model.generate(Request((Message("user", text),), settings, repeat=repeat)))


def statuses(model: FakeModel, *texts: str) -> list[str]:
    found = []
    for text in texts:
        try:
            found.append(ask(model, text).status)
        except CallError as error:
            found.append(error.status)
    return found


def test_echo_answers_the_last_message(tmp_path: Path) -> None:
    model = fake_model("fake:echo", folder=tmp_path)
    messages = (Message("system", "be kind"), Message("user", "well then"))
    answer = portal.run(model.generate(Request(messages)))
    assert answer.text == "well then"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (4, 2)
    # Pricing decides: nothing, or what promptlab.toml says.
    assert answer.cost_usd is None
    assert model.calls == 1


def test_say_says_its_text(tmp_path: Path) -> None:
    assert ask(fake_model("fake:say?text=very+good%21", folder=tmp_path)).text == "very good!"


def test_max_tokens_cuts_after_so_many_words(tmp_path: Path) -> None:
    answer = ask(fake_model("fake:echo", folder=tmp_path), "  one two\nthree", max_tokens=2)
    assert (answer.text, answer.status, answer.finish_reason) == ("  one two", "truncated", "length")


def test_choose_is_fixed_by_the_messages_and_the_repeat(tmp_path: Path) -> None:
    def answers() -> list[str]:
        model = fake_model("fake:choose?of=yes,no", folder=tmp_path)
        return [ask(model, str(number), repeat=repeat).text for number in range(10) for repeat in range(3)]

    assert answers() == answers()
    assert set(answers()) == {"yes", "no"}


def test_refuse_is_a_refused_answer(tmp_path: Path) -> None:
    answer = ask(fake_model("fake:refuse?text=no", folder=tmp_path))
    assert (answer.text, answer.status, answer.finish_reason) == ("no", "refused", "content_filter")


def test_fail_fails_always_or_so_many_times(tmp_path: Path) -> None:
    assert statuses(fake_model("fake:fail?status=quota", folder=tmp_path), "a", "b") == ["quota", "quota"]
    assert statuses(fake_model("fake:fail?times=1", folder=tmp_path), "a", "a", "b") == ["server", "ok", "ok"]


def test_flaky_fails_the_first_calls_of_every_request(tmp_path: Path) -> None:
    model = fake_model("fake:flaky?failures=1&status=rate_limited&retry_after=0.5&message=wait", folder=tmp_path)
    assert statuses(model, "a", "b", "a", "b") == ["rate_limited", "rate_limited", "ok", "ok"]
    with pytest.raises(CallError, match=r"^wait$") as caught:
        ask(model, "c")
    assert caught.value.retry_after == 0.5


def test_a_script_answers_by_its_first_line_that_fits(tmp_path: Path) -> None:
    lines = [
        {"input": "good", "output": "positive"},
        {"input": "bad", "output": "negative"},
        {"input": "ugly", "status": "refused", "output": "no"},
        {"input": "down", "status": "timeout"},
        {"output": "unsure"},
    ]
    (tmp_path / "answers.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    model = fake_model("fake:script?file=answers.jsonl", folder=tmp_path)
    assert [ask(model, text).text for text in ("a good film", "bad, not good", "hm")] == [
        "positive",
        "positive",
        "unsure",
    ]
    assert statuses(model, "ugly", "down") == ["refused", "timeout"]


def test_a_changed_script_is_another_model(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"output": "a"}')
    first = fake_model("fake:script?file=answers.jsonl", folder=tmp_path).identity
    path.write_text('{"output": "b"}')
    assert fake_model("fake:script?file=answers.jsonl", folder=tmp_path).identity != first


def test_a_mapping_can_be_the_script() -> None:
    model = scripted({"good": "positive"})
    assert ask(model, "so good").text == "positive"
    with pytest.raises(CallError, match="no answer to 'hm'"):
        ask(model, "hm")
    assert ask(scripted({"good": "positive"}, default="?"), "hm").text == "?"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fake:ecko", "did you mean fake:echo?"),
        ("fake:zzz", "there is: echo, say"),
        ("fake:echo?text=x", "unknown option 'text'"),
        ("fake:say", "needs text"),
        ("fake:fail?status=ok", "status is 'ok'"),
        ("fake:echo?seconds=soon", "seconds is 'soon'"),
        ("fake:fail?times=nan", "times is 'nan'"),
        ("fake:script?file=missing.jsonl", "cannot be read"),
        ("fake:script?file=broken.jsonl", "line 2: not valid JSON"),
        ("fake:script?file=keys.jsonl", "line 1: a line of a script has"),
        ("fake:script?file=status.jsonl", "status is 'fine'"),
    ],
)
def test_a_wrong_name_says_what_is_wrong(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "broken.jsonl").write_text('{"output": "a"}\n{')
    (tmp_path / "keys.jsonl").write_text('{"in": "a"}')
    (tmp_path / "status.jsonl").write_text('{"status": "fine"}')
    with pytest.raises(ModelError) as caught:
        fake_model(name, folder=tmp_path)
    assert words in str(caught.value)
