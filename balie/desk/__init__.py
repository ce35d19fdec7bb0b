"""The queue, the counter and the visit that composes every other feature."""
