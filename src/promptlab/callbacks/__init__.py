"""Callbacks that log a training as it goes: XGBoost, LightGBM, Keras, and loops of one's own in PyTorch's style.

    from promptlab.callbacks import XGBoostCallback

    with lab.run("boosted", kind="train") as run:
        xgboost.train(params, train, evals=[(test, "test")], callbacks=[XGBoostCallback(run)])

Each is imported with its library when it is first asked for, and needs that library alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from promptlab.errors import MissingPackageError

if TYPE_CHECKING:
    from promptlab.callbacks.keras import KerasCallback
    from promptlab.callbacks.lightgbm import LightGBMCallback
    from promptlab.callbacks.torch import TorchCallback
    from promptlab.callbacks.xgboost import XGBoostCallback

__all__ = ["KerasCallback", "LightGBMCallback", "TorchCallback", "XGBoostCallback"]

_MODULES = {name: name.removesuffix("Callback").lower() for name in __all__}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has: {', '.join(__all__)}")
    package = _MODULES[name]
    try:
        return getattr(import_module(f"{__name__}.{package}"), name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise MissingPackageError(f"{name} needs a package that is not installed; run: pip install {package}") from None


def __dir__() -> list[str]:
    return sorted(__all__)
