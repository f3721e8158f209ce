"""How many cases are read, rendered and looked up together."""

CHUNK = 200
LOCAL_CHUNK = 1000
"""For local models, which gain from having much to put in order."""
