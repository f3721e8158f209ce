"""The weights of a local embeddings model and what runs them: padded batches of texts of about the same length.

A folder is read as Sentence Transformers writes it: `modules.json` lists the parts (a transformer, its pooling, perhaps
the normalising), the folder of the pooling says how. Nothing of that library is needed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from promptlab.models.local_batches import run_within_memory
from promptlab.models.local_loading import precision, quiet
from promptlab.models.local_memory import give_back, is_memory_error
from promptlab.models.prefixes import Group

Pooling: TypeAlias = Literal["mean", "first"]
"""What a text's vector is made of: all its tokens, or the first one."""

BATCH_TEXTS = 64
_BATCH_TOKENS = 4096
"""The most tokens of a batch, padding counted: what it takes in memory stays below some hundred megabytes."""
_MOST_CHARACTERS = 100_000
"""Of a longer text the rest is not even tokenised: no model here takes a tenth of it."""


@dataclass(slots=True, eq=False)
class TextRow:
    """One text on its way through a batch. Filled in as it runs: vector, or error."""

    tokens: list[int]
    wanted: Callable[[], bool] = lambda: True
    vector: list[float] = field(default_factory=list)
    error: str | None = None
    seconds: float = 0.0

    def restart(self) -> None:
        """Nothing was begun that could be in the way."""


@dataclass(slots=True, eq=False)
class EmbeddingWeights:
    """A loaded embeddings model. Used by one thread at a time. most_tokens: of a text, what is longer is cut."""

    model: Any
    tokenizer: Any
    most_tokens: int
    pooling: Pooling

    @property
    def size_bytes(self) -> int:
        """What the weights take."""
        return sum(weight.nbytes for weight in (*self.model.parameters(), *self.model.buffers()))

    def row(self, text: str, *, wanted: Callable[[], bool] = lambda: True) -> TextRow:
        """The row of a text."""
        tokens: list[int] = self.tokenizer(text[:_MOST_CHARACTERS], truncation=True, max_length=self.most_tokens)[
            "input_ids"
        ]
        return TextRow(tokens, wanted)

    def plan(self, rows: Sequence[TextRow]) -> tuple[Group, ...]:
        """Batches of rows of about the same length, the longest first."""
        order = sorted(range(len(rows)), key=lambda index: -len(rows[index].tokens))
        batches: list[tuple[int, ...]] = []
        begin = 0
        while begin < len(order):
            most = max(1, min(BATCH_TEXTS, _BATCH_TOKENS // max(1, len(rows[order[begin]].tokens))))
            batches.append(tuple(order[begin : begin + most]))
            begin += most
        return (Group(0, tuple(batches)),)

    def run_batch(
        self, rows: Sequence[TextRow], prefix_length: int, *, turn: AbstractContextManager[Any]
    ) -> Iterator[list[TextRow]]:
        """Embeds the wanted ones of these rows; turn is held while something is computed."""
        del prefix_length  # of a text that is read in both directions no beginning can be computed beforehand
        return run_within_memory(rows, fits=lambda _: True, run=self._try, turn=turn)

    def _try(self, rows: list[TextRow]) -> str | None:
        started = time.perf_counter()
        failure: str | None = None
        out_of_memory = False
        try:
            for row, vector in zip(rows, self._embed(rows), strict=True):
                row.vector = vector
        except (RuntimeError, MemoryError, ValueError, IndexError) as error:
            failure = str(error).strip().partition("\n")[0] or type(error).__name__
            out_of_memory = is_memory_error(error)
        if out_of_memory:
            give_back()
        for row in rows:
            row.seconds += (time.perf_counter() - started) / len(rows)
        return failure

    def _embed(self, rows: Sequence[TextRow]) -> list[list[float]]:
        import torch

        width = max(len(row.tokens) for row in rows)
        padding = self.tokenizer.pad_token_id or 0
        device = self.model.device
        tokens = torch.tensor([row.tokens + [padding] * (width - len(row.tokens)) for row in rows], device=device)
        mask = torch.tensor([[1] * len(row.tokens) + [0] * (width - len(row.tokens)) for row in rows], device=device)
        with torch.inference_mode():
            states = self.model(input_ids=tokens, attention_mask=mask).last_hidden_state.float()
            if self.pooling == "first":
                pooled = states[:, 0]
            else:
                weight = mask[..., None].to(states.dtype)
                pooled = (states * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
            # The cosine of two vectors of length 1 is their product; the length itself means nothing.
            vectors: list[list[float]] = torch.nn.functional.normalize(pooled, dim=-1).tolist()
        return vectors


def load_embedding_weights(location: str, *, revision: str | None, threads: int) -> EmbeddingWeights:
    """The embeddings model of a folder or hub id. Only safetensors are read and no code of the model's is run.

    Raises OSError, ValueError and ImportError; ValueError for parts that are none of the usual ones.
    """
    wanted = precision()
    import torch
    from transformers import AutoModel, AutoTokenizer

    quiet()
    torch.set_num_threads(threads)
    folder = Path(location)
    if not folder.is_dir():
        from huggingface_hub import snapshot_download

        folder = Path(snapshot_download(location, revision=revision, ignore_patterns=["*.bin", "*.onnx", "*.h5"]))
    pooling = read_pooling(folder)
    model = AutoModel.from_pretrained(folder, dtype=wanted.dtype, use_safetensors=True, trust_remote_code=False)
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    return EmbeddingWeights(
        model=model.to(wanted.device).eval(),
        tokenizer=tokenizer,
        most_tokens=_most_tokens(folder, model.config),
        pooling=pooling,
    )


def read_pooling(folder: Path) -> Pooling:
    """How a folder of Sentence Transformers makes one vector of a text's tokens. Raises ValueError."""
    parts = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    kinds = [str(part.get("type", "")).rpartition(".")[2] for part in parts]
    unknown = sorted({*kinds} - {"Transformer", "Pooling", "Normalize"})
    if unknown or "Pooling" not in kinds:
        raise ValueError(f"its modules.json has {', '.join(kinds)}; promptlab runs Transformer, Pooling and Normalize")
    name = str(parts[kinds.index("Pooling")].get("path", ""))
    settings = json.loads((folder / name / "config.json").read_text(encoding="utf-8"))
    chosen = [key for key, value in settings.items() if key.startswith("pooling_mode_") and value is True]
    if chosen == ["pooling_mode_mean_tokens"]:
        return "mean"
    if chosen == ["pooling_mode_cls_token"]:
        return "first"
    raise ValueError(f"its pooling is {', '.join(chosen) or 'none'}; promptlab knows mean_tokens and cls_token")


def _most_tokens(folder: Path, config: Any) -> int:
    """How many tokens of a text are read: as the folder says, else as many as the model has places for."""
    places = int(getattr(config, "max_position_embeddings", None) or 512)
    path = folder / "sentence_bert_config.json"
    if not path.is_file():
        return places
    said = json.loads(path.read_text(encoding="utf-8")).get("max_seq_length")
    return min(said, places) if isinstance(said, int) and said > 0 else places
