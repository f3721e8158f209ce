"""Likelihoods of real models through a whole evaluation, against transformers used plainly: one sequence a pass."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from promptlab import Lab
from promptlab.models.packaged import PACKAGED, find_pulled

QUESTIONS = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "evals" / "data" / "commonsense-qa.jsonl").read_text("utf-8").splitlines()
]
NEAR = 1e-4
"""Of a log probability: sums of float32 in another order differ by less."""
PLAIN = "Question: {{ inputs.question }}\nAnswer:"

SUITE = """\
name: choices
prompts: [ask]
models: ["MODEL"]
settings: {temperature: 0, max_tokens: 12}
evaluators:
  - choice_by_likelihood: {options: "{{ inputs.choices }}", prompt: "PLAIN", normalise: [none, characters, bytes,
      tokens, unconditional]}
  - choice_by_likelihood: {options: "{{ inputs.choices }}", as: chat}
  - target_log_probability: {target: "{{ inputs.choices[0] }}", prompt: "PLAIN", as: of_0}
  - target_log_probability: {target: "{{ inputs.choices[1] }}", prompt: "PLAIN", as: of_1}
  - target_log_probability: {target: "{{ inputs.choices[2] }}", prompt: "PLAIN", as: of_2}
  - target_log_probability: {target: "{{ inputs.choices[3] }}", prompt: "PLAIN", as: of_3, normalise: tokens}
  - target_log_probability: {target: "{{ inputs.choices[0] }}", as: chat_of_0}
  - perplexity
  - perplexity: {alone: true, as: alone}
cases: questions.jsonl
""".replace("PLAIN", PLAIN.replace("\n", "\\n"))


@dataclass
class Plainly:
    """A model of a folder, as anybody would load it."""

    model: Any
    tokenizer: Any

    @classmethod
    def of(cls, folder: Path) -> Plainly:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        return cls(model, AutoTokenizer.from_pretrained(folder))

    def log_probabilities(self, context: list[int], tokens: list[int]) -> list[float]:
        """Of each token after what stands before it: one forward pass of the whole sequence."""
        import torch

        with torch.inference_mode():
            logits = self.model(torch.tensor([[*context, *tokens]]), use_cache=False).logits[0]
        rows = logits[len(context) - 1 : -1].double().log_softmax(-1)
        return [float(row[token]) for row, token in zip(rows, tokens, strict=True)]

    def after(self, text: str, continuation: str) -> list[float]:
        """Of a continuation of plain text, both tokenised together; after an empty one, of a document's beginning."""
        context = self.tokenizer(text)["input_ids"] if text else [self.tokenizer.bos_token_id]
        whole = self.tokenizer(f"{text}{continuation}")["input_ids"]
        if text:
            assert whole[: len(context)] == context
            return self.log_probabilities(context, whole[len(context) :])
        return self.log_probabilities(context, self.tokenizer(continuation, add_special_tokens=False)["input_ids"])

    def after_chat(self, question: str, answer: str) -> list[float]:
        """Of an answer to a user's message; a model without a template goes on with the message itself."""
        if self.tokenizer.chat_template is None:
            return self.after(question, answer)
        chat = [{"role": "user", "content": question}]
        text = self.tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        context = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return self.log_probabilities(context, self.tokenizer(answer, add_special_tokens=False)["input_ids"])


def likeliest(values: list[float]) -> str:
    return "ABCDE"[max(range(len(values)), key=values.__getitem__)]


@pytest.mark.model
@pytest.mark.parametrize(("name", "count"), [("smollm2-135m", 10), ("gemma-3-270m", 3)])
def test_likelihoods_are_those_of_transformers_used_plainly(name: str, count: int, tmp_path: Path):
    pulled = find_pulled(PACKAGED[name])
    if pulled is None:
        pytest.skip(f"promptlab models pull {name}")
    questions = QUESTIONS[:count]
    (tmp_path / "promptlab.toml").write_text("")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "ask.j2").write_text("{{ question }}")
    (tmp_path / "questions.jsonl").write_text("".join(f"{json.dumps(question)}\n" for question in questions))
    (tmp_path / "choices.yaml").write_text(SUITE.replace("MODEL", f"local:{name}"))
    with Lab(workspace=tmp_path) as lab:
        cells = {cell.key: cell for cell in lab.evaluate(tmp_path / "choices.yaml").cells}

    plainly = Plainly.of(pulled.path)
    has_template = plainly.tokenizer.chat_template is not None
    for question in questions:
        cell = cells[question["id"]]
        scores = cell.scores
        assert not [score.error for score in scores.values() if score.error]
        asked, choices = question["inputs"]["question"], question["inputs"]["choices"]
        text = PLAIN.replace("{{ inputs.question }}", asked)

        found = [plainly.after(text, f" {choice}") for choice in choices]
        sums = [math.fsum(values) for values in found]
        assert [scores[f"of_{n}"].value for n in range(3)] == pytest.approx(sums[:3], abs=NEAR)
        assert scores["of_3"].value == pytest.approx(sums[3] / len(found[3]), abs=NEAR)
        alone = [math.fsum(plainly.after("", f" {choice}")) for choice in choices]
        compared = {
            "acc": sums,
            "acc_norm": [total / len(choice) for total, choice in zip(sums, choices, strict=True)],
            "acc_bytes": [total / len(choice.encode()) for total, choice in zip(sums, choices, strict=True)],
            "acc_norm_token": [total / len(values) for total, values in zip(sums, found, strict=True)],
            "acc_mutual_info": [total - other for total, other in zip(sums, alone, strict=True)],
        }
        chat = [math.fsum(plainly.after_chat(asked, choice if has_template else f" {choice}")) for choice in choices]
        verdicts = {"chat": chat, **{f"choice_by_likelihood.{way}": values for way, values in compared.items()}}
        for key, values in verdicts.items():
            assert scores[key].label == likeliest(values), (key, values, scores[key])
            assert scores[key].value == float(likeliest(values) == question["expected"])
        assert scores["chat_of_0"].value == pytest.approx(chat[0], abs=NEAR)

        written = plainly.after_chat(asked, cell.output)
        assert math.log(scores["perplexity"].value) == pytest.approx(-math.fsum(written) / len(written), abs=NEAR)
        document = plainly.after("", cell.output)
        assert math.log(scores["alone"].value) == pytest.approx(-math.fsum(document) / len(document), abs=NEAR)
