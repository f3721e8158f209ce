"""A loop in PyTorch's style: means over rows, learning rates and weights as PyTorch has them."""

from __future__ import annotations

import math

import pytest
import torch

from promptlab.callbacks import TorchCallback


@pytest.fixture
def data(cancer):
    rows, test_rows, actual, test_actual = cancer
    mean, deviation = rows.mean(), rows.std()

    def tensors(some_rows, answers):
        scaled = ((some_rows - mean) / deviation).to_numpy(dtype="float32")
        return torch.tensor(scaled), torch.tensor(answers.to_numpy(), dtype=torch.long)

    return tensors(rows, actual), tensors(test_rows, test_actual)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(30, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))


def test_a_whole_training_is_in_the_run(lab, read, data, model):
    (rows, actual), (test_rows, test_actual) = data
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    model[0].bias.requires_grad_(False)
    losses: list[list[tuple[float, int]]] = []
    with lab.run("network", kind="train") as run:
        callback = TorchCallback(run, model, optimizer=optimizer)
        for _ in range(3):
            losses.append([])
            for start in range(0, len(rows), 100):  # 426 rows: the last batch has 26
                batch, labels = rows[start : start + 100], actual[start : start + 100]
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(model(batch), labels)
                loss.backward()
                optimizer.step()
                losses[-1].append((loss.item(), len(batch)))
                callback.on_batch_end(loss=loss, size=len(batch))
            with torch.no_grad():
                accuracy = (model(test_rows).argmax(1) == test_actual).float().mean()
            callback.on_epoch_end(val_accuracy=accuracy)
            schedule.step()
    means = [sum(value * size for value, size in epoch) / 426 for epoch in losses]
    curve = read.curve(run, "train_loss")
    assert list(curve) == [1, 2, 3]
    assert list(curve.values()) == pytest.approx(means, rel=1e-6)
    assert read.last(run)["val_accuracy"] == accuracy.item()
    assert list(read.curve(run, "learning_rate").values()) == [0.01, 0.005, 0.0025]
    assert all(seconds > 0 for seconds in read.curve(run, "epoch_seconds").values())
    params = read.params(run)
    assert {name: params[name] for name in ("model", "weights", "trainable_weights", "optimizer", "lr")} == {
        "model": "Sequential",
        "weights": "134",
        "trainable_weights": "130",
        "optimizer": "AdamW",
        "lr": "0.01",
    }
    assert (params["weight_decay"], params["betas"], params["dtype"]) == ("0.1", "[0.9, 0.999]", "torch.float32")
    assert read.tags(run)["version.torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert "Linear(in_features=30" in read.text(run, "model/summary.txt")
    assert (lab.direction("train_loss"), lab.direction("val_accuracy")) == ("lower", "higher")


def test_tensors_wait_for_nothing_until_the_epoch_ends(lab, read):
    with lab.run("network", kind="train") as run:
        callback = TorchCallback(run)
        weights = torch.ones(3, requires_grad=True)
        for _ in range(4):
            callback.on_batch_end(loss=(weights * 2).sum())
        assert isinstance(callback._sums["loss"], torch.Tensor)
        assert not callback._sums["loss"].requires_grad  # no graph is kept alive
        callback.on_epoch_end()
    assert read.curve(run, "train_loss") == {1: 6.0}


def test_plain_numbers_will_do_and_batches_are_logged_where_asked_for(lab, read):
    with lab.run("loop", kind="train") as run:
        callback = TorchCallback(run, batches=2, directions={"gap": "lower"})
        for at in range(1, 6):
            callback.on_batch_end(loss=float(at), gap=1.0, size=at)
        callback.on_epoch_end(val_loss=math.nan)
    assert read.curve(run, "batch_loss") == {2: 2.0, 4: 4.0}
    assert read.curve(run, "train_loss") == {1: pytest.approx(55 / 15)}
    assert math.isnan(read.last(run)["val_loss"])
    assert (lab.direction("batch_gap"), lab.direction("train_gap")) == ("lower", "lower")


def test_a_further_training_is_a_run_within_the_run(lab, read):
    with lab.run("loop", kind="train") as run:
        callback = TorchCallback(run)
        callback.on_train_begin()  # the first one has begun already
        callback.on_epoch_end(val_loss=2.0)
        callback.on_train_end()
        callback.on_train_begin()
        callback.on_epoch_end(val_loss=1.0)
    assert set(read.runs()) == {"loop", "training 2"}
    assert read.curve(run, "val_loss") == {1: 2.0}
    inner = read.runs()["training 2"]
    assert (inner.status, read.curve(inner, "val_loss")) == ("finished", {1: 1.0})


def test_several_groups_have_their_rates(lab, read, model):
    optimizer = torch.optim.SGD([{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 0.5}], lr=1)
    with lab.run("loop", kind="train") as run:
        TorchCallback(run, model, optimizer=optimizer).on_epoch_end()
    assert (read.last(run)["learning_rate"], read.last(run)["learning_rate_1"]) == (1, 0.5)
    assert read.params(run)["parameter_groups"] == "2"


def test_what_is_no_number_is_refused_by_name(lab):
    from promptlab.errors import UsageError

    with lab.run("loop", kind="train") as run, pytest.raises(UsageError, match="val_accuracy"):
        TorchCallback(run).on_epoch_end(val_accuracy="good")
