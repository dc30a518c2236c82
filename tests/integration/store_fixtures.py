"""A catalogue of its own for each test, and the databases of the ancestor."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from aios_app.domain.models import Agent, Finishes

CODEX_FOUNDING = (
    'codex -c model_reasoning_effort="high" --model gpt-5-codex --dangerously-bypass-approvals-and-sandbox'
)
FOUNDING_TEMPLATES = {
    "c": CODEX_FOUNDING,
    "l": "claude --dangerously-skip-permissions",
    "g": "gemini --yolo",
    "h": "htop",
    "t": "top",
}
FOUNDING_SESSIONS = [
    ("c", "codex", CODEX_FOUNDING),
    ("cp", "codex-p", f'{CODEX_FOUNDING} "{{CODEX_PROMPT}}"'),
    ("l", "claude", "claude --dangerously-skip-permissions"),
    ("lp", "claude-p", 'claude --dangerously-skip-permissions "Say \\"hi\\"\\nand $(touch no)"'),
    ("g", "gemini", "gemini --yolo --model 'my own'"),
    ("gp", "gemini-p", 'gemini --yolo "{GEMINI_PROMPT}"'),
    ("h", "htop", "htop"),
    ("t", "top", "top"),
    ("q", "aider", "aider --yes 'two words'"),
]
FOUNDING_CONFIG = [("codex_prompt", "Step 1: read.\nStep 2: write."), ("worktrees_dir", "/srv/trees")]
FOUNDING_PROJECTS = [("/home/me/shop", 0), ("/home/me/old/shop", 1), ("/home/me/Über uns", 3)]

_SCHEMA = """
CREATE TABLE config (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE projects (
    id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, display_order INTEGER NOT NULL UNIQUE
);
CREATE TABLE sessions (key TEXT PRIMARY KEY, name TEXT NOT NULL, command_template TEXT NOT NULL);
"""


def agent(key: str, name: str, *argv: str, kind: str = "", finishes: Finishes = Finishes.TURN) -> Agent:
    return Agent(uuid="", key=key, name=name, kind=kind or name, argv=argv or (name,), finishes=finishes)


DEFAULT_AGENTS = (
    agent("c", "codex", "codex", "--no-daemon"),
    agent("l", "claude", "claude", "--today"),
    agent("g", "gemini", "gemini", "--today"),
    agent("h", "htop", kind="generic", finishes=Finishes.NEVER),
    agent("t", "top", kind="generic", finishes=Finishes.NEVER),
)


def write_founding_database(path: Path) -> None:
    """A database as the ancestor made it, with rows of all kinds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA)
        connection.executemany("INSERT INTO config VALUES (?, ?)", FOUNDING_CONFIG)
        connection.executemany("INSERT INTO projects (path, display_order) VALUES (?, ?)", FOUNDING_PROJECTS)
        connection.executemany("INSERT INTO sessions VALUES (?, ?, ?)", FOUNDING_SESSIONS)


def write_founding_settings(path: Path) -> None:
    """A ``config.json`` as the ancestor made it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    settings = {
        "auto_update": True,
        "last_update_check": 1761280352,
        "check_interval": 604800,
        "editor_command": "code .",
    }
    path.write_text(json.dumps(settings))
