"""Names for secrets that keep them apart: what is written with them can be judged.

The same secret has the same name in all that is written together, and another one has another. A
name has the shape that a rule may look at: of digits it is digits, of an absolute URL it is one,
and what is not printable, or makes a text no valid JSON, stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .encodings import to_bytes
from .secrets import Redaction

TOKEN = "token-1"  # noqa: S105 (it is what stands for the token)

_ABSOLUTE = re.compile(rb"https?://", re.IGNORECASE)
_CHARACTER = re.compile(r"\\u[0-9a-fA-F]{4}|\\[bfnrt]|[^!-~]")
"""Characters of which some are not printable, as they are or as JSON escapes them."""


class Pseudonyms:
    """Puts a name for each secret of a run, all of which are known by now.

    Args:
        redaction: Finds the secrets.
        token: The valid token; its name is ``TOKEN``.
        public: What is not a secret, though one may be spelled alike, such as a documented word.
        known: Contents that hold no secret.

    """

    def __init__(
        self,
        redaction: Redaction,
        token: str,
        public: re.Pattern[bytes],
        known: Iterable[bytes] = (),
    ) -> None:
        self._redaction, self._public = redaction, public
        self._numbers = {to_bytes(token): 1}
        self._done = {one: one for one in known}

    def content(self, raw: bytes) -> bytes:
        """Return bytes with names for the secrets in them."""
        if raw not in self._done:
            self._done[raw] = self._redaction.replaced(raw, self._named, self._public)
        return self._done[raw]

    def text(self, text: str) -> str:
        """Return a text with names for the secrets in it."""
        raw = to_bytes(text)
        shown = self.content(raw)
        return text if shown == raw else shown.decode("utf-8", "surrogatepass")

    def header(self, name: str, value: str) -> str:
        """Return the value of a header, or one name for it where the whole value is secret."""
        label = self._redaction.label(name)
        return self.whole(label, value) if label and value else self.text(value)

    def whole(self, label: str, value: str) -> str:
        """Return the name of a secret that is a whole value."""
        return self._named(label, to_bytes(value), to_bytes(value)).decode("utf-8", "surrogatepass")

    def _named(self, label: str, plain: bytes, replaced: bytes) -> bytes:
        number = self._numbers.setdefault(plain, len(self._numbers) + 1)
        if replaced.isdigit():
            return str(9 * 10 ** (len(replaced) - 1) + number).encode()
        name = f"{label.strip('<>')}-{number}".encode()
        if absolute := _ABSOLUTE.match(replaced):
            name = absolute[0] + name + b".invalid"
        outer = replaced.decode("utf-8", "surrogateescape")
        kept = dict.fromkeys(filter(_is_seen_by_rules, _CHARACTER.findall(outer)))
        return name + "".join(kept).encode("utf-8", "surrogateescape")


def _is_seen_by_rules(character: str) -> bool:
    """Whether a blank, or something else that is not printable."""
    if character.startswith("\\u"):
        character = chr(int(character[2:], 16))
    return character == " " or len(character) > 1 or not character.isprintable()
