"""What Keras itself says of a training is in the run, to the digit; with PyTorch as its backend."""

from __future__ import annotations

import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras

from promptlab.callbacks import KerasCallback


@pytest.fixture
def data(cancer):
    rows, _, actual, _ = cancer
    rows = ((rows - rows.mean()) / rows.std()).to_numpy(dtype="float32")
    return rows[:200], actual.to_numpy()[:200]


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((30,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(2)])
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 5, 0.5)
    model.compile(
        keras.optimizers.Adam(schedule, clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def fit(model, data, run_callback, **options):
    return model.fit(
        *data, validation_split=0.2, batch_size=32, shuffle=False, verbose=0, callbacks=[run_callback], **options
    )


def test_every_epoch_is_in_the_run_as_keras_has_it(lab, read, model, data):
    with lab.run("network", kind="train") as run:
        history = fit(model, data, KerasCallback(run), epochs=3)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    for name, values in history.history.items():
        assert read.curve(run, name) == dict(enumerate(values, start=1))
    assert (lab.direction("val_loss"), lab.direction("val_accuracy")) == ("lower", "higher")
    rates = list(read.curve(run, "learning_rate").values())
    assert rates == pytest.approx([0.01 * 0.5 ** (batches / 5) for batches in (5, 10, 15)], rel=1e-5)
    assert all(seconds > 0 for seconds in read.curve(run, "epoch_seconds").values())


def test_the_model_and_its_optimizer_are_in_the_run(lab, read, model, data):
    with lab.run("network", kind="train") as run:
        fit(model, data, KerasCallback(run), epochs=1)
    params = read.params(run)
    assert {name: params[name] for name in ("model", "weights", "optimizer", "clipnorm", "epochs", "steps")} == {
        "model": "Sequential",
        "weights": "134",
        "optimizer": "Adam",
        "clipnorm": "1.0",
        "epochs": "1",
        "steps": "5",
    }
    assert "ExponentialDecay" in params["learning_rate"]
    assert params["loss"] == "sparse_categorical_crossentropy"
    assert read.tags(run)["version.keras"] == keras.__version__
    assert read.tags(run)["keras_backend"] == "torch"
    assert "Dense" in read.text(run, "model/summary.txt")


def test_a_fit_that_goes_on_is_the_same_training(lab, read, model, data):
    with lab.run("network", kind="train") as run:
        callback = KerasCallback(run)
        first = fit(model, data, callback, epochs=2)
        second = fit(model, data, callback, epochs=4, initial_epoch=2)
    values = [*first.history["loss"], *second.history["loss"]]
    assert read.curve(run, "loss") == dict(enumerate(values, start=1))
    assert set(read.runs()) == {"network"}


def test_a_fit_that_begins_again_is_a_run_within_the_run(lab, read, model, data):
    with lab.run("network", kind="train") as run:
        callback = KerasCallback(run)
        fit(model, data, callback, epochs=2)
        second = fit(model, data, callback, epochs=1)
    assert len(read.curve(run, "loss")) == 2
    inner = read.runs()["training 2"]
    assert inner.status == "finished"
    assert list(read.curve(inner, "loss").values()) == second.history["loss"]


def test_batches_are_logged_where_they_are_asked_for(lab, read, model, data):
    seen: list[float] = []
    watch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: seen.append(logs["loss"]))
    with lab.run("network", kind="train") as run:
        model.fit(*data, batch_size=20, epochs=2, verbose=0, callbacks=[KerasCallback(run, batches=5), watch])
    curve = read.curve(run, "batch_loss")
    assert list(curve) == [5, 10, 15, 20]
    assert list(curve.values()) == [seen[at - 1] for at in curve]
    assert lab.direction("batch_loss") == "lower"


def test_evaluating_with_it_logs_nothing(lab, read, model, data):
    with lab.run("network", kind="train") as run:
        model.evaluate(*data, verbose=0, callbacks=[KerasCallback(run)])
    assert read.last(run) == {}


def test_a_metric_whose_name_does_not_tell_has_the_direction_that_is_said(lab, model, data):
    def gap(actual, predicted):
        return keras.ops.mean(predicted[:, 1] - predicted[:, 0])

    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=[gap])
    with lab.run("network", kind="train") as run:
        fit(model, data, KerasCallback(run, directions={"gap": "lower"}), epochs=1)
    assert (lab.direction("gap"), lab.direction("val_gap")) == ("lower", "lower")


def test_a_loss_that_leaves_all_numbers_is_kept(lab, read, data):
    network = keras.Sequential([keras.layers.Input((30,)), keras.layers.Dense(2)])
    network.compile(keras.optimizers.SGD(1e30), "mse")
    with lab.run("network", kind="train") as run:
        network.fit(data[0], np.zeros((200, 2)), epochs=2, verbose=0, callbacks=[KerasCallback(run)])
    assert not np.isfinite(read.last(run)["loss"])
