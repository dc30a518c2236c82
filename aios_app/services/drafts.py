"""Tell whether a person has begun to type into an agent's input, which is neither added to nor closed."""

from __future__ import annotations

import hashlib
import re
import time

from aios_app.domain.models import Job
from aios_app.ledger.ledger import Attempt
from aios_app.services.context import Context
from aios_app.tmux.server import SessionInfo

#: Seconds after their last key in which a person counts as typing.
_TYPING_S = 5.0
#: What stands before the cursor of an empty input.
_PROMPT_MARKS = (">", "$", "#", "%", "?", ":", "]", "\u203a", "\u276f", "\u00bb", "\u276d", "\u2502")
#: The line of the input of Claude, and of Gemini, and what they show in an empty one.
_INPUT = re.compile("[\\s\u2502]*[>*\u203a\u276f](?:\\s+([^\u2502]*))?[\\s\u2502]*$")
_PLACEHOLDERS = ("Type your message", 'Try "')
_BOX = "".join(map(chr, range(0x2500, 0x2580)))


def screen_mark(screen: str) -> str:
    """A fingerprint of a screen's text: a different one after a person was there means that they typed.

    A terminal of another size breaks lines elsewhere and draws other boxes: both are left out.
    """
    text = "".join(screen.translate(dict.fromkeys(map(ord, _BOX))).split())
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def is_typing(ctx: Context, job: Job) -> bool:
    """Whether somebody who is attached pressed a key a moment ago."""
    return time.time() - ctx.tmux.last_typed_s(job.name) < _TYPING_S


def typed_in(screen: str) -> str | None:
    """What stands in the input of an agent that draws its own cursor; None where no input is seen."""
    for line in reversed(screen.splitlines()):
        if found := _INPUT.match(line):
            text = (found[1] or "").strip()
            return "" if text.startswith(_PLACEHOLDERS) else text
    return None


def has_draft(ctx: Context, job: Job, attempt: Attempt, session: SessionInfo) -> bool:
    """Whether a person may have left something in the input since the agent came to rest.

    Of a program that hides the cursor and shows no input that is known, any change counts.
    """
    left_before = not session.attached and (session.touched_s + 1) * 1000 < job.since_ms
    if left_before or not session.last_attached_s:
        return False
    is_filled = is_input_filled(ctx, job)
    return screen_mark(ctx.tmux.capture(job.name)) != attempt.screen if is_filled is None else is_filled


def is_input_filled(ctx: Context, job: Job) -> bool | None:
    """Whether something stands in the agent's input; None where it is not seen."""
    before = ctx.tmux.before_cursor(job.name)
    if before is not None:
        return bool(before.strip()) and not before.rstrip().endswith(_PROMPT_MARKS)
    typed = typed_in(ctx.tmux.capture(job.name))
    return None if typed is None else bool(typed)
