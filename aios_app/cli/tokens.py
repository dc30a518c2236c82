"""Tokens and money in words."""

from __future__ import annotations

from aios_app.cli.client import Json


def spent(job: Json) -> str:
    """``1.2M tokens in (0.9M cached), 14k out, $0.42``; empty where the agent told nothing."""
    if not job.get("tokens_in") and not job.get("tokens_out"):
        return ""
    cached = f" ({short(job['tokens_cached'])} cached)" if job.get("tokens_cached") else ""
    words = [f"{short(job.get('tokens_in', 0))} tokens in{cached}", f"{short(job.get('tokens_out', 0))} out"]
    return ", ".join([*words, money(job)] if money(job) else words)


def short(count: int) -> str:
    """``950``, ``14k``, ``1.2M``."""
    if count < 1000:
        return str(count)
    return f"{count // 1000}k" if count < 999_500 else f"{count / 1e6:.1f}M"


def money(spending: Json) -> str:
    """``$0.42``; empty where nothing was said of money."""
    cost = spending.get("cost_usd")
    return f"${float(cost):.2f}" if cost else ""
