"""Hold our requests and replies against Anthropic's official Python client.

    python -m venv VENV && VENV/bin/pip install anthropic
    PIPEWRIGHT_PYTHON=VENV/bin/python cargo test --test model_stream

`check.py DIR` reads what that test leaves in DIR:
- NNN.request.json: a body we sent. It must fit the client's own types, keys
  that these do not know refused.
- NNN.stream and NNN.reply.json: the bytes of an event stream, and what our
  parser reads from them. The client must read the same.
"""
import importlib
import inspect
import json
import pathlib
import pkgutil
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import anthropic
import anthropic.types
import pydantic
from anthropic.types import message_create_params as params
from pydantic import ConfigDict, TypeAdapter
from typing_extensions import is_typeddict


def refuse_unknown_keys() -> int:
    """Close the client's types, those of replies too, which requests may hold."""
    kinds = {
        kind
        for module in pkgutil.iter_modules(anthropic.types.__path__, "anthropic.types.")
        if not module.ispkg  # previews of other features
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
    }
    models = [kind for kind in kinds if issubclass(kind, pydantic.BaseModel)]
    for model in models:
        model.model_config["extra"] = "forbid"
    for model in models:
        model.model_rebuild(force=True)
    dictionaries = [kind for kind in kinds if is_typeddict(kind)]
    for kind in dictionaries:
        # A JSON Schema may hold keys that the client does not name.
        extra = "allow" if kind.__name__ == "InputSchemaTyped" else "forbid"
        kind.__pydantic_config__ = ConfigDict(extra=extra, arbitrary_types_allowed=True)
    return len(dictionaries)


def drain(value: object) -> None:
    """Walk to the end: what is behind an Iterable is checked only then."""
    if isinstance(value, dict):
        for part in value.values():
            drain(part)
    elif not isinstance(value, (str, bytes)) and hasattr(value, "__iter__"):
        for part in value:
            drain(part)


def refuses(kind: TypeAdapter, body: dict) -> bool:
    try:
        drain(kind.validate_python(body))
    except ValueError:
        return True
    return False


def read(stream: bytes) -> dict:
    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            self.wfile.write(stream)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.handle_request, daemon=True).start()
    client = anthropic.Anthropic(
        api_key="none", base_url=f"http://127.0.0.1:{server.server_port}", max_retries=0
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
    assert refuse_unknown_keys() > 50, "the client's types were not found"
    plain = TypeAdapter(params.MessageCreateParamsNonStreaming)
    streaming = TypeAdapter(params.MessageCreateParamsStreaming)
    requests = 0
    for path in sorted(folder.glob("*.request.json")):
        body = json.loads(path.read_bytes())
        kind = streaming if body.get("stream") else plain
        drain(kind.validate_python(body))
        assert refuses(kind, {**body, "speling": 1}), "an unknown key passed"
        turn = {"role": "user", "content": [{"type": "text", "text": "a", "speling": 1}]}
        assert refuses(kind, {**body, "messages": [turn]}), "an unknown key passed deep inside"
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
