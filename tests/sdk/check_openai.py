#!/usr/bin/env python3
"""Holds requests and streams to OpenAI's own client (`pip install openai`).

check_openai.py DIR reads, in DIR:

  NNN.chat.json        body of a chat-completions request
  NNN.responses.json   body of a /responses request
  NNN.stream           a chat-completions event stream
  NNN.reply.json       what we made of it: text, calls, finish, usage

Requests are compared with the client's parameter types, key by key and value by
value; unknown keys are wrong. Streams are put together by the client's own
accumulator.
"""
import collections.abc
import json
import pathlib
import sys
import types
import typing

import typing_extensions
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming


REQUIRED = (typing_extensions.Required, getattr(typing, "Required", typing_extensions.Required))


def unwrapped(hint):
    """The hint without Required, NotRequired, Annotated and aliases."""
    while True:
        origin = typing.get_origin(hint)
        if origin in (typing_extensions.Required, typing_extensions.NotRequired, typing.Annotated,
                      getattr(typing, "Required", None), getattr(typing, "NotRequired", None)):
            hint = typing.get_args(hint)[0]
        elif hasattr(hint, "__value__"):
            hint = hint.__value__
        else:
            return hint


def problem(value, hint, at):
    """What is wrong with a value, or None."""
    hint = unwrapped(hint)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint in (typing.Any, object):
        return None
    if hint is None or hint is type(None):
        return None if value is None else f"{at}: not null"
    if origin in (typing.Union, types.UnionType):
        found = [problem(value, one, at) for one in args]
        if None in found:
            return None
        # The one that came furthest is the one that was meant.
        return max(found, key=lambda text: len(text.split(":")[0]))
    if origin is typing.Literal:
        return None if value in args else f"{at}: {value!r} is none of {args}"
    if origin in (list, collections.abc.Iterable, collections.abc.Sequence, tuple):
        if not isinstance(value, list):
            return f"{at}: no list"
        found = (problem(one, args[0], f"{at}/{index}") for index, one in enumerate(value))
        return next((text for text in found if text), None)
    if origin in (dict, collections.abc.Mapping):
        return None if isinstance(value, dict) else f"{at}: no object"
    if typing_extensions.is_typeddict(hint):
        if not isinstance(value, dict):
            return f"{at}: no object"
        hints = typing_extensions.get_type_hints(hint, include_extras=True)
        for key in value:
            if key not in hints:
                return f"{at}/{key}: unknown key of {hint.__name__}"
        # Not __required_keys__: with postponed annotations it is empty.
        for key, of in hints.items():
            if typing.get_origin(of) in REQUIRED and key not in value:
                return f"{at}/{key}: missing from {hint.__name__}"
        found = (problem(one, hints[key], f"{at}/{key}") for key, one in value.items())
        return next((text for text in found if text), None)
    if hint is float:
        return None if isinstance(value, (int, float)) else f"{at}: no number"
    if isinstance(hint, type):
        is_bool = isinstance(value, bool) and hint is not bool
        return None if isinstance(value, hint) and not is_bool else f"{at}: no {hint.__name__}"
    return f"{at}: {hint} is not known to this check"


def read(stream):
    """The reply that the client's accumulator makes of a stream."""
    state = ChatCompletionStreamState()
    for line in stream.decode().splitlines():
        if line.startswith("data: ") and line != "data: [DONE]":
            state.handle_chunk(ChatCompletionChunk.model_validate_json(line[6:]))
    final = state.current_completion_snapshot
    choice = final.choices[0]
    calls = [[call.id, call.function.name, json.loads(call.function.arguments)]
             for call in choice.message.tool_calls or []]
    usage = final.usage
    return {"text": choice.message.content or "", "calls": calls, "finish": choice.finish_reason,
            "usage": [usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens,
                      usage.completion_tokens]}


def main():
    folder = pathlib.Path(sys.argv[1])
    wrong, counts = [], {"chat": 0, "responses": 0, "replies": 0}
    for path in sorted(folder.iterdir()):
        kind = path.name.split(".")[1]
        if kind == "chat":
            body = json.loads(path.read_bytes())
            params = CompletionCreateParamsStreaming if body.get("stream") else CompletionCreateParamsNonStreaming
        elif kind == "responses":
            body = json.loads(path.read_bytes())
            params = ResponseCreateParamsStreaming if body.get("stream") else ResponseCreateParamsNonStreaming
        elif kind == "stream":
            ours = json.loads(path.with_suffix(".reply.json").read_bytes())
            theirs = read(path.read_bytes())
            counts["replies"] += 1
            if ours != theirs:
                wrong.append(f"{path.name}: we read {ours}, the client {theirs}")
            continue
        else:
            continue
        counts[kind] += 1
        text = problem(body, params, "")
        if text:
            wrong.append(f"{path.name}: {text}")
        # A check that cannot fail checks nothing.
        for bad in ({**body, "speling": 1}, {**body, "model": 7}, {**body, "tool_choice": "sometimes"},
                    {key: value for key, value in body.items() if key != "messages" or kind != "chat"}):
            if bad != body and not problem(bad, params, ""):
                wrong.append(f"{path.name}: the check takes {bad.keys() - body.keys() or 'a bad value'}")
    for text in wrong[:20]:
        print(text)
    print(f"{counts['chat']} chat and {counts['responses']} responses requests accepted, "
          f"{counts['replies']} replies equal" if not wrong else f"{len(wrong)} wrong")
    sys.exit(1 if wrong else 0)


main()
