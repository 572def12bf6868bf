"""What the OpenAPI description says of routes that read their requests by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from vibevoice_pro.server.refusal import STATUS

_STATUSES = sorted({*STATUS.values(), 401, 403, 404, 500})


def spoken(
    body: type[BaseModel], media_types: Iterable[str], query: type[BaseModel] | None = None
) -> dict[str, Any]:
    """For a route that answers with speech: what FastAPI is told of it.

    Args:
        body: the JSON object it takes.
        media_types: of its answers.
        query: the parameters of its URL, where the route does not name them.
    """
    content = {"application/json": {"schema": schema(body)}}
    answers: dict[int, Any] = {status: {} for status in _STATUSES}
    return {
        "response_model": None,
        "responses": {200: {"content": {kind: {} for kind in media_types}}, **answers},
        "openapi_extra": {
            "requestBody": {"content": content, "required": True},
            **({"parameters": parameters(query)} if query else {}),
        },
    }


def parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    """The parameters of a URL."""
    fields = schema(query)
    required = fields.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": field}
        for name, field in fields["properties"].items()
    ]


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a model, without references: it stands in the midst of a document."""
    whole = model.model_json_schema()
    parts = whole.pop("$defs", {})

    def resolved(node: Any) -> Any:
        if isinstance(node, list):
            return [resolved(each) for each in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return resolved(parts[node["$ref"].rpartition("/")[2]])
        return {key: resolved(value) for key, value in node.items() if key != "title"}

    made: dict[str, Any] = resolved(whole)
    return made
