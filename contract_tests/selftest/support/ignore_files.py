"""Ignore files, each with what Docker packs of a small tree: the oracle of packing.

What is expected follows from the documentation of .dockerignore and from the sources of Docker's
matcher. Docker's own command line, version 28.2, sends the same, except where a comment has what
it sends. Second opinions differ where a case names them, and are mistaken there:

- ``docker-py``, the package ``docker``: Docker's matcher of 2017, in Python. It matches without
  case; blanks may stand before the # of a comment; a carriage return, a form feed and the like end
  a line; a byte order mark is part of the first pattern; ``!`` negates a class, ``^`` does not;
  nothing can be escaped; ``**`` matches no newline; ``**b`` matches a whole name alone; ``..`` at
  the top is dropped; ``./!a`` is a file; a directory is entered for an exception that begins with
  its name alone; nothing is refused.
- ``reference``, the reader of the reference server. It judges a path as BuildKit does that opens a
  file, and not as it does on its walk; it cleans a line once, where Docker cleans it twice.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """An ignore file and a tree.

    Attributes:
        text: The ignore file.
        kept: What is packed: files, and empty directories, which end with a slash. ␣ is a blank,
            ␤ a newline.
        out: What is not packed. Both together are the tree.
        dissent: Whose second opinion differs.

    """

    text: str
    kept: str
    out: str = ""
    dissent: str = ""


CASES = {
    # What is not a pattern.
    "nothing": Case("", "a b/c"),
    "blank lines": Case("\n  \n\t\n", "a"),
    "a comment": Case("#a\n# b\n", "a b #a"),
    "a comment after blanks is a pattern": Case(" #a\n", "a", "#a", "docker-py"),
    "an escaped #": Case("\\#a\n", "a", "#a", "docker-py"),
    "a # within": Case("a#b\n", "a", "a#b"),
    "a byte order mark": Case("\ufeff#a\n\ufeffb\n", "b #a", "\ufeffb"),
    "a byte order mark before a pattern": Case("\ufeffa\n", "b", "a", "docker-py"),
    "CRLF": Case("a\r\n#b\r\nc\r\n", "b #b", "a c"),
    "CR alone ends no line": Case("a\rb\n", "a b", "", "docker-py"),
    "a form feed ends no line": Case("a\x0cb\n", "a b", "", "docker-py"),
    "no newline at the end": Case("a\nb", "c", "a b"),
    "blanks around": Case("  a  \n\tb\t\n", "c", "a b"),
    "a blank within": Case("a b\n", "a b", "a␣b"),
    # Paths.
    "a name at the top alone": Case("a\n", "b/a c", "a"),
    "a directory and all of it": Case("a\n", "b", "a/b a/c/d a/e/"),
    "a leading slash": Case("/a\n", "b/a", "a"),
    "leading slashes": Case("//a\n", "b/a", "a"),
    "a trailing slash matches a file": Case("a/\n", "b", "a"),
    "a trailing slash": Case("a/\n", "b", "a/b"),
    "doubled slashes": Case("a//b\n", "a/c", "a/b"),
    "./": Case("./a\n", "b", "a"),
    "/./": Case("a/./b\n", "a/c", "a/b"),
    "..": Case("x/../a\n", "x b", "a"),
    ".. out of the top": Case("../a\n", "a", "", "docker-py"),
    "/.. stays at the top": Case("/../a\n", "b", "a"),
    ". is nothing": Case(".\n", "a b/c"),
    "/ is nothing": Case("/\n", "a b/c"),
    "a/.. is nothing": Case("a/..\n", "a b/c"),
    "a file in a directory": Case("a/b\n", "a/c b c/a/b", "a/b"),
    "a blank name": Case("a/ /\n", "b", "a", "docker-py reference"),
    # Wildcards.
    "*": Case("*\n", "", "a .b c/d"),
    "* stays in one name": Case("a*c\n", "a/c", "ac abc"),
    "* matches dotfiles": Case("*.y\n", "y", ".y x.y"),
    ".* matches no other": Case(".*\n", "a", ".a .b/c"),
    "*/ is of the top": Case("*/\n", "", "a b/c"),
    "*/*": Case("*/*\n", "a", "b/c b/d/e"),
    "* of names beneath": Case("*/temp*\n", "temp a/b/temp", "a/temp a/tempo/x"),
    "?": Case("a?\n", "a abc", "ab a."),
    "? is not a slash": Case("a?b\n", "a/b", "a.b"),
    "? is a digit or a capital": Case("a?c\n", "ac a12c", "a1c aAc aXc a-c a~c"),
    "? is one character, not one byte": Case("?\n", "ab", "é a"),
    # Two stars.
    "**": Case("**\n", "", "a b/c"),
    "**/": Case("**/\n", "", "a b/c"),
    "**/**": Case("**/**\n", "", "a b/c"),
    "***": Case("***\n", "", "a b/c"),
    "**/ a directory at the top": Case("**/a\n", "b/c", "a/b b/a/c d/e/a"),
    "**/ a directory at the top, with a slash": Case("**/a/\n", "b/c", "a/b b/a/c"),
    "**/ a dotted directory": Case("**/.git\n", "b/c x.git", ".git/config b/.git/HEAD"),
    "**/ no part of a name": Case("**/a\n", "ba 0a Aa Xa c/ba c/0a c/Aa", "a"),
    "**/ names": Case("**/a/b\n", "a/c b", "a/b x/a/b y/z/a/b/c"),
    "**/ a suffix": Case("**/*.o\n", "o", "a.o b/c.o b/d/e.o .o"),
    "/**": Case("a/**\n", "b", "a/b a/c/d"),
    "/** leaves the directory": Case("a/**\n", "a/ b", ""),
    "/**/ in between, of none too": Case("a/**/b\n", "b a/c", "a/b a/x/b a/y/z/b/c"),
    "** before a plain end": Case("**b\n", "bc", "b ab c/ab", "docker-py"),
    "** before what is not plain": Case("**b?\n", "abc", "bc d/bc"),
    "** within a name": Case("a**c\n", "abc a/bc", "ac ab/c ab/d/c a/c"),
    "** after a name": Case("a**\n", "ba", "a ab ac/d"),
    "**/ after a wildcard": Case("*/**/c\n", "c a/b", "a/c d/b/c"),
    "a newline in a name": Case("a/**\n", "b", "a/x␤y", "docker-py"),
    # Classes.
    "a class": Case("[ab]c\n", "cc c", "ac bc"),
    "a range": Case("[a-c]\n", "d", "a b c"),
    "a class with ^": Case("x[^ab]\n", "xa xb x", "xc x-", "docker-py"),
    "a class with ! holds a !": Case("x[!a]\n", "xb", "x! xa", "docker-py"),
    "a class with ^ matches a slash": Case("a[^x]b\n", "axb", "a/b a.b", "docker-py"),
    "an escaped ] in a class": Case("x[\\]a]\n", "xb", "x] xa", "docker-py"),
    "an escaped - in a class": Case("[a\\-c]\n", "b", "a - c", "docker-py"),
    "a [ in a class": Case("x[[a]\n", "xb", "x[ xa"),
    "] alone": Case("a]\n", "a", "a]"),
    # Docker's regular expression is [[^/]*]: nothing is ignored. The documentation has a class.
    "a star in a class": Case("x[*]\n", "xa", "x*"),
    "unicode in a class": Case("[à-ÿ]\n", "e", "é"),
    # Escapes and other characters.
    "an escaped star": Case("a\\*\n", "ab", "a*", "docker-py"),
    "an escaped !": Case("\\!a\n", "a", "!a", "docker-py"),
    "an escaped slash": Case("a\\/b\n", "b", "a/b", "docker-py"),
    "an escaped backslash": Case("a\\\\\n", "a", "a\\", "docker-py"),
    "what is special in regular expressions": Case("a.|)$(}+{b\n", "axb", "a.|)$(}+{b"),
    ". is a dot": Case("a.b*\n", "axb", "a.b a.bc"),
    "^": Case("a^b\n", "ab", "a^b"),
    # Docker's regular expression is ^a^[^/]*$, which matches nothing.
    "^ before a wildcard": Case("a^*\n", "ab", "a^b"),
    "unicode": Case("café\n", "cafe\u0301 cafe", "café"),
    "case": Case("README\n", "readme Readme", "README", "docker-py"),
    # Exceptions.
    "an exception": Case("*.md\n!README.md\n", "README.md", "a.md"),
    "the last one decides": Case("*.md\n!READ*.md\nREADME-x.md\n", "README.md", "README-x.md a.md"),
    "an exception takes back what stands before":
        Case("*.md\nREADME-x.md\n!READ*.md\n", "README-x.md", "a.md"),
    "an exception before has no effect": Case("!a\n*\n", "", "a b"),
    "an exception of nothing": Case("!a\n", "a b"),
    "blanks after !": Case("*\n!  a\n", "a", "b"),
    "a leading slash after !": Case("*\n!/a\n", "a", "b/a"),
    "a trailing slash after !": Case("*\n!a/\n", "a/b", "b"),
    "two !": Case("*\n!!a\n", "!a", "a"),
    "./! is an exception": Case("*\n./!a\n", "a", "!a", "docker-py reference"),
    "! . is nothing": Case("*\n!.\n", "", "a b/c"),
    "an exception below an ignored directory": Case("a\n!a/b/c\n", "a/b/c d", "a/d a/b/e"),
    "a directory below an ignored one": Case("a\n!a/b\n", "a/b/c a/b/d/e", "a/c"),
    "an exception below /**": Case("a/**\n!a/b\n", "a/b", "a/c"),
    "an exception beneath ** directories": Case("**/a\n!x/a/keep\n", "x/a/keep", "a/keep x/a/b"),
    # Docker's older builder enters an ignored directory only for an exception that begins with its
    # name, and packs what is at the top alone. BuildKit takes all back, as documented.
    "all but a suffix, at any depth":
        Case("*\n!**/*.py\n", "a.py b/c/d.py", "a b/e", "docker-py"),
    "all but one level": Case("*\n!*/a\n", "b/a", "a b/c b/d/a", "docker-py"),
    "all but a directory": Case("*\n!a\n", "a/b a/c/d", "b"),
    "an exception of all": Case("a\n!*\n", "a/b b"),
    "an exception, and what it leaves out": Case("*\n!a\na/*.o\n", "a/b", "a/c.o d"),
    "an exception of a directory that nothing ignored":
        # The walk does not try it for the directory, and not again for what lies in it.
        Case("**/*.t\n!a\n", "a/b", "a/x.t", "docker-py reference"),
    "an exception that stands twice":
        Case("a\n!a\na/b\n!a\n", "a/c", "a/b", "docker-py reference"),
    "a directory after its exception":
        # The walk takes a/b, and BuildKit then refuses to open it: the last line matches.
        Case("*\n!a/b\na\n", "", "a/b a/c"),
    # The files that a builder needs.
    "the Dockerfile and the ignore file": Case("Dockerfile\n.dockerignore\n", "a"),
    "all": Case("**/*\n", "", "a b/c"),
}  # fmt: skip

# Docker refuses these, or reads them as what stands beside them, which is not as documented.
INVALID = {
    "[": "refused",
    "a[": "refused",
    "[]a]": "refused",
    "[^]": "refused",
    "[-a]": "refused",
    "[a-": "refused",
    "[a-b-c]": "refused",
    "[b-a]": "refused",
    "a\\": "refused",
    "a\\ ": "refused",
    "!": "refused",
    "! ": "refused",
    "!/": "refused",
    "a\\yb": "refused",
    "\\é": "refused",
    "\\→": "refused",
    "a\\d": "a digit",
    "src\\bin": "the end of a word",
    "[\\d]": "a digit",
    "[[:alpha:]]": "a letter",
}
