"""The command line: a door to the façade. It reads arguments, calls Lab, draws; `main.py` holds the app."""
