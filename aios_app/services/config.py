"""What a person has set: list, get, set. ``shop.setup`` is the setting ``setup`` of project ``shop``."""

from __future__ import annotations

from typing import Any

from aios_app.services.context import Context
from aios_app.store.settings_table import PROJECT_SETTINGS, SETTINGS


def list_settings(ctx: Context) -> dict[str, Any]:
    """All settings with their defaults and a line of help."""
    return {"values": [_shown(key, value) for key, value in ctx.catalog.values().items()]}


def get_setting(ctx: Context, *, key: str) -> dict[str, Any]:
    """One setting, as it is in effect."""
    return {"key": key, "value": ctx.catalog.get(key)}


def set_setting(ctx: Context, *, key: str, value: str | None) -> dict[str, Any]:
    """Sets it, or with None brings the default back; answers with what is in effect now."""
    if value is None:
        ctx.catalog.unset(key)
    else:
        ctx.catalog.set(key, value)
    _tell_machine(ctx)
    return get_setting(ctx, key=key)


def _tell_machine(ctx: Context) -> None:
    """Brings what the ledger knows of this machine in line with its settings."""
    name, max_agents = ctx.catalog.machine_name(), ctx.catalog.get("max_agents")
    ctx.ledger.set_machine(ctx.machine, name=name, max_agents=max_agents)


def _shown(key: str, value: str) -> dict[str, Any]:
    setting = SETTINGS.get(key) or PROJECT_SETTINGS.get(key.rpartition(".")[2])
    default, help_line = (setting.default, setting.help) if setting else ("", "")
    return {"key": key, "value": value, "default": default, "help": help_line}
