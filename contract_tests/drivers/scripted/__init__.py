"""Scripted scenarios: builds and probes in a fixed order."""
