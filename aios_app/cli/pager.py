"""Long texts, such as diffs, on a terminal: coloured, and through the person's pager."""

from __future__ import annotations

from aios_app.cli import output, terminal

_DIFF_COLOURS = {"+": "green", "-": "red", "@": "blue"}
#: Before a diff's lines of these beginnings no change stands.
_DIFF_HEADS = ("+++", "---", "diff ", "index ", "new file", "deleted file", "rename ", "similarity ")


def show_diff(text: str) -> None:
    """A diff: cleaned of what steers a terminal, and on one in colours and by ``page``."""
    page("\n".join(map(_painted, output.clean_block(text).rstrip("\n").split("\n"))))


def page(text: str) -> None:
    """Shows the text, which must be clean; through the person's pager where it is longer than the screen."""
    is_long = terminal.is_shown() and text.count("\n") >= terminal.size()[1] - 1
    if not is_long or not _through_pager(text):
        output.say(text)


def _painted(line: str) -> str:
    colour = "dim" if line.startswith(_DIFF_HEADS) else _DIFF_COLOURS.get(line[:1], "")
    return output.paint(line, colour, is_on=terminal.has_colour())


def _through_pager(text: str) -> bool:
    """False where the person wants none, or it cannot be started."""
    import shlex
    import signal
    import subprocess

    argv = shlex.split(terminal.pager())
    if not argv or argv == ["cat"]:
        return False
    before = signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is the pager's
    try:
        subprocess.run(argv, input=(text + "\n").encode("utf-8", "replace"), check=False)
    except OSError:
        return False
    finally:
        signal.signal(signal.SIGINT, before)
    return True
