"""``aios``: finds the verb, runs it, and turns whatever happens into one line and an exit code."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from aios_app import __version__
from aios_app.cli import exits, output
from aios_app.domain.errors import AiosError

#: Collections while modules load cost 3 ms and find nothing.
_GC_THRESHOLD = 100_000
_SWITCHES = {"--auto-update-on": "on", "--auto-update-off": "off"}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code."""
    output.survive_any_text()
    try:
        return _run([_as_utf8(word) for word in (sys.argv[1:] if argv is None else argv)])
    except AiosError as error:
        _complain(error)
        return exits.code_of(error)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except BrokenPipeError:
        output.close_quietly()
        return exits.DONE
    except Exception as error:  # noqa: BLE001 - nobody is shown a traceback: it goes to the log
        output.note(f"{output.clean(_first_line(error))} (details: {_log_traceback()})")
        return exits.EXTERNAL


def _run(words: list[str]) -> int:
    if words[:1] == ["--complete"]:
        from aios_app.cli import completion

        return completion.run(words[1:])
    from aios_app.cli import terminal, verbs

    if not words and terminal.can_be_drawn_on():
        from aios_app.cli.dashboard.starting import start

        return start()
    if not words or words[0] in {"-h", "--help"}:
        output.say(verbs.short_help())
        return exits.DONE
    if words[0] == "--version":
        output.say(f"aios {__version__}")
        return exits.DONE
    if words[0] in _SWITCHES and len(words) == 1:
        return _run_verb("config", ["auto_update", _SWITCHES[words[0]]])
    return _run_verb(words[0], words[1:])


def _run_verb(word: str, words: list[str]) -> int:
    from aios_app.cli import parser

    verb, given = parser.find_verb(word)
    module = parser.load(verb)
    if parser.asks_for_help(words):
        output.say(parser.help_of(verb, module))
        return exits.DONE
    code: int = module.run(parser.parse(verb, module, [*given, *words]))
    return code


def _as_utf8(word: str) -> str:
    """The word's bytes read as UTF-8, whatever the locale says: a prompt is bytes."""
    return os.fsencode(word).decode("utf-8", "surrogateescape")


def _complain(error: AiosError) -> None:
    lines = output.clean_block(str(error)).splitlines() or [""]
    output.note(lines[0])
    for line in lines[1:]:
        output.note(f"  {line}")


def _first_line(error: Exception) -> str:
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _log_traceback() -> str:
    import traceback

    from aios_app.settings import load

    settings = load()
    log = settings.logs_dir / "cli.log"
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.logs_dir.mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as stream:
            traceback.print_exc(file=stream)
    except OSError as error:
        return f"{log} cannot be written: {error.strerror}"
    return str(log)


def leave() -> None:
    """Runs this process's command line and ends it at once: taking an interpreter apart costs 5 ms."""
    gc.set_threshold(_GC_THRESHOLD)
    code = main()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave()
