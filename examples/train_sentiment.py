"""A classic model against two prompts: TF-IDF + logistic regression on the very cases that the prompts answer.

Trains on real movie-review sentences, logs the training run with its curve, then evaluates the model and two prompts
(zero-shot, and with examples; on SmolLM2) on the 64 sentences of `evals/sentiment.yaml`, and says with a paired test
which is better. About half a minute, no GPU; answers of the base model that are known are not computed again:

    promptlab models pull smollm2-135m      # 93 MB, once
    python examples/train_sentiment.py
    promptlab ui                            # Compare shows all three side by side
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline

from promptlab import Lab

ROOT = Path(__file__).resolve().parent.parent
TRAINING = ROOT / "evals" / "data" / "sst2-train.jsonl"
SUITE = ROOT / "evals" / "sentiment.yaml"
BASE_MODEL = "local:smollm2-135m"


def read(path: Path) -> tuple[list[str], list[str]]:
    """Sentences and labels; no sentence of the suite is among them."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row["inputs"]["text"] for row in rows], [row["expected"] for row in rows]


def main() -> None:
    lab = Lab(workspace=ROOT)
    texts, labels = read(TRAINING)
    train_texts, test_texts, train_labels, test_labels = train_test_split(
        texts, labels, test_size=0.25, random_state=0, stratify=labels
    )
    model: Pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10.0, max_iter=500)
    )

    with lab.run("tfidf-logreg", kind="train", params=model[-1].get_params(), tags={"data": TRAINING.name}) as run:
        run.log_params(ngram_range="1-2", train_rows=len(train_texts), test_rows=len(test_texts))
        # The learning curve: how much would more data help?
        for share in (0.25, 0.5, 0.75, 1.0):
            rows = int(len(train_texts) * share)
            model.fit(train_texts[:rows], train_labels[:rows])
            run.log_metrics(
                step=rows,
                accuracy=accuracy_score(test_labels, model.predict(test_texts)),
                log_loss=log_loss(test_labels, model.predict_proba(test_texts)),
            )
        vocabulary = model[0].get_feature_names_out()
        weights = sorted(zip(model[-1].coef_[0], vocabulary, strict=True))
        strongest = [*weights[:20], *weights[-20:]]
        run.log_text("\n".join(f"{weight:+.3f}\t{word}" for weight, word in strongest), "strongest-words.tsv")

    def predict(inputs: Sequence[Mapping[str, str]]) -> list[str]:
        return [str(label) for label in model.predict([row["text"] for row in inputs])]

    classic = lab.evaluate(SUITE, models=[lab.model("tfidf-logreg", predict)])
    prompts = lab.evaluate(SUITE, models=[BASE_MODEL])
    print(f"training run {run.uid}: accuracy {accuracy_score(test_labels, model.predict(test_texts)):.2f} held out")
    for variant in (*classic.variants, *prompts.variants):
        score = variant.scores["exact_match"]
        print(f"  {variant.name:40} {score.mean:.2f} [{score.low:.2f}, {score.high:.2f}], n={score.n}")
    for pair in lab.compare(classic.run, prompts.run).pairs:
        print(next(one.verdict.sentence for one in pair.measures if one.measure == "exact_match"))
    lab.close()


if __name__ == "__main__":
    main()
