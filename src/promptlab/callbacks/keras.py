"""A callback for Keras: `model.fit`, on any of its backends."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras

from promptlab.callbacks.training import Training, Trainings
from promptlab.types import Direction

if TYPE_CHECKING:
    from promptlab.tracking.run import Run


class KerasCallback(keras.callbacks.Callback):  # type: ignore[misc] # keras is not typed for mypy here
    """Logs a training with Keras into a run, epoch by epoch.

    The optimizer's params, loss, epochs, batches an epoch and number of weights; the summary of the model in
    `model/summary.txt`; metrics of each epoch as Keras calls them (`loss`, `val_accuracy`), `learning_rate` and
    `epoch_seconds`. Steps are epochs from 1, as Keras prints them. A `fit` that goes on (`initial_epoch`) is the same
    training; one that begins again is logged in a run within the run.

    batches: also log metrics every so many batches, as Keras has them (means since the epoch began), under
    `batch_loss`, with the number of the batch from the beginning as step. directions: `higher` or `lower`, by name,
    for metrics whose name does not tell.
    """

    def __init__(
        self, run: Run, *, batches: int | None = None, directions: Mapping[str, Direction] | None = None
    ) -> None:
        super().__init__()
        self._trainings = Trainings(run)
        self._training: Training | None = None
        self._batches = batches
        self._directions = dict(directions or {})
        self._epochs = 0
        self._batch = 0
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's
        """An epoch starts; the first one of a training tells what is trained."""
        if self._training is None or epoch < self._epochs:
            self._end()
            self._batch = 0
            self._training = self._trainings.begin(
                packages=("keras",),
                params=_params(self.model, self.params or {}),
                tags={"keras_backend": keras.backend.backend()},
                files={"model/summary.txt": _summary(self.model)},
            )
            if self._training is not None:
                self._trainings.before_end(self._end)
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's
        """A batch is over."""
        self._batch += 1
        if self._training is not None and self._batches and self._batch % self._batches == 0:
            self._log({f"batch_{name}": value for name, value in (logs or {}).items()}, step=self._batch)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """An epoch is over: its metrics."""
        seconds = time.perf_counter() - self._began
        self._epochs = epoch + 1
        values = {**(logs or {}), "epoch_seconds": seconds}
        rate = getattr(self.model.optimizer, "learning_rate", None)
        if rate is not None:
            values["learning_rate"] = float(rate)
        self._log(values, step=epoch + 1)

    def _log(self, values: Mapping[str, Any], *, step: int) -> None:
        if self._training is None:
            return
        directions = {}
        for name in values:
            plain = name.removeprefix("batch_").removeprefix("val_")
            said = self._directions.get(name) or self._directions.get(plain)
            if said is not None:
                directions[name] = said
        self._training.log(values, step=step, directions=directions)

    def _end(self) -> None:
        training, self._training, self._epochs = self._training, None, 0
        if training is not None:
            training.end()


def _params(model: Any, fit: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"model": type(model).__name__, "weights": model.count_params()}
    found |= {name: fit[name] for name in ("epochs", "steps") if fit.get(name) is not None}
    found["loss"] = _named(model.loss)
    optimizer = model.optimizer
    if optimizer is not None:
        found["optimizer"] = type(optimizer).__name__
        with warnings.catch_warnings():
            # Keras converts PyTorch's numbers in a way that NumPy 2 is about to change.
            warnings.simplefilter("ignore", DeprecationWarning)
            config = optimizer.get_config()
        for name, value in config.items():
            if name != "name" and value is not None:
                found[name] = _named(value)
    return found


def _named(value: Any) -> Any:
    """What Keras serializes (a schedule, a loss) as its class and config."""
    if isinstance(value, keras.Loss):
        return value.name
    if isinstance(value, Mapping) and "class_name" in value:
        return {value["class_name"]: value.get("config")}
    return value


def _summary(model: Any) -> str:
    lines: list[str] = []
    model.summary(print_fn=lambda line, **_: lines.append(str(line)))
    return "\n".join(lines)
