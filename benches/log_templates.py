#!/usr/bin/env python3
"""Grouping accuracy and speed of our log templates beside Drain3's, in one run.

    benches/log_templates.py LOGHUB EXAMPLE [--corrected LOGHUB2] [--show SET]

LOGHUB is a checkout of logpai/loghub, EXAMPLE the built example `log_templates`
(`cargo build --release --example log_templates`). Drain3 and pandas are imported where
they can be; without Drain3 only ours is measured. `--corrected` takes a checkout of
logpai/loghub-2.0, whose `2k_dataset` has corrected templates of 14 of the 16 sets.

A message counts as right only if its group holds exactly the messages of its true
template (Zhu et al., "Tools and Benchmarks for Automated Log Parsing", ICSE-SEIP 2019).
Every parser is given the column `Content` of each set, as in that paper.
"""

import argparse
import csv
import pathlib
import re
import subprocess
import sys
import time
from collections import defaultdict

SETS = (
    "HDFS Hadoop Spark Zookeeper BGL HPC Thunderbird Windows Linux Android HealthApp Apache "
    "Proxifier OpenSSH OpenStack Mac"
).split()

# The masking that Drain3's README and example configuration show.
README_MASKS = [
    (r"((?<=[^A-Za-z0-9])|^)(([0-9a-f]{2,}:){3,}([0-9a-f]{2,}))((?=[^A-Za-z0-9])|$)", "ID"),
    (r"((?<=[^A-Za-z0-9])|^)(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})((?=[^A-Za-z0-9])|$)", "IP"),
    (r"((?<=[^A-Za-z0-9])|^)([0-9a-f]{6,} ?){3,}((?=[^A-Za-z0-9])|$)", "SEQ"),
    (r"((?<=[^A-Za-z0-9])|^)([0-9A-F]{4} ?){4,}((?=[^A-Za-z0-9])|$)", "SEQ"),
    (r"((?<=[^A-Za-z0-9])|^)(0x[a-f0-9A-F]+)((?=[^A-Za-z0-9])|$)", "HEX"),
    (r"((?<=[^A-Za-z0-9])|^)([\-\+]?\d+)((?=[^A-Za-z0-9])|$)", "NUM"),
    (r"(?<=executed cmd )(\".+?\")", "CMD"),
]

# Per set: regexes, similarity, depth, as published with the benchmark (logpai/logparser).
PUBLISHED = {
    "HDFS": ([r"blk_-?\d+", r"(\d+\.){3}\d+(:\d+)?"], 0.5, 4),
    "Hadoop": ([r"(\d+\.){3}\d+"], 0.5, 4),
    "Spark": ([r"(\d+\.){3}\d+", r"\b[KGTM]?B\b", r"([\w-]+\.){2,}[\w-]+"], 0.5, 4),
    "Zookeeper": ([r"(/|)(\d+\.){3}\d+(:\d+)?"], 0.5, 4),
    "BGL": ([r"core\.\d+"], 0.5, 4),
    "HPC": ([r"=\d+"], 0.5, 4),
    "Thunderbird": ([r"(\d+\.){3}\d+"], 0.5, 4),
    "Windows": ([r"0x.*?\s"], 0.7, 5),
    "Linux": ([r"(\d+\.){3}\d+", r"\d{2}:\d{2}:\d{2}"], 0.39, 6),
    "Android": (
        [r"(/[\w-]+)+", r"([\w-]+\.){2,}[\w-]+",
         r"\b(\-?\+?\d+)\b|\b0[Xx][a-fA-F\d]+\b|\b[a-fA-F\d]{4,}\b"], 0.2, 6),
    "HealthApp": ([], 0.2, 4),
    "Apache": ([r"(\d+\.){3}\d+"], 0.5, 4),
    "Proxifier": (
        [r"<\d+\ssec", r"([\w-]+\.)+[\w-]+(:\d+)?", r"\d{2}:\d{2}(:\d{2})*", r"[KGTM]B"], 0.6, 3),
    "OpenSSH": ([r"(\d+\.){3}\d+", r"([\w-]+\.){2,}[\w-]+"], 0.6, 5),
    "OpenStack": ([r"((\d+\.){3}\d+,?)+", r"/.+?\s", r"\d+"], 0.5, 5),
    "Mac": ([r"([\w-]+\.){2,}[\w-]+"], 0.7, 6),
}


def rows(path):
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        return list(csv.DictReader(file))


def accuracy(found, true):
    """The share of messages whose group is exactly their true template's."""
    groups, templates = defaultdict(set), defaultdict(set)
    for index, (group, template) in enumerate(zip(found, true, strict=True)):
        groups[group].add(index)
        templates[template].add(index)
    right = sum(
        1 for group, template in zip(found, true) if groups[group] == templates[template]
    )
    return right / len(true)


