"""The Messages API, as Claude Code speaks it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

from tests.stub.script import ASK_TOOLS, RATE_LIMIT, Answer, Request, Said

_USAGE = {"input_tokens": 11, "output_tokens": 7}


def read(body: dict[str, Any]) -> Request:
    """The conversation and the tools."""
    said = [said for message in body.get("messages") or [] for said in _said(message)]
    return Request(api="anthropic", said=said, tools={tool["name"]: tool for tool in body.get("tools") or []})


def error(status: int) -> dict[str, Any]:
    """The body of a refusal."""
    kind = "rate_limit_error" if status == RATE_LIMIT else "api_error"
    return {"type": "error", "error": {"type": kind, "message": f"stub refuses with {status}"}}


def whole(answer: Answer, body: dict[str, Any], tools: dict[str, Any]) -> dict[str, Any]:
    """The answer in one piece."""
    return {
        "id": f"msg_{uuid.uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": body.get("model"),
        "content": [_block(answer, body)],
        "stop_reason": "tool_use" if answer.kind == "tool" else "end_turn",
        "stop_sequence": None,
        "usage": _USAGE,
    }


def events(answer: Answer, body: dict[str, Any], tools: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The answer as a stream."""
    message = whole(answer, body, tools)
    block = message["content"][0]
    empty: dict[str, Any] = {"input": {}} if answer.kind == "tool" else {"text": ""}
    delta = (
        {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        if answer.kind == "tool"
        else {"type": "text_delta", "text": block["text"]}
    )
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    said: list[dict[str, Any]] = [
        {"type": "message_start", "message": message | {"content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": block | empty},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": stop, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]
    return [(event["type"], event) for event in said]


def _said(message: dict[str, Any]) -> Iterator[Said]:
    content = message.get("content")
    by = "user" if message.get("role") == "user" else "model"
    for part in [{"type": "text", "text": content}] if isinstance(content, str) else content or []:
        if part.get("type") == "text":
            yield Said(by="user" if by == "user" else "model", kind="text", text=part["text"])
        elif part.get("type") == "tool_use":
            yield Said(by="model", kind="call")
        elif part.get("type") == "tool_result":
            yield Said(by="tool", kind="result")


def _block(answer: Answer, body: dict[str, Any]) -> dict[str, Any]:
    if answer.kind == "message":
        return {"type": "text", "text": _formed(answer.text, body)}
    return {
        "type": "tool_use",
        "id": f"toolu_{uuid.uuid4().hex}",
        "name": answer.tool,
        "input": _input(answer),
    }


def _input(answer: Answer) -> dict[str, Any]:
    if answer.tool not in ASK_TOOLS:
        return {"command": answer.order, "description": "do it"}
    options = [{"label": "Alpha", "description": "first"}, {"label": "Beta", "description": "second"}]
    question = {"question": answer.order, "header": "Q", "options": options, "multiSelect": False}
    return {"questions": [question]}


def _formed(text: str, body: dict[str, Any]) -> str:
    """A side question may want JSON of a given shape."""
    schema = ((body.get("output_config") or {}).get("format") or body.get("output_format") or {}).get(
        "schema"
    )
    return json.dumps(dict.fromkeys(schema.get("properties") or {}, text)) if schema else text
