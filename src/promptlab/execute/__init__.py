"""Suite x prompt x base model x repeat -> outputs and scores.

plan      what will run, checked before anything is sent
cells     one cell: rendered, looked up, called with retries, stored, scored
engine    all cells of a plan: order, concurrency, heartbeat, endings
progress  what a watcher is told
trial     one answer a base model, side by side, for the playground and `promptlab try`
"""