def ours(example, lines):
    """Template ids by our miner, and the seconds it took without start and output."""
    text = "".join(line.replace("\n", " ") + "\n" for line in lines)
    run = subprocess.run([example, "templates"], input=text, capture_output=True, text=True, check=True)
    ids = run.stdout.split()
    return ids, float(re.search(r"([\d.]+) s$", run.stderr, re.M)[1])


def drain3(lines, masks=(), similarity=0.4, depth=4, published=False):
    """Template ids by Drain3, and the seconds it took."""
    from drain3 import TemplateMiner
    from drain3.masking import MaskingInstruction
    from drain3.template_miner_config import TemplateMinerConfig

    config = TemplateMinerConfig()
    config.drain_sim_th = similarity
    config.drain_depth = depth
    config.masking_instructions = [MaskingInstruction(pattern, mask) for pattern, mask in masks]
    if published:
        # The benchmark puts `<*>` in, which its Drain takes for a changing part.
        config.mask_prefix, config.mask_suffix = "<", ">"
    miner = TemplateMiner(config=config)
    start = time.perf_counter()
    ids = [miner.add_log_message(line)["cluster_id"] for line in lines]
    return ids, time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("loghub", type=pathlib.Path)
    parser.add_argument("example")
    parser.add_argument("--corrected", type=pathlib.Path)
    parser.add_argument("--show", help="what is grouped wrongly in this set")
    parser.add_argument("--raw", action="store_true", help="whole lines, heads and all")
    parser.add_argument("--repeat", type=int, default=50, help="of each set, for speed")
    arguments = parser.parse_args()
    try:
        import drain3 as _  # noqa: F401
        peers = True
    except ImportError:
        peers = False
        print("SKIPPED: drain3 is not installed, only ours is measured", file=sys.stderr)

    table, corrected, everything = [], [], []
    for name in SETS:
        path = arguments.loghub / name / f"{name}_2k.log_structured.csv"
        data = rows(path)
        lines, true = [row["Content"] for row in data], [row["EventId"] for row in data]
        if arguments.raw:
            text = (arguments.loghub / name / f"{name}_2k.log").read_bytes().decode(errors="replace")
            lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
        everything.extend(lines)
        found = {"ours": ours(arguments.example, lines)[0]}
        if arguments.show == name:
            show(lines, true, found["ours"], data)
            return
        if peers:
            found["Drain3"] = drain3(lines)[0]
            found["README's masks"] = drain3(lines, README_MASKS)[0]
            masks, similarity, depth = PUBLISHED[name]
            masks = [(mask, "*") for mask in masks]
            found["per set"] = drain3(lines, masks, similarity, depth, published=True)[0]
        table.append((name, {key: accuracy(ids, true) for key, ids in found.items()}))
        if arguments.corrected:
            path = arguments.corrected / "2k_dataset" / name / f"{name}_2k.log_structured_corrected.csv"
            if path.exists():
                true = [row["EventTemplate"] for row in rows(path)]
                corrected.append((name, {key: accuracy(ids, true) for key, ids in found.items()}))
    for title, figures in (("published templates", table), ("corrected templates", corrected)):
        if figures:
            report(title, figures)
    lines = everything * arguments.repeat
    seconds = ours(arguments.example, lines)[1]
    print(f"\nspeed, {len(lines)} lines: ours {len(lines) / seconds:,.0f} lines/s", end="")
    if peers:
        for title, masks in (("Drain3", ()), ("README's masks", README_MASKS)):
            few = everything
            took = drain3(few, masks)[1]
            ratio = (len(lines) / seconds) / (len(few) / took)
            print(f", {title} {len(few) / took:,.0f} lines/s (ours {ratio:.0f} times as fast)", end="")
    print()


def report(title, figures):
    keys = list(figures[0][1])
    print(f"\ngrouping accuracy, {title}\n{'':<12}" + "".join(f"{key:>16}" for key in keys))
    for name, values in figures:
        print(f"{name:<12}" + "".join(f"{values[key]:>16.4f}" for key in keys))
    means = {key: sum(values[key] for _, values in figures) / len(figures) for key in keys}
    print(f"{'average':<12}" + "".join(f"{means[key]:>16.4f}" for key in keys))


def show(lines, true, found, data):
    """What went wrong: true templates that were split or joined."""
    groups, templates = defaultdict(set), defaultdict(set)
    for index, (group, template) in enumerate(zip(found, true)):
        groups[group].add(index)
        templates[template].add(index)
    text = {row["EventId"]: row["EventTemplate"] for row in data}
    for template, members in sorted(templates.items(), key=lambda item: -len(item[1])):
        parts = {found[index] for index in members}
        joined = {true[index] for part in parts for index in groups[part]}
        if len(parts) == 1 and len(joined) == 1:
            continue
        print(f"{len(members)} {template} {text[template]}")
        for part in list(parts)[:3]:
            print(f"      in {part} ({len(groups[part])}): {lines[min(groups[part] & members)][:150]}")
        for other in sorted(joined - {template})[:2]:
            print(f"      with {other} {text[other][:150]}")


if __name__ == "__main__":
    main()
