"""The image-build contract, its client, and the gate that holds any server to both.

This file stands at the root of the wheel alone, whose folders are those of the project.
"""
