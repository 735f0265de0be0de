"""Weighs what changed between two trees of the project, and holds the changelog to it.

``weight`` says what a change and a version are, ``weigh`` finds the changes, ``surface`` lists what
is public beside contract and client, ``changelog`` reads entries, ``past`` finds the last release.
"""
