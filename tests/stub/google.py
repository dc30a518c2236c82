"""The Gemini API, as Gemini CLI speaks it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

from tests.stub.script import ASK_TOOLS, RATE_LIMIT, Answer, Request, Said

_USAGE = {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18}


def read(body: dict[str, Any]) -> Request:
    """The conversation and the tools."""
    declared = [tool for group in body.get("tools") or [] for tool in group.get("functionDeclarations") or []]
    said = [said for content in body.get("contents") or [] for said in _said(content)]
    return Request(api="google", said=said, tools={tool["name"]: tool for tool in declared})


def error(status: int) -> dict[str, Any]:
    """The body of a refusal."""
    said: dict[str, Any] = {"code": status, "status": "UNKNOWN", "message": f"stub refuses with {status}"}
    if status == RATE_LIMIT:  # one of a whole day: of others the program tries again for minutes
        day = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel", "quotaMetric": "requests"}
        failure = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [day]}
        said |= {"status": "RESOURCE_EXHAUSTED", "details": [failure]}
    return {"error": said}


def whole(answer: Answer, body: dict[str, Any], tools: dict[str, Any]) -> dict[str, Any]:
    """The answer in one piece."""
    content = {"role": "model", "parts": [_part(answer, body)]}
    return {
        "candidates": [{"index": 0, "finishReason": "STOP", "content": content}],
        "modelVersion": "stub",
        "responseId": uuid.uuid4().hex,
        "usageMetadata": _USAGE,
    }


def events(answer: Answer, body: dict[str, Any], tools: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The answer as a stream of one piece."""
    return [("", whole(answer, body, tools))]


def _said(content: dict[str, Any]) -> Iterator[Said]:
    for part in content.get("parts") or []:
        if "functionCall" in part:
            yield Said(by="model", kind="call")
        elif "functionResponse" in part:
            yield Said(by="tool", kind="result")
        elif "text" in part:
            is_model = content.get("role") == "model"
            yield Said(by="model" if is_model else "user", kind="text", text=part["text"])


def _part(answer: Answer, body: dict[str, Any]) -> dict[str, Any]:
    if answer.kind == "message":
        return {"text": _formed(answer.text, body)}
    return {"functionCall": {"id": uuid.uuid4().hex, "name": answer.tool, "args": _arguments(answer)}}


def _arguments(answer: Answer) -> dict[str, Any]:
    if answer.tool not in ASK_TOOLS:
        return {"command": answer.order, "description": "do it"}
    options = [{"label": "Alpha", "description": "first"}, {"label": "Beta", "description": "second"}]
    question = {"question": answer.order, "header": "Q", "type": "choice", "options": options}
    return {"questions": [question]}


def _formed(text: str, body: dict[str, Any]) -> str:
    """A side question may want JSON of a given shape."""
    config = body.get("generationConfig") or {}
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    return json.dumps(dict.fromkeys(schema.get("properties") or {}, text)) if schema else text
