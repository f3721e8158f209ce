"""Callbacks that log training as it goes: XGBoost, LightGBM, Keras, PyTorch loops."""
