"""A list of steps in the place of an agent: all of them run in one shell, driven by ``steps.sh``."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

from aios_app.agents.base import Launch, Look, Mute, Place, look_at
from aios_app.domain.models import Agent, Finishes
from aios_app.domain.steps import STEPS, Step, loaded, progress_of

_DRIVER = str(Path(__file__).with_name("steps.sh"))
#: Bash where there is one, for what people write in steps; the driver runs in any shell.
_SHELL = ("/bin/sh", "-c", 'exec "$(command -v bash || echo /bin/sh)" "$@"', STEPS)
#: Unrolled, as `break` and `continue` in a step would meet a loop. It holds no word of a person's.
_STEP = '__aios_begin {0}\n. "$__aios_dir/step.{0}"\n__aios_end "$?"\n'

#: In the place of an agent in runs of steps; never in the catalogue.
STEPS_AGENT = Agent(
    uuid=str(uuid.uuid5(uuid.NAMESPACE_URL, f"aios:agent:{STEPS}")),
    key=STEPS,
    name=STEPS,
    kind=STEPS,
    argv=_SHELL,
    finishes=Finishes.EXIT,
    weight=0,
)


class StepsAgent(Mute):
    """Its prompt holds the steps. Their text reaches the shell by files, never as words of a command."""

    def launch(
        self,
        agent: Agent,
        *,
        prompt: str,
        place: Place,
        conversation: str = "",  # noqa: ARG002 - it has none to go on with
        extra_args: Sequence[str] = (),  # noqa: ARG002 - nobody can give it any
    ) -> Launch:
        argv = (*agent.argv, _DRIVER, str(place.attempt_dir))
        return Launch(argv=argv, files=_files(loaded(prompt)))

    def look(self, screen: str, title: str = "") -> Look:  # noqa: ARG002 - it sets no title
        return look_at(screen)


def _files(steps: Sequence[Step]) -> dict[str, str]:
    """What the driver reads in the attempt's directory."""
    files = {"steps": "".join(_STEP.format(number) for number in range(1, len(steps) + 1))}
    for number, step in enumerate(steps, start=1):
        files[f"step.{number}"] = f"{step.command}\n"
        files[f"title.{number}"] = f"--- {progress_of(steps, number)}\n"
    return files
