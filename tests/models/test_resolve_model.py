import json
from pathlib import Path

import pytest

from promptlab.config import Endpoint, Workspace
from promptlab.errors import MissingKeyError, ModelError
from promptlab.models.catalogue import list_models
from promptlab.models.packaged import PACKAGED, model_folder
from promptlab.models.resolve import resolve_model
from promptlab.models.snapshots import find_snapshot, folder_digest


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace with one endpoint, and a user's cache with nothing in it."""
    monkeypatch.setenv("PROMPTLAB_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "workspace"
    root.mkdir()
    endpoint = Endpoint("ollama", "http://localhost:11434/v1", api_key_env="OLLAMA_ACCESS")
    return Workspace(root=root, db_url="sqlite://", artifacts=root, endpoints={"ollama": endpoint})


def make_folder(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("{}")
    return folder


def pretend_pulled(name: str) -> None:
    folder = make_folder(model_folder(PACKAGED[name]), "config.json", "model.safetensors")
    (folder / "promptlab.json").write_text(json.dumps({"revision": PACKAGED[name].revision}))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "local:smollm2-135m",
            "base model 'local:smollm2-135m' is not on this machine; run: promptlab models pull smollm2-135m",
        ),
        ("local:smolm2", "did you mean local:smollm2-135m? (run: promptlab models pull smollm2-135m)"),
        ("local:zzz", "there is: local:smollm2-135m, local:gemma-3-270m"),
        ("local:./nowhere", "no base model"),
        ("local:someone/something", "the model hub does not give it"),
        ("smollm2-135m", "did you mean local:smollm2-135m?"),
        ("opena:gpt", "did you mean openai:NAME?"),
        ("olama:llama", "did you mean ollama:NAME?"),
        ("zzz:x", "providers: local, openai, fake, ollama"),
        ("local:", "not of the form provider:name"),
        ("python:x", "lab.model(name, predict)"),
        ("local:pickled", "no safetensors"),
        ("local:packed", "promptlab.models.convert"),
        ("local:unknown", "no config.json"),
    ],
)
def test_a_model_that_is_not_there_says_what_is(workspace: Workspace, name: str, words: str) -> None:
    make_folder(workspace.root / "pickled", "config.json", "pytorch_model.bin")
    make_folder(workspace.root / "packed", "weights.gguf")
    make_folder(workspace.root / "unknown", "notes.txt")
    with pytest.raises(ModelError) as caught:
        resolve_model(name, workspace=workspace)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_endpoint_needs_its_own_variable(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingKeyError, match="OLLAMA_ACCESS"):
        resolve_model("ollama:llama3.2", workspace=workspace)
    monkeypatch.setenv("OLLAMA_ACCESS", "x" * 10)
    model = resolve_model("ollama:llama3.2:1b", workspace=workspace)
    assert (model.provider, model.identity) == ("ollama", "ollama:llama3.2:1b@http://localhost:11434/v1")


def test_a_packaged_model_is_known_by_its_revision(workspace: Workspace) -> None:
    pretend_pulled("smollm2-135m")
    revision = PACKAGED["smollm2-135m"].revision
    assert resolve_model("local:smollm2-135m", workspace=workspace).identity == f"local:smollm2-135m@{revision}"


def test_a_folder_is_known_by_its_content_wherever_it_is(workspace: Workspace) -> None:
    make_folder(workspace.root / "one", "config.json", "model.safetensors", "README.md")
    make_folder(workspace.root / "two", "config.json", "model.safetensors")
    one = resolve_model("local:one", workspace=workspace).identity
    assert one == resolve_model("local:./two", workspace=workspace).identity
    (workspace.root / "two" / "model.safetensors").write_text("other")
    assert one != resolve_model("local:two", workspace=workspace).identity


def test_digests_are_kept_and_a_broken_memory_of_them_does_no_harm(workspace: Workspace, tmp_path: Path) -> None:
    folder = make_folder(workspace.root / "one", "config.json", "model.safetensors")
    first = folder_digest(folder)
    kept = tmp_path / "cache" / "digests.json"
    assert len(json.loads(kept.read_text())) == 2
    kept.write_text("{")
    assert folder_digest(folder) == first


def test_a_hub_id_that_is_on_this_machine_is_its_commit(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    hub = workspace.root / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(hub))
    commit = "a" * 40
    make_folder(hub / "models--someone--tiny" / "snapshots" / commit, "config.json", "model.safetensors")
    make_folder(hub / "models--someone--tiny" / "refs").joinpath("main").write_text(commit)
    snapshot = find_snapshot("local:someone/tiny", workspace=workspace)
    assert snapshot.identity == f"local:someone/tiny@{commit}"
    assert Path(snapshot.location).name == commit


def test_the_catalogue_says_what_state_each_model_is_in(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    states = {entry.name: entry.state for entry in list_models(workspace)}
    assert states["local:smollm2-135m"] == "not pulled"
    assert states["openai:NAME"] == "key missing"
    assert states["ollama:NAME"] == "key missing"
    assert states["fake:echo"] == "ready"
    pretend_pulled("gemma-3-270m")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1/v1")
    entries = {entry.name: entry for entry in list_models(workspace)}
    assert entries["local:gemma-3-270m"].state == "ready"
    assert entries["local:gemma-3-270m"].licence == "Gemma Terms of Use"
    assert entries["openai:NAME"].state == "ready"
