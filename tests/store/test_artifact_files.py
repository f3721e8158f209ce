"""Artifacts on disk: by content, whole or not at all, no name ever a path."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from promptlab.errors import UsageError, WorkspaceError
from promptlab.store.artifacts import ArtifactStore


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_equal_content_is_kept_once_under_its_digest(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "artifacts")
    content = b"model weights" * 300_000
    (tmp_path / "model.bin").write_bytes(content)
    digest, size = store.put_file(tmp_path / "model.bin")
    assert (digest, size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert store.put_bytes(content) == (digest, size)
    assert files_in(tmp_path / "artifacts") == [f"{digest[:2]}/{digest[2:]}"]
    with store.open(digest) as kept:
        assert kept.read() == content


def test_nothing_at_all_can_be_kept(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    with store.open(store.put_bytes(b"").digest) as kept:
        assert kept.read() == b""


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 63 + "/", "a" * 64 + "\n"])
def test_only_a_digest_leads_to_a_file(tmp_path: Path, digest: str) -> None:
    with pytest.raises(UsageError, match="is no digest"):
        ArtifactStore(tmp_path).open(digest)


def test_a_digest_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="artifact aaaaaaaaaaaa is not in"):
        ArtifactStore(tmp_path).open("a" * 64)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "artifacts")
    with pytest.raises(UsageError, match=r"missing.bin' cannot be read: No such file"):
        store.put_file(tmp_path / "missing.bin")


def test_a_folder_that_cannot_be_written_is_named_and_nothing_half_stays(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkspaceError, match="cannot be written"):
        ArtifactStore(tmp_path / "file").put_bytes(b"x")
    store = ArtifactStore(tmp_path / "artifacts")
    digest = hashlib.sha256(b"x").hexdigest()
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / digest[:2]).touch()
    with pytest.raises(WorkspaceError, match="PROMPTLAB_ARTIFACTS"):
        store.put_bytes(b"x")
    assert files_in(tmp_path / "artifacts") == [digest[:2]]
