"""The saved agents: keys and names that no word of the command line can be mistaken for."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable

from aios_app.domain.errors import BadValue, ConflictError, UnknownAgent
from aios_app.domain.models import Agent
from aios_app.store.database import Table, Transaction
from aios_app.store.wording import did_you_mean

_WORDS = """
add agents all answer attach cleanup clear compare config diff doctor down drop help import install jobs
join-token land logs ls machines menu multi open p pick pr prompt pull push quit remove resume retry revert
review run scan send setup share shell start status stop tag trash uninstall up update w wait watch worker x
"""
#: What stands on the command line where an agent's key or name does.
COMMAND_WORDS = frozenset(_WORDS.split())
_BYTES = re.compile("[\ud800-\udfff]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,29}", re.ASCII)


class AgentTable(Table):
    """The agents of the catalogue."""

    def agents(self) -> list[Agent]:
        with self._db.reading() as tx:
            return read_agents(tx)

    def find_agent(self, key_or_name: str) -> Agent:
        return _find(self.agents(), key_or_name)

    def put_agent(self, agent: Agent) -> Agent:
        """Saves a new agent, or the next revision of the one with the same uuid; without a uuid it is new."""
        check_agent(agent)
        with self._db.writing() as tx:
            for other in read_agents(tx):
                if other.uuid != agent.uuid:
                    _refuse_twins(agent.key, agent.name, other)
            write_agent(tx, agent)
            return next(saved for saved in read_agents(tx) if saved.key == agent.key)

    def remove_agent(self, key: str) -> Agent:
        """Forgets an agent, by key or name; it does not come back by itself, even a default one."""
        with self._db.writing() as tx:
            agent = _find(read_agents(tx), key)
            tx.run("remove_agent", uuid=agent.uuid)
        return agent


def read_agents(tx: Transaction) -> list[Agent]:
    """All agents in the order in which they were added."""
    return [Agent.from_json({**row, "argv": json.loads(row["argv"])}) for row in map(dict, tx.rows("agents"))]


def write_agent(tx: Transaction, agent: Agent) -> None:
    """Writes an agent that was checked."""
    tx.run("free_key", key=agent.key)
    tx.run("put_agent", **agent_columns(agent), command_template=shlex.join(agent.argv))


def agent_columns(agent: Agent) -> dict[str, object]:
    """The agent as its columns hold it."""
    return {**agent.to_json(), "argv": json.dumps(agent.argv), "finishes": str(agent.finishes)}


def check_agent(agent: Agent) -> None:
    """Raises ``BadValue`` where the agent could not be typed or started."""
    _check_key(agent.key)
    if _NAME.fullmatch(agent.name) is None or agent.name in COMMAND_WORDS:
        raise BadValue(
            f"{agent.name!r} cannot name an agent: a letter, up to 29 of A-Z a-z 0-9 _ -, no command"
        )
    if not agent.argv or not agent.argv[0] or any("\0" in word for word in agent.argv):
        raise BadValue(f"agent {agent.name} has no command to start")
    if any(_BYTES.search(word) for word in agent.argv):
        raise BadValue(f"agent {agent.name}: its command holds bytes that are no text")
    if not agent.kind:
        raise BadValue(f"agent {agent.name} is of no kind")
    if agent.weight < 0 or agent.idle_after_s < 1:
        raise BadValue(f"agent {agent.name}: a weight is at least 0, and idle_after_s at least 1")
    if agent.name in _forms(agent.key):
        raise BadValue(
            f"{agent.name!r} cannot name an agent with key {agent.key}: it asks for its default prompt"
        )


def _check_key(key: str) -> None:
    if not (key.isascii() and key.isalpha() and len(key) <= 2):
        raise BadValue(f"{key!r} cannot be an agent's key: a key is one or two letters")
    if key in COMMAND_WORDS:
        raise BadValue(f"{key!r} cannot be an agent's key: it is a command")
    if key.endswith("p"):
        raise BadValue(f"{key!r} cannot be an agent's key: a p at its end asks for the default prompt")


def _refuse_twins(key: str, name: str, other: Agent) -> None:
    """``cp`` and ``cpp`` start ``c`` with its prompt, so an agent's key takes these words too."""
    ours, theirs = {key, name} | _forms(key), {other.key, other.name} | _forms(other.key)
    if ours & theirs:
        word = min(ours & theirs)
        raise ConflictError(
            f"{word!r} would mean agent {other.name} (key {other.key}) too: choose another word"
        )


def _forms(key: str) -> set[str]:
    return {key + "p", key + "pp"}


def _find(saved: Iterable[Agent], word: str) -> Agent:
    agents = list(saved)
    for agent in sorted(agents, key=lambda agent: agent.key != word):
        if word in (agent.key, agent.name):
            return agent
    hint = did_you_mean(word, [agent.name for agent in agents])
    known = ", ".join(f"{agent.key} {agent.name}" for agent in agents) or "none"
    raise UnknownAgent(f"there is no agent {word!r}{hint} (there are: {known})")
