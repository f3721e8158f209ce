"""METEOR, the overlap of aligned words with the expected text."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from promptlab.evaluators.base import evaluator
from promptlab.evaluators.normalising import accepted_texts
from promptlab.types import EvaluatorContext, Score


def _check_meteor(options: Mapping[str, Any]) -> None:
    for name, most in (("alpha", 1.0), ("gamma", 1.0), ("beta", 100.0)):
        value = options.get(name)
        if value is not None and not 0 <= value <= most:
            raise ValueError(f"option `{name}` is {value}; it is from 0 to {most:g}")
    if options.get("synonyms"):
        _wordnet()


@evaluator(heavy=True, check=_check_meteor)
def meteor(
    context: EvaluatorContext,
    *,
    synonyms: bool = False,
    alpha: float = 0.9,
    beta: float = 3.0,
    gamma: float = 0.5,
    at_least: float | None = None,
) -> Score | None:
    """METEOR, the F-mean of aligned words with a penalty for their order, from 0 to 1; higher is better.

    Words are aligned where they are equal, then where their stems are (Porter's, English). Missing beside the full
    measure is its third stage, synonyms, which needs WordNet: 10 MB of data that nltk does not bring along and that is
    never fetched here. synonyms: use it where nltk finds it (`python -m nltk.downloader wordnet`); where it does not,
    the suite is refused. Words are those of nltk's word_tokenize for one line: a point stays with its word but at the
    end of the text. Case does not count. alpha, beta, gamma: weight of precision, shape and weight of the penalty.
    Of a list of expected texts, the best counts. Does not apply to a case without `expected`. at_least: passed from
    this value.
    Source: Banerjee and Lavie, "METEOR" (2005); Lavie and Agarwal (2007) for the parameters; the library nltk.
    Example: {output: "the cats sat on a mat", expected: "the cat sat on the mat"} -> 0.7433
    """
    accepted = accepted_texts(context.expected)
    if not accepted:
        return None
    from nltk.tokenize import word_tokenize
    from nltk.translate.meteor_score import meteor_score

    output, *references = (word_tokenize(text, preserve_line=True) for text in (context.output, *accepted))
    value = float(
        meteor_score(
            references,
            output,
            stemmer=_stemmer(),
            wordnet=_wordnet() if synonyms else _NoSynonyms(),
            alpha=alpha,
            beta=beta,
            gamma=gamma,
        )
    )
    return Score(value, passed=None if at_least is None else value >= at_least)


class _NoSynonyms:
    """A WordNet that is empty."""

    def synsets(self, _: str) -> Sequence[Any]:
        return ()


class _RememberingStemmer:
    """A stemmer of nltk that does not stem a word twice."""

    def __init__(self, stem: Callable[[str], str]) -> None:
        self.stem = functools.lru_cache(maxsize=50_000)(stem)


@functools.cache
def _stemmer() -> _RememberingStemmer:
    from nltk.stem.porter import PorterStemmer

    return _RememberingStemmer(PorterStemmer().stem)


@functools.cache
def _wordnet() -> Any:
    from nltk.corpus import wordnet

    try:
        wordnet.ensure_loaded()
    except LookupError as error:
        raise ValueError(
            "option `synonyms` needs WordNet, which nltk does not find; `python -m nltk.downloader wordnet` fetches it"
        ) from error
    return wordnet
