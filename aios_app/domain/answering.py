"""Which questions of an agent may be answered without the person, and how."""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Sequence

from aios_app.domain.errors import BadValue

#: A question of this length may have been cut: what it names at its end is not known.
CUT_CHARS = 500

#: Whatever names deleting, forcing, overwriting or paying is left to the person: found anywhere in a word ...
_DENIED_PARTS = (
    "delet",
    "remov",
    "overwrit",
    "destroy",
    "uninstall",
    "unlink",
    "truncat",
    "purchas",
    "irrevers",
)
#: ... or at its beginning.
_DENIED_BEGINNINGS = (
    *("eras", "wip", "drop", "purg", "discard", "clear", "clean", "prun", "shred", "trash", "throw"),
    *("lose", "losing", "lost", "permanent", "forc", "overrid", "clobber", "replac", "reset", "revert"),
    *("rollback", "roll back", "rebas", "amend", "rewrit", "format", "mkfs", "kill", "terminat", "shutdown"),
    *("shut down", "reboot", "pay", "paid", "buy", "bill", "charg", "subscri", "credit", "invoic", "upgrade"),
    *(
        "cost",
        "price",
        "password",
        "passphrase",
        "secret",
        "token",
        "sudo",
        "deploy",
        "publish",
        "production",
    ),
)
_DENIED = re.compile(f"{'|'.join(_DENIED_PARTS)}|(?<![a-z])(?:{'|'.join(_DENIED_BEGINNINGS)})")
_DENIED_MARKS = re.compile(r"(?<!\w)(?:rm|rmdir|dd|del|-[a-z]*f[a-z]*)(?!\w)|\$\s*\d|[\u20ac\u00a3\u00a5]")
_SPACED = re.compile(r"(?<![a-z])(?:[a-z][^a-z0-9]{1,3}){2,}[a-z](?![a-z])")


def parse_rules(text: str) -> list[tuple[str, str]]:
    """Lines ``pattern = reply``; empty lines and those that begin with ``#`` say nothing."""
    rules = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pattern, mark, reply = (part.strip() for part in line.partition(" = "))
        if not mark or not pattern or not reply:
            raise BadValue(f"{line[:60]!r} is no answer: write pattern = reply, e.g. proceed? = y")
        rules.append((pattern, reply))
    return rules


def reply_to(question: str, rules: Sequence[tuple[str, str]]) -> str | None:
    """The reply of the first pattern that is in the question; None where none is.

    In a pattern ``*`` stands for anything. Upper and lower case are the same.
    """
    asked = _plain(question)
    for pattern, reply in rules:
        words = "".join(f"[{char}]" if char in "?[" else char for char in _plain(pattern))
        if fnmatch.fnmatchcase(asked, f"*{words}*"):
            return reply
    return None


def why_not_answered(*texts: str) -> str:
    """Why a question in these texts is left to the person; empty where it may be answered."""
    for text in texts:
        if _is_disguised(text):
            return "it mixes alphabets inside of words"
        for shown in _readings(_plain(text)):
            if found := _DENIED.search(shown) or _DENIED_MARKS.search(shown):
                return f"it names '{found[0]}'"
    return ""


def _readings(plain: str) -> tuple[str, str, str]:
    """The text as it is, without what stands inside of words, and with spaced letters drawn together."""
    joined = re.sub(r"(?<=[a-z])[-_.*'](?=[a-z])", "", plain)
    drawn = _SPACED.sub(lambda found: re.sub("[^a-z]", "", found[0]), plain)
    return plain, joined, drawn


def _plain(text: str) -> str:
    """Lower case letters without accents, escapes and what cannot be seen; one blank between words."""
    text = re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]", "", text)
    shown = unicodedata.normalize("NFKD", text)
    kept = (char for char in shown if unicodedata.category(char) not in {"Mn", "Cf", "Cc"} or char.isspace())
    return " ".join("".join(kept).casefold().split())


def _is_disguised(text: str) -> bool:
    """Whether a word has letters of several alphabets, as in a Latin word with a Cyrillic letter in it."""
    for word in re.findall(r"\w+", unicodedata.normalize("NFKD", text)):
        alphabets = {unicodedata.name(char, "?").split()[0] for char in word if char.isalpha()}
        if "LATIN" in alphabets and len(alphabets) > 1:
            return True
    return False
