"""Benchmarks against the peers, each of them in an environment of its own below ``.bench``."""
