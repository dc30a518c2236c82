"""The keys of the list, and the page that explains them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding, BindingType
from textual.strip import Strip

from aios_app.cli.dashboard.strips import pieces, plain
from aios_app.cli.prompt_line import MARK

#: The key for Textual and for a person, the application's action, what it does, its word at the bottom.
_KEYS: Sequence[tuple[str, str, str, str, str]] = (
    ("enter", "Enter", "attach", "attach: this terminal becomes the agent's; Ctrl-b d comes back", "attach"),
    ("space", "Space", "send", "send a prompt without attaching", "send"),
    ("v", "v", "review", "review what is in review, this job first", "review"),
    ("d", "d", "diff", "its change, committed or not", "diff"),
    ("l", "l", "land", "land it: merge, check, push, verify, clean up", "land"),
    ("p", "p", "pick", "pick: land it and drop its rivals", ""),
    ("s", "s", "stop", "stop its agent; its worktree stays", ""),
    ("r", "r", "resume", "resume its ended agent, with its conversation", ""),
    ("X", "X", "drop", "drop: worktree and branch go to the trash", ""),
    ("w", "w", "browser", "its terminal in the browser", ""),
    ("o", "o", "editor", "its directory in your editor (editor_command)", ""),
    ("n", "n", "next", "the next job that waits for an answer", "next"),
    ("slash", "/", "search", "show only what holds these words; Esc shows all again", ""),
    ("g", "g", "group", "group by project, run or machine, or not", ""),
    (
        f"colon,{MARK}",
        ":",
        "command",
        "type a command: those of aios without `aios`; Esc leaves",
        "command",
    ),
    ("u", "u", "up", "start the stack where it is down", ""),
    ("question_mark", "?", "help", "this page", "keys"),
    ("q,ctrl+c", "q", "quit", "quit; agents go on", "quit"),
)
_MOVES = (
    ("down,j", "move(1)"),
    ("up,k", "move(-1)"),
    ("pagedown,ctrl+f", "page(1)"),
    ("pageup,ctrl+b", "page(-1)"),
    ("home", "edge(-1)"),
    ("end,G", "edge(1)"),
    ("escape", "app.clear"),
    ("ctrl+l", "app.redraw"),
    ("ctrl+z", "app.suspend_process"),
)
_KEY_CELLS = 7


def bindings() -> list[BindingType]:
    """What the list listens to."""
    acts = [(key, f"app.{action}") for key, _, action, _, _ in _KEYS]
    return [Binding(key, action) for key, action in (*_MOVES, *acts)]


def hints() -> Strip:
    """The keys that are used most, in one line."""
    parts = [(f" {key}", "bold") if is_key else (f" {key} ", "dim") for key, is_key in _hint_words()]
    return pieces(parts)


def help_lines() -> list[Strip]:
    """Every key with what it does."""
    moves = pieces([(f"  {'↑↓ j k':{_KEY_CELLS}} ", "bold"), ("up and down; PgUp, PgDn, Home, End", "")])
    again = pieces([(f"  {'Ctrl-L':{_KEY_CELLS}} ", "bold"), ("its agent's screen as it is now", "")])
    keys = [pieces([(f"  {shown:{_KEY_CELLS}} ", "bold"), (what, "")]) for _, shown, _, what, _ in _KEYS]
    return [
        plain(""),
        moves,
        *keys,
        again,
        plain(""),
        plain("  In the prompt: ↑↓ what was typed before, Tab completes, Esc back to the list.", "dim"),
        plain("  Where work could go, you are asked first. More of each command: `help COMMAND`.", "dim"),
    ]


def _hint_words() -> list[tuple[str, bool]]:
    return [word for _, key, _, _, hint in _KEYS if hint for word in ((key, True), (hint, False))]
