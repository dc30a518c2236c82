"""``aios up``: start the stack."""

from __future__ import annotations

import argparse
from pathlib import Path

from aios_app.cli import exits, output, session
from aios_app.cli.machine_words import cluster_words
from aios_app.domain.errors import StackError, UsageError

TYPE_CHECKING = False  # typing's own costs 2 ms at import
if TYPE_CHECKING:
    from aios_app.stack.up import UpReport

EXAMPLES = (
    "aios up",
    "aios up --cert cert.pem --key key.pem     browsers come in by TLS, from now on",
    "aios up --listen 10.0.0.5     other machines may join: aios join-token",
    "aios up --listen off          they are kept out again",
    "AIOS_REDIS_URL=redis://10.0.0.5 aios up     with a Redis of your own",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``up``."""
    parser.add_argument("--cert", metavar="FILE", help="TLS certificate for browsers: sets web_cert")
    parser.add_argument("--key", metavar="FILE", help="the certificate's key: sets web_key")
    parser.add_argument(
        "--listen", metavar="ADDR[:PORT]", help="address at which other machines reach this one; off: none do"
    )


def run(args: argparse.Namespace) -> int:
    """Returns when the stack is up, and says what runs."""
    from aios_app.stack.up import down, programs

    chosen = _tls_settings(args.cert, args.key)
    if args.listen:
        _listen(args.listen)
    report = _up()
    if _set(chosen):
        down(session.settings())
        report = _up()
    took = f"stack up in {report.took_s:.1f} s" if report.started else "the stack is up already"
    output.say(f"{took}   redis: {report.engine}")
    for program in programs(session.settings()):
        output.say(f"  {program.name:12} {program.state:10} pid {program.pid or '-'}")
    status = session.client().get("/status")
    web = status.get("web", {})
    output.say(output.clean(f"  {'browsers':12} {web.get('url') or web.get('problem', '')}"))
    if says := cluster_words(status):
        output.say(output.clean(f"  {'cluster':12} {says}"))
    return exits.DONE


def _up() -> UpReport:
    from aios_app.stack.releases import Releases
    from aios_app.stack.up import up

    try:
        return up(session.settings())
    except StackError:
        if Releases(session.settings()).previous is not None:
            output.note("where that began with an update, aios update --back is the version before")
        raise


def _listen(place: str) -> None:
    """Notes where other machines come in; what runs is ended first, as it is to ask for passwords then."""
    from aios_app.stack.cluster import has_members, is_as_wanted, listen_at
    from aios_app.stack.up import down

    if is_as_wanted(session.settings(), place):
        return
    down(session.settings())
    try:
        listen_at(session.settings(), place)
    except StackError:
        _up()
        raise
    session.settings.cache_clear()
    if has_members(session.settings()):
        what = (
            "are cut off" if place == "off" else "join again: aios join-token here, aios worker --join there"
        )
        output.note(f"the machines of this cluster know the address of before, and {what}")


def _tls_settings(cert: str | None, key: str | None) -> dict[str, str]:
    """The settings that are asked for; raises where the files cannot be used."""
    if cert is None and key is None:
        return {}
    if not cert or not key:
        raise UsageError("--cert and --key go together: aios up --cert FILE --key FILE")
    from aios_app.stack.tls import server_tls

    chosen = {"web_cert": str(Path(cert).absolute()), "web_key": str(Path(key).absolute())}
    server_tls(*chosen.values())
    return chosen


def _set(chosen: dict[str, str]) -> bool:
    """Whether that has changed a setting."""
    client = session.client()
    changed = {key: value for key, value in chosen.items() if client.get(f"/config/{key}")["value"] != value}
    for key, value in changed.items():
        client.put(f"/config/{key}", {"value": value})
    return bool(changed)
