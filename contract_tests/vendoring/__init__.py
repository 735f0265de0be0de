"""Copies the client into a project, with a lock, and checks a copy. Standard library only."""
