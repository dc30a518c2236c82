"""The machines of a cluster as frozen values. Times are milliseconds of Redis' clock."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Milliseconds between two beats of a machine in a cluster.
BEAT_MS = 60_000
#: A beat that is younger says that its machine is there, whatever became of its connection.
YOUNG_MS = 90_000
#: After so long without a beat a connection proves nothing any more.
SILENT_MS = 180_000


class MachineState(enum.StrEnum):
    """What a person wants of a machine."""

    ACTIVE = "active"
    DRAINED = "drained"  #: it takes no new jobs
    REMOVED = "removed"  #: it is no part of the cluster any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One machine as the ledger knows it.

    ``facts`` holds ``cores``, ``load``, ``memory_bytes``, ``available_bytes``, and ``agents``:
    of each agent's key the empty string where one can be started there, else why not.
    """

    id: str
    name: str
    address: str = ""  #: where the other machines reach its node; empty: nowhere
    port: int = 0  #: of its node; 0: it has none
    certificate: str = ""  #: of its node, in PEM
    version: str = ""  #: of its AIOS
    messages: int = 0  #: the version of the messages that its worker understands
    state: MachineState = MachineState.ACTIVE
    max_agents: int = 0
    slots: int = 0  #: how many of ``max_agents`` are taken
    facts: Mapping[str, Any] = field(default_factory=dict)
    beat_ms: int = 0  #: its last sign of life
    unreachable_ms: int = 0  #: since when it does not answer; 0: it is there

    @property
    def is_there(self) -> bool:
        return not self.unreachable_ms

    @property
    def room(self) -> int:
        """How many further agents may be open there."""
        return max(0, self.max_agents - self.slots)


def place_of(host: str, port: int) -> str:
    """``10.0.0.5:7682``, or ``[fd00::5]:7682``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def client_name(machine: str) -> str:
    """What the connections of this machine's worker are called in Redis."""
    return f"aios-{machine}"
