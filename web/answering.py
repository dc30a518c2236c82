"""Who answers a request: this machine, or the nodes of those that it is about."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from aios_app.domain.errors import AiosError, MachineAway
from aios_app.services.context import Context
from web.checking import is_answer
from web.handlers import Endpoint, call_service
from web.nodes import Call, Json, Nodes, name_of
from web.placing import First, Outcome, Part

#: Of the environment of a person's terminal what means the same on another machine; the rest stays here.
_TRAVELS = frozenset({"GIT_AUTHOR_EMAIL", "GIT_AUTHOR_NAME", "GIT_COMMITTER_EMAIL", "GIT_COMMITTER_NAME"})


class Answering:
    """Gets each answer. Without ``nodes``, as for who comes from another machine, nothing is passed on."""

    def __init__(self, context: Context, nodes: Nodes | None) -> None:
        self._context = context
        self._nodes = nodes

    async def answer(self, line: str, endpoint: Endpoint, given: dict[str, Any]) -> Json:
        """The answer of the machine, or of the machines, that the request is about."""
        at, here = endpoint.at, self._context.machine
        if at is None:
            return await self._here(endpoint, given)
        if at.first is not None:
            given = await self._completed(at.first, given)
        parts: list[Part] = await asyncio.to_thread(call_service, at.divide, self._context, {"given": given})
        if all(part.machine == here for part in parts):
            return await self._here(endpoint, given)
        if self._nodes is None:
            return await self._own(endpoint, parts)
        asking = (self._outcome(line, endpoint, part, at.limit_s) for part in parts)
        merged = at.merge(await asyncio.gather(*asking))
        return {name: value for name, value in merged.items() if name != "v"}

    async def _completed(
        self, find: Callable[[Context, dict[str, Any]], First | None], given: dict[str, Any]
    ) -> dict[str, Any]:
        """The request with the answer of the one that it needs first, if it needs one."""
        first: First | None = await asyncio.to_thread(call_service, find, self._context, {"given": given})
        if first is None:
            return given
        answer = await self.answer(first.line, first.endpoint, first.given)
        return first.rest | {first.name: {name: value for name, value in answer.items() if name != "v"}}

    async def _here(self, endpoint: Endpoint, given: dict[str, Any]) -> Json:
        answer: Json = await asyncio.to_thread(call_service, endpoint.service, self._context, given)
        return answer

    async def _own(self, endpoint: Endpoint, parts: Sequence[Part]) -> Json:
        """For another machine: what it asked for must be here."""
        own = [part for part in parts if part.machine == self._context.machine]
        if not own:
            numbers = ", ".join(f"#{job.number}" for part in parts for job in part.jobs[:3])
            raise MachineAway(f"{numbers or 'it'} is not on this machine any more: try again")
        return await self._here(endpoint, own[0].given)

    async def _outcome(self, line: str, endpoint: Endpoint, part: Part, limit_s: float) -> Outcome:
        is_here = part.machine == self._context.machine
        name = await asyncio.to_thread(name_of, self._context, part.machine)
        outcome = Outcome(part=part, name=name, is_here=is_here)
        try:
            if is_here or self._nodes is None:
                return replace(outcome, answer=await self._here(endpoint, part.given))
            call = replace(call_of(line, endpoint, part.given), limit_s=limit_s)
            answer = await self._nodes.ask(part.machine, call)
            if not is_answer(line, answer):
                raise MachineAway(f"{name} answers what no AIOS of this version says: aios machines")
            return replace(outcome, answer=answer)
        except AiosError as error:
            return replace(outcome, error=error)


def call_of(line: str, endpoint: Endpoint, given: dict[str, Any]) -> Call:
    """The request as it goes to a node; what is as when it is left out is left out."""
    method, path = line.split(" ")
    for name in endpoint.path:
        path = path.replace(f"{{{name}}}", quote(str(given[name]), safe="", errors="surrogateescape"))
    query = {name: str(given[name]) for name, field in endpoint.query.items() if given[name] != field.default}
    body = {name: given[name] for name, field in endpoint.body.items() if given[name] != field.default}
    if "environment" in body:
        body["environment"] = {key: value for key, value in body["environment"].items() if key in _TRAVELS}
    path += f"?{urlencode(query, errors='surrogateescape')}" if query else ""
    return Call(method=method, path=path, body=json.dumps(body).encode() if endpoint.body else None)
