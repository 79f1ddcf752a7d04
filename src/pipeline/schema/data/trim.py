#!/usr/bin/env python3
"""Makes the embedded schemas of this folder from their sources (NOTICE.md).

    trim.py SOURCE.json NAME      writes NAME.json.gz beside this script

What no validator reads goes: descriptions, examples, titles, defaults, remarks of
editors. Azure's several hundred tasks become a table of their inputs of their own
(`azure-tasks.json.gz`): as branches of one `anyOf`, every step of every file would
be held against all of them.
"""
import gzip
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
DROP = {
    "$id", "$comment", "title", "description", "desc", "markdownDescription",
    "default", "example", "examples", "deprecationMessage", "doNotSuggest",
    "enumDescriptions", "markdownEnumDescriptions", "firstProperty", "ignoreCase",
    "metadata", "inputProperties", "internalType", "discriminator", "aliases",
}
NAMES = {"properties", "patternProperties", "definitions", "dependencies"}


def trim(node, names=False):
    """The node without what no validator reads; `names`: its keys are names."""
    if isinstance(node, dict):
        if not names and "firstProperty" in node:
            # Azure tells steps, jobs and stages by their first key.
            needed = node.get("required", [])
            node = node | {"required": needed + [key for key in node["firstProperty"] if key not in needed]}
        return {
            key: trim(value, not names and key in NAMES)
            for key, value in node.items()
            if names or key not in DROP
        }
    if isinstance(node, list):
        return [trim(value) for value in node]
    return node


def defined(node):
    """The definitions, whatever folders they are sorted into, are names throughout."""
    if isinstance(node, dict) and not node.keys() & {"type", "$ref", "anyOf", "oneOf", "allOf", "properties"}:
        return {key: defined(value) for key, value in node.items()}
    return trim(node)


def tasks(schema):
    """Takes Azure's tasks out: `{task: [input]}`, aliases included."""
    task = schema["definitions"]["task"]
    table = {}
    for branch in task.pop("anyOf"):
        name = branch["properties"]["task"]["pattern"].strip("^$")
        inputs = table.setdefault(name, [])
        for key, value in branch["properties"].get("inputs", {}).get("properties", {}).items():
            inputs += [name for name in [key, *value.get("aliases", [])] if name not in inputs]
    text = {"type": "string"}
    task["properties"] = {key: text for key in task["properties"]} | {
        "inputs": {"type": "object"}, "env": {"type": "object"}, "target": {"$ref": "#/definitions/stepTarget"},
        "continueOnError": {"$ref": "#/definitions/boolean"},
    }
    task["required"] = ["task"]
    return table


def mend(schema, name):
    """What the service takes and its schema does not."""
    if name == "github-workflow":
        # A strategy without a matrix is allowed.
        schema["definitions"]["normalJob"]["properties"]["strategy"].pop("required", None)
        schema["definitions"]["reusableWorkflowCallJob"]["properties"]["strategy"].pop("required", None)


def write(name, value):
    text = json.dumps(value, separators=(",", ":")).encode()
    (HERE / f"{name}.json.gz").write_bytes(gzip.compress(text, 9, mtime=0))


def main(source, name):
    schema = json.loads(pathlib.Path(source).read_text())
    if name == "azure-pipelines":
        write("azure-tasks", tasks(schema))
    mend(schema, name)
    definitions = defined(schema.pop("definitions", {}))
    schema = trim(schema)
    schema["definitions"] = definitions
    write(name, schema)


if __name__ == "__main__":
    main(*sys.argv[1:3])
