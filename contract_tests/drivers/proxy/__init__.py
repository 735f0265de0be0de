"""A proxy between a client and the target, which puts what passes on the tape.

It is a plain ASGI application over httpcore: both keep headers and bytes as they are, which
frameworks and clients with defaults of their own do not.
"""

from typing import Final

DRIVER: Final = "proxy"
"""The driver of an exchange that a client caused."""
