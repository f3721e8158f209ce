"""A callback for training loops that one writes oneself, in PyTorch's style."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from promptlab.callbacks.training import Training, Trainings
from promptlab.estimators.params import param_text
from promptlab.types import Direction

if TYPE_CHECKING:
    from promptlab.tracking.run import Run


class TorchCallback:
    """Logs a training loop into a run, epoch by epoch.

        callback = TorchCallback(run, model, optimizer=optimizer)
        for epoch in range(10):
            for inputs, labels in loader:
                ...
                callback.on_batch_end(loss=loss, size=len(labels))
            callback.on_epoch_end(val_accuracy=accuracy)

    What is logged: the model's class, its weights (trainable and all), the optimizer's params (of several groups the
    first one's), both as PyTorch writes them in `model/summary.txt`; each epoch `train_loss`, the mean over its rows
    of what its batches had, what `on_epoch_end` is given, `learning_rate` and `epoch_seconds`. Steps are epochs
    from 1.

    Losses may be tensors: they are summed where they are, so that no batch waits for a GPU. batches: also log what
    every so many batches had, under `batch_loss`, with the number of the batch as step. directions: `higher` or
    `lower`, by name, for metrics whose name does not tell.
    """

    def __init__(
        self,
        run: Run,
        model: Any = None,
        *,
        optimizer: Any = None,
        batches: int | None = None,
        directions: Mapping[str, Direction] | None = None,
    ) -> None:
        self._trainings = Trainings(run)
        self._training: Training | None = None
        self._model = model
        self._optimizer = optimizer
        self._batches = batches
        self._directions = dict(directions or {})
        self._sums: dict[str, Any] = {}
        self._rows: dict[str, int] = {}
        self._batch = 0
        self._epoch = 0
        self._began = time.perf_counter()
        self.on_train_begin()

    def on_train_begin(self) -> None:
        """A training starts; the first one starts with the callback. A further one is a run within the run."""
        if self._training is not None and not self._batch and not self._epoch:
            return
        self._end()
        self._sums, self._rows, self._batch, self._epoch = {}, {}, 0, 0
        self._training = self._trainings.begin(
            packages=("torch",),
            params=_params(self._model, self._optimizer),
            files=_summary(self._model, self._optimizer),
        )
        self._trainings.before_end(self._end)
        self._began = time.perf_counter()

    def on_batch_end(self, *, size: int = 1, **metrics: Any) -> None:
        """A batch of `size` rows is over; metrics are means over its rows: numbers, or tensors of one value."""
        self._batch += 1
        for name, value in metrics.items():
            amount = (value.detach() if hasattr(value, "detach") else value) * size
            self._sums[name] = self._sums[name] + amount if name in self._sums else amount
            self._rows[name] = self._rows.get(name, 0) + size
        if self._batches and self._batch % self._batches == 0:
            self._log({f"batch_{name}": _number(value) for name, value in metrics.items()}, step=self._batch)

    def on_epoch_end(self, **metrics: Any) -> None:
        """An epoch is over; metrics are kept under the names that they are given with."""
        self._epoch += 1
        values = {f"train_{name}": _number(total) / self._rows[name] for name, total in self._sums.items()}
        values |= {name: _number(value) for name, value in metrics.items()}
        for number, group in enumerate(getattr(self._optimizer, "param_groups", ())):
            values["learning_rate" if number == 0 else f"learning_rate_{number}"] = _number(group["lr"])
        values["epoch_seconds"] = time.perf_counter() - self._began
        self._log(values, step=self._epoch)
        self._sums, self._rows = {}, {}
        self._began = time.perf_counter()

    def on_train_end(self) -> None:
        """The training is over: nothing more is logged of it."""
        self._end()

    def _log(self, values: Mapping[str, Any], *, step: int) -> None:
        if self._training is None:
            return
        directions = {}
        for name in values:
            plain = name.removeprefix("batch_").removeprefix("train_").removeprefix("val_")
            said = self._directions.get(name) or self._directions.get(plain)
            if said is not None:
                directions[name] = said
        self._training.log(values, step=step, directions=directions)

    def _end(self) -> None:
        training, self._training = self._training, None
        if training is not None:
            training.end()


def _number(value: Any) -> Any:
    return float(value.detach()) if hasattr(value, "detach") else value


def _params(model: Any, optimizer: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if model is not None:
        found["model"] = type(model).__name__
        parameters = list(model.parameters())
        found["weights"] = sum(one.numel() for one in parameters)
        found["trainable_weights"] = sum(one.numel() for one in parameters if one.requires_grad)
        if parameters:
            found["device"], found["dtype"] = str(parameters[0].device), str(parameters[0].dtype)
    if optimizer is not None:
        found["optimizer"] = type(optimizer).__name__
        groups = optimizer.param_groups
        found |= {name: value for name, value in groups[0].items() if name != "params" and value is not None}
        if len(groups) > 1:
            found["parameter_groups"] = len(groups)
    return {name: param_text(value) for name, value in found.items()}


def _summary(model: Any, optimizer: Any) -> dict[str, str]:
    parts = [str(part) for part in (model, optimizer) if part is not None]
    return {"model/summary.txt": "\n\n".join(parts) + "\n"} if parts else {}
