"""Where the files of a local model are, and what says that they are the same files."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from promptlab.config import Workspace, cache_folder
from promptlab.errors import MissingPackageError, ModelError
from promptlab.models.packaged import PACKAGED, find_pulled

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w./-]+)?")
_READ_SUFFIXES = frozenset({".safetensors", ".json", ".model", ".txt", ".jinja", ".tiktoken"})
_HUB_SECONDS = 10

EMBEDS_NAME = "modules.json"
"""The file by which a folder is known to make embeddings: the list of its parts, as Sentence Transformers writes it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One exact set of weights, tokenizer and configuration.

    location: a folder, or a hub id that transformers fetches. revision: the commit of a hub id, else None.
    identity: what stands for it in the cache key; None: the digest of the folder's files, once someone asks. embeds:
    whether it makes embeddings, as a folder of Sentence Transformers does, in place of answers.
    """

    location: str
    revision: str | None
    identity: str | None
    embeds: bool = False


def find_snapshot(name: str, *, workspace: Workspace) -> Snapshot:
    """What `local:NAME` means: a packaged model, a folder (relative to the workspace), or a model hub id.

    Raises ModelError that names what exists, and MissingPackageError where torch or transformers is not installed.
    """
    bare = name.removeprefix("local:")
    packaged = PACKAGED.get(bare)
    if packaged is None:
        folder = workspace.root / Path(bare).expanduser()
        if bare and folder.is_dir():
            _check_folder(name, folder)
            _check_packages()
            return Snapshot(str(folder.resolve()), None, None, embeds=(folder / EMBEDS_NAME).is_file())
        if bare.startswith((".", "/", "~")) or not _HUB_ID.fullmatch(bare):
            raise ModelError(f"no base model {name!r}; {_suggestion(bare)}")
        _check_packages()
        return _hub_snapshot(name, bare)
    pulled = find_pulled(packaged)
    if pulled is None:
        raise ModelError(f"base model {name!r} is not on this machine; run: promptlab models pull {bare}")
    _check_packages()
    return Snapshot(str(pulled.path), None, f"{name}@{pulled.revision}", embeds=packaged.ability == "embed")


def folder_digest(folder: Path) -> str:
    """16 hex digits over the weights, configuration and tokenizer files of a folder.

    The digest of each file is kept in the user's cache by path, size and time of change, so that a large file is
    read once.
    """
    known = _read_known()
    total = hashlib.sha256()
    fresh = dict(known)
    for path in sorted(folder.iterdir()):
        if path.suffix in _READ_SUFFIXES and path.is_file():
            status = path.stat()
            stamp = f"{path.resolve()}:{status.st_size}:{status.st_mtime_ns}"
            if stamp not in fresh:
                with path.open("rb") as source:
                    fresh[stamp] = hashlib.file_digest(source, "sha256").hexdigest()
            total.update(f"{path.name} {fresh[stamp]}\n".encode())
    if fresh != known:
        _write_known(fresh)
    return total.hexdigest()[:16]


def _check_folder(name: str, folder: Path) -> None:
    if not (folder / "config.json").is_file():
        ggufs = sorted(folder.glob("*.gguf"))
        if ggufs:
            raise ModelError(
                f"base model {name!r}: {folder} holds packed weights; convert them once: "
                f"python -m promptlab.models.convert {ggufs[0]} NEW_FOLDER"
            )
        raise ModelError(f"base model {name!r}: {folder} has no config.json; a folder of transformers has one")
    if not any(folder.glob("*.safetensors")):
        raise ModelError(f"base model {name!r}: {folder} {_NO_SAFETENSORS}")


_NO_SAFETENSORS = (
    "has no safetensors weights; pickled ones can run code and are not loaded: save them with "
    "save_pretrained of a recent transformers"
)


def _check_packages() -> None:
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            raise MissingPackageError(
                f"local models need {package}, which is not installed; run: pip install 'promptlab-workbench[local]'"
            )


def _suggestion(bare: str) -> str:
    close = difflib.get_close_matches(bare.lower(), PACKAGED, n=1, cutoff=0.5)
    if close:
        ready = find_pulled(PACKAGED[close[0]]) is not None
        command = "" if ready else f" (run: promptlab models pull {close[0]})"
        return f"did you mean local:{close[0]}?{command}"
    names = ", ".join(f"local:{name}" for name in PACKAGED)
    return f"there is: {names}; a folder of weights, as local:./FOLDER; or a hub id, as local:OWNER/NAME"


def _hub_snapshot(name: str, bare: str) -> Snapshot:
    """The commit that a hub id stands for: the one on this machine, else the newest of the hub."""
    from huggingface_hub import HfApi, try_to_load_from_cache

    repository, _, wanted = bare.partition("@")
    try:
        cached = try_to_load_from_cache(repository, "config.json", revision=wanted or None)
        if isinstance(cached, str) and any(Path(cached).parent.glob("*.safetensors")):
            commit = Path(cached).parent.name
            embeds = (Path(cached).parent / EMBEDS_NAME).is_file()
            return Snapshot(str(Path(cached).parent), None, f"local:{repository}@{commit}", embeds=embeds)
        found = HfApi().model_info(repository, revision=wanted or None, timeout=_HUB_SECONDS)
    # The hub client's transport, and so the errors that come through it, change from version to version.
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ModelError(
            f"base model {name!r} is no folder, and the model hub does not give it ({reason[:120]}); "
            f"{_suggestion(bare)}"
        ) from error
    if found.sha is None or not any(file.rfilename.endswith(".safetensors") for file in found.siblings or ()):
        raise ModelError(f"base model {name!r}: {repository} {_NO_SAFETENSORS}")
    embeds = any(file.rfilename == EMBEDS_NAME for file in found.siblings or ())
    return Snapshot(repository, found.sha, f"local:{repository}@{found.sha}", embeds=embeds)


def _known_path() -> Path:
    return cache_folder() / "digests.json"


def _read_known() -> Mapping[str, str]:
    try:
        known = json.loads(_known_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write_known(known: Mapping[str, str]) -> None:
    # Only a shortcut: where the cache cannot be written, the files are read again next time.
    with contextlib.suppress(OSError):
        _known_path().parent.mkdir(parents=True, exist_ok=True)
        fresh = _known_path().with_suffix(f".{os.getpid()}.tmp")
        fresh.write_text(json.dumps(known, indent=1), encoding="utf-8")
        fresh.replace(_known_path())
