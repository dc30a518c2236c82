"""The Responses API, as Codex speaks it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

from tests.stub.script import Answer, Request, Said

_USAGE = {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18}


def read(body: dict[str, Any]) -> Request:
    """The conversation and the tools; newer models get these in the conversation."""
    items = body.get("input") or []
    listed = list(body.get("tools") or [])
    for item in items:
        if item.get("type") == "additional_tools":
            listed += item.get("tools") or []
    return Request(api="openai", said=[said for item in items for said in _said(item)], tools=_tools(listed))


def error(status: int) -> dict[str, Any]:
    """The body of a refusal."""
    return {"error": {"type": "stub_error", "code": None, "message": f"stub refuses with {status}"}}


def whole(answer: Answer, body: dict[str, Any], tools: dict[str, Any]) -> dict[str, Any]:
    """The answer in one piece."""
    done = {"status": "completed", "output": [_item(answer, body, tools)], "usage": _USAGE}
    return _response(body) | done


def events(answer: Answer, body: dict[str, Any], tools: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The answer as a stream."""
    done = whole(answer, body, tools)
    item = done["output"][0]
    said = [
        {"type": "response.created", "response": _response(body)},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": done},
    ]
    return [(str(event["type"]), event) for event in said]


def _response(body: dict[str, Any]) -> dict[str, Any]:
    about = {"id": f"resp_{uuid.uuid4().hex}", "object": "response", "created_at": 0, "output": []}
    return about | {"status": "in_progress", "model": body.get("model")}


def _said(item: dict[str, Any]) -> Iterator[Said]:
    kind = str(item.get("type", "message"))
    if kind == "message":
        content = item.get("content")
        parts = [{"text": content}] if isinstance(content, str) else content or []
        for part in parts:
            yield Said(by="user" if item.get("role") == "user" else "model", kind="text", text=_text(part))
    elif kind.endswith("_output"):
        yield Said(by="tool", kind="result")
    elif kind.endswith("_call"):
        yield Said(by="model", kind="call")


def _text(part: dict[str, Any]) -> str:
    return str(part.get("text", ""))


def _tools(listed: list[dict[str, Any]]) -> dict[str, Any]:
    tools: dict[str, Any] = {}
    for tool in listed:
        if tool.get("type") == "namespace":
            inner = _tools(tool.get("tools") or [])
            tools |= {name: one | {"namespace": tool["name"]} for name, one in inner.items()}
        else:
            tools[str(tool.get("name") or tool.get("type"))] = tool
    return tools


def _item(answer: Answer, body: dict[str, Any], tools: dict[str, Any]) -> dict[str, Any]:
    ident = uuid.uuid4().hex
    if answer.kind == "message":
        text = {"type": "output_text", "text": _formed(answer.text, body), "annotations": []}
        about = {"type": "message", "id": f"msg_{ident}", "role": "assistant", "status": "completed"}
        return about | {"content": [text]}
    call = {"call_id": f"call_{ident}", "name": answer.tool, "status": "completed"}
    if tools[answer.tool].get("type") == "custom":  # takes JavaScript
        code = f"text((await tools.exec_command({json.dumps({'cmd': answer.order})})).output);\n"
        return call | {"type": "custom_tool_call", "id": f"ctc_{ident}", "input": code}
    if answer.tool == "spawn_agent":
        call["namespace"] = tools[answer.tool].get("namespace", "")
    arguments = json.dumps(_arguments(answer, tools[answer.tool].get("parameters") or {}))
    return call | {"type": "function_call", "id": f"fc_{ident}", "arguments": arguments}


def _arguments(answer: Answer, schema: dict[str, Any]) -> dict[str, Any]:
    known = schema.get("properties") or {}
    if "questions" in known:
        options = [{"label": "Alpha", "description": "first"}, {"label": "Beta", "description": "second"}]
        return {"questions": [{"id": "q", "header": "Q", "question": answer.order, "options": options}]}
    if "task_name" in known:
        return {"task_name": "helper", "message": answer.order}
    if "cmd" in known:
        return {"cmd": answer.order}
    is_list = known.get("command", {}).get("type") == "array"
    return {"command": ["bash", "-lc", answer.order] if is_list else answer.order}


def _formed(text: str, body: dict[str, Any]) -> str:
    """A side question may want JSON of a given shape."""
    schema = ((body.get("text") or {}).get("format") or {}).get("schema")
    return json.dumps(dict.fromkeys(schema.get("properties") or {}, text)) if schema else text
