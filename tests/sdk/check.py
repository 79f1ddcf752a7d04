"""Hold our requests and replies against Anthropic's official Python client.

    python -m venv VENV && VENV/bin/pip install anthropic
    PIPEWRIGHT_PYTHON=VENV/bin/python cargo test --test model_stream

`check.py DIR` reads what that test leaves in DIR:
- NNN.request.json: a body we sent. It must fit the client's own types, keys
  that these do not know refused.
- NNN.stream and NNN.reply.json: the bytes of an event stream, and what our
  parser reads from them. The client must read the same.
"""
import inspect
import json
import pathlib
import pkgutil
import sys
import importlib

import anthropic
import anthropic.types
import httpx
from anthropic.types import message_create_params as params
from pydantic import ConfigDict, TypeAdapter
from typing_extensions import is_typeddict


def refuse_unknown_keys() -> int:
    closed = 0
    for module in pkgutil.walk_packages(anthropic.types.__path__, "anthropic.types."):
        for _, kind in inspect.getmembers(importlib.import_module(module.name), is_typeddict):
            # A JSON Schema may hold keys that the client does not name.
            if kind.__name__ != "InputSchemaTyped":
                kind.__pydantic_config__ = ConfigDict(extra="forbid")
                closed += 1
    return closed


def read(stream: bytes) -> dict:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=stream)

    client = anthropic.Anthropic(
        api_key="none",
        base_url="http://127.0.0.1:9",
        max_retries=0,
        http_client=httpx.Client(transport=httpx.MockTransport(answer)),
    )
    with client.messages.stream(
        model="any", max_tokens=1, messages=[{"role": "user", "content": "any"}]
    ) as events:
        message = events.get_final_message()
    usage = message.usage
    cached = usage.cache_read_input_tokens or 0
    return {
        "content": [block.to_dict() for block in message.content],
        "stop_reason": message.stop_reason,
        "input_tokens": usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0),
        "cached_tokens": cached,
        "output_tokens": usage.output_tokens,
    }


def main(folder: pathlib.Path) -> None:
    assert refuse_unknown_keys() > 100, "the client's types were not found"
    plain = TypeAdapter(params.MessageCreateParamsNonStreaming)
    streaming = TypeAdapter(params.MessageCreateParamsStreaming)
    requests = 0
    for path in sorted(folder.glob("*.request.json")):
        body = json.loads(path.read_bytes())
        kind = streaming if body.get("stream") else plain
        kind.validate_python(body)
        try:
            kind.validate_python({**body, "speling": 1})
        except ValueError:
            pass
        else:
            raise AssertionError("an unknown key passed")
        requests += 1
    replies = 0
    for path in sorted(folder.glob("*.stream")):
        ours = json.loads(path.with_suffix(".reply.json").read_bytes())
        theirs = read(path.read_bytes())
        assert ours == theirs, f"{path.name}\nours:   {ours}\ntheirs: {theirs}"
        replies += 1
    print(f"{requests} requests accepted, {replies} replies equal (anthropic {anthropic.__version__})")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
