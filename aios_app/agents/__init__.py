"""What AIOS knows of each agent: its command line, and what its screen says."""

from aios_app.agents.base import AgentModule, Launch, Look
from aios_app.agents.catalog import (
    DEFAULT_AGENTS,
    DEMO_AGENT,
    FOUNDING_TEMPLATES,
    install_check,
    module_for,
)
from aios_app.agents.prompt import DEFAULT_PROMPT

__all__ = [
    "DEFAULT_AGENTS",
    "DEFAULT_PROMPT",
    "DEMO_AGENT",
    "FOUNDING_TEMPLATES",
    "AgentModule",
    "Launch",
    "Look",
    "install_check",
    "module_for",
]
