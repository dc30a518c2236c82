"""What AIOS knows of each agent: its command line, and what its screen says."""

from aios_app.agents.base import AgentModule, Heard, Launch, Look, Place, Ready, Usage
from aios_app.agents.catalog import (
    DEFAULT_AGENTS,
    DEMO_AGENT,
    FOUNDING_TEMPLATES,
    install_advice,
    install_check,
    install_command,
    module_for,
)
from aios_app.agents.prompt import DEFAULT_PROMPT
from aios_app.agents.steps import STEPS_AGENT

__all__ = [
    "DEFAULT_AGENTS",
    "DEFAULT_PROMPT",
    "DEMO_AGENT",
    "FOUNDING_TEMPLATES",
    "STEPS_AGENT",
    "AgentModule",
    "Heard",
    "Launch",
    "Look",
    "Place",
    "Ready",
    "Usage",
    "install_advice",
    "install_check",
    "install_command",
    "module_for",
]
