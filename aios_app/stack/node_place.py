"""Where this machine's node is, kept beside the ledger: one that was lost is told it again."""

from __future__ import annotations

import json
import socket

from aios_app.settings import Settings


def write_node_place(settings: Settings, address: str, port: int, certificate: str) -> None:
    """Notes address, port and certificate (PEM) of the node that answers now."""
    fresh = settings.run_dir / "node.tmp"
    fresh.write_text(json.dumps({"address": address, "port": port, "certificate": certificate}))
    fresh.replace(settings.run_dir / "node.json")


def read_node_place(settings: Settings) -> dict[str, str | int]:
    """``address``, ``port`` and ``certificate`` as last noted; empty where no node was at this address."""
    try:
        said = json.loads((settings.run_dir / "node.json").read_text())
        if said["address"] not in {settings.listen, socket.gethostname()}:
            return {}  # of an earlier start, before the address changed
        return {
            "address": str(said["address"]),
            "port": int(said["port"]),
            "certificate": str(said["certificate"]),
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}
