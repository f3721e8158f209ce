"""The Run handle: params, metrics with steps, tags, artifacts, data sets, and where a run came from."""
