"""Measures: `f(frame, seed, *, options)` takes a profile table and returns metric, item, repeat, value, n."""
