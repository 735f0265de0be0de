"""Tools for people who work on this project: benchmarks and mutation testing."""
