"""Weighs what changed between two trees of the project, and holds the changelog to it.

``weight`` says what a change and a version are, ``weigh`` finds the changes, those of Python names
in ``names``; ``surface`` lists what else is public, ``changelog`` reads entries, ``past`` finds the
last release, ``agree`` holds all of them together.
"""
