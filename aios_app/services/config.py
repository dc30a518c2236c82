"""What a person has set: list, get, set. ``shop.setup`` is the setting ``setup`` of project ``shop``."""

from __future__ import annotations

from typing import Any

import aios_app
from aios_app.domain.errors import BadValue
from aios_app.domain.specs import parse_pause
from aios_app.queue.sending import MESSAGE_VERSION
from aios_app.services.catalogue_sync import freshen_catalogue, share_catalogue
from aios_app.services.context import Context
from aios_app.services.update_check import arm_update_timer
from aios_app.stack.node_place import read_node_place
from aios_app.store.settings_table import PROJECT_SETTINGS, SETTINGS

#: Of a machine that lets no other one in, or not any more.
_NO_NODE: dict[str, str | int] = {"address": "", "port": 0, "certificate": ""}


def list_settings(ctx: Context) -> dict[str, Any]:
    """All settings with their defaults and a line of help."""
    freshen_catalogue(ctx)
    return {"values": [_shown(key, value) for key, value in ctx.catalog.values().items()]}


def get_setting(ctx: Context, *, key: str) -> dict[str, Any]:
    """One setting, as it is in effect."""
    freshen_catalogue(ctx)
    return {"key": key, "value": ctx.catalog.get(key)}


def set_setting(ctx: Context, *, key: str, value: str | None) -> dict[str, Any]:
    """Sets it, or with None brings the default back; answers with what is in effect now."""
    if key == "machine_name":
        _check_name_is_free(ctx, value)
    if value is None:
        ctx.catalog.unset(key)
    else:
        ctx.catalog.set(key, value)
    if key in {"auto_update", "check_interval", "last_update_check"}:
        arm_update_timer(ctx)
    share_catalogue(ctx)
    note_machine(ctx)
    return get_setting(ctx, key=key)


def _check_name_is_free(ctx: Context, name: str | None) -> None:
    taken = {one.name for one in ctx.ledger.machines_known() if one.id != ctx.machine}
    if name in taken:
        raise BadValue(f"another machine of the cluster is called {name}: aios machines")


def note_machine(ctx: Context) -> None:
    """Tells the ledger what it has to know of this machine, where jobs can run on it."""
    if ctx.settings.has_worker:
        ctx.ledger.set_machine(ctx.machine, **machine_values(ctx))


def machine_values(ctx: Context) -> dict[str, str | int]:
    """What the ledger has to know of this machine's settings."""
    values: dict[str, str | int] = {
        "name": ctx.catalog.machine_name(),
        "max_agents": ctx.catalog.get("max_agents"),
        "version": aios_app.__version__,
        "messages": MESSAGE_VERSION,
    }
    for lane in ctx.catalog.lanes():
        values[f"max:{lane}"] = ctx.catalog.get(f"max_{lane}")
        values[f"stagger_ms:{lane}"] = 1000 * parse_pause(ctx.catalog.get(f"stagger_{lane}"))
    return values | (read_node_place(ctx.settings) or _NO_NODE)


def _shown(key: str, value: str) -> dict[str, Any]:
    setting = SETTINGS.get(key) or PROJECT_SETTINGS.get(key.rpartition(".")[2])
    default, help_line = (setting.default, setting.help) if setting else ("", "")
    return {"key": key, "value": value, "default": default, "help": help_line}
