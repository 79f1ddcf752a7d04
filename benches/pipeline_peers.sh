#!/usr/bin/env bash
# `pipewright pipeline` beside zizmor and pipeline-check on the same workflows, on every
# real pipeline file at once, and on large files; see README.md.
#   PEERS=FOLDER benches/pipeline_peers.sh [RUNS]
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
data=${PIPEWRIGHT_SHARED:-$here/../shared}/data/pipelines
peers=${PEERS:?name the folder with zizmor and pipeline-check in PEERS}
[ -d "$data" ] || { echo "SKIPPED: no $data" >&2; exit 0; }
binary=${PIPEWRIGHT:-$here/target/release/pipewright}
[ -x "$binary" ] || (cd "$here" && cargo build --release)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 "$here/benches/pipeline_files.py" "$work/large" >"$work/large.txt"
python3 - "$binary" "$peers" "$data" "$work" "${1:-7}" <<'PYTHON'
import json, os, re, shutil, statistics, subprocess, sys, time

binary, peers, data, work, runs = sys.argv[1:5] + [int(sys.argv[5])]
env = {"PATH": os.environ["PATH"], "HOME": work, "NO_COLOR": "1"}


def measure(command, folder, out=None):
    """Wall and CPU seconds, and the largest resident set in MB, of one finished process."""
    said = out + ".err" if out else os.devnull
    with open(out or os.devnull, "wb") as stdout, open(said, "wb") as stderr:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=stdout, stderr=stderr)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, process.returncode


def stage():
    """Every file where its platform looks for it; workflows once more by themselves."""
    place = {
        "github": ".github/workflows/{}.yml", "gitlab": "ci/{}.gitlab-ci.yml", "azure": "azure-pipelines-{}.yml",
        "jenkins": "Jenkinsfile.{}", "bitbucket": "bitbucket-pipelines-{}.yml", "harness": ".harness/{}.yaml",
    }
    for platform, pattern in place.items():
        for name in sorted(os.listdir(os.path.join(data, platform))):
            stem = name.split(".")[0]
            for top in ("all",) + (("workflows",) if platform == "github" else ()):
                target = os.path.join(work, top, pattern.format(stem))
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copyfile(os.path.join(data, platform, name), target)
    for top in ("all", "workflows"):
        os.makedirs(os.path.join(work, top, ".git"), exist_ok=True)


def files(top):
    found = []
    for folder, names, leaves in os.walk(os.path.join(work, top)):
        names[:] = sorted(name for name in names if name != ".git")
        found += [os.path.relpath(os.path.join(folder, leaf), os.path.join(work, top)) for leaf in leaves]
    return sorted(found)


def read_by(name, out):
    """How many files a tool says it read, and how many it says it did not."""
    said = open(out + ".err", errors="replace").read()
    said = re.sub(r"\x1b\[[0-9;]*m", "", said)
    if name == "pipewright":
        states = [file["status"] for file in json.load(open(out))["files"]]
        return states.count("read"), len(states) - states.count("read")
    if name == "zizmor":
        return len(re.findall(r"completed ", said)), len(re.findall(r"failed to (?:validate|load|parse)", said))
    found = re.search(r"scanned (\d+) file", said)
    return int(found.group(1)) if found else 0, len(re.findall(r"skipp|could not parse", said))


def rounds(commands, folder):
    """Interleaved runs after one that is not counted; medians by tool."""
    figures = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            took = measure(command, folder, os.path.join(work, name + ".out"))
            if turn:
                figures[name].append(took)
    return {name: [statistics.median(column) for column in zip(*took)][:3] for name, took in figures.items()}


stage()
workflows, every = files("workflows"), files("all")
commands = {
    "pipewright": [binary, "pipeline", "check", "--format", "json", *workflows],
    "zizmor": [os.path.join(peers, "zizmor"), "--offline", "--no-progress", "--no-exit-codes", "--format", "json", *workflows],
    "pipeline-check": [os.path.join(peers, "pipeline-check"), "--pipeline", "github", "--gha-path", ".github/workflows", "--output", "json"],
}
medians = rounds(commands, os.path.join(work, "workflows"))
print(f"{len(workflows)} GitHub files, medians of {runs}")
print(f"{'':16}{'read':>6}{'not':>5}{'wall s':>9}{'CPU s':>9}{'MB':>8}{'wall':>8}{'CPU':>8}{'memory':>8}   of ours")
ours = medians["pipewright"]
for name, figures in medians.items():
    read, unread = read_by(name, os.path.join(work, name + ".out"))
    ratio = [theirs / mine for theirs, mine in zip(figures, ours)]
    print(f"{name:16}{read:6}{unread:5}{figures[0]:9.3f}{figures[1]:9.3f}{figures[2]:8.0f}" + "".join(f"{one:8.1f}" for one in ratio))

print(f"\n{len(every)} files of six platforms, medians of {runs}")
print(f"{'':16}{'read':>6}{'not':>5}{'wall s':>9}{'CPU s':>9}{'MB':>8}")
for verb in ("check", "optimize"):
    command = [binary, "pipeline", verb, "--format", "json", *every]
    figures = rounds({"pipewright": command}, os.path.join(work, "all"))["pipewright"]
    read, unread = read_by("pipewright", os.path.join(work, "pipewright.out"))
    print(f"{verb:16}{read:6}{unread:5}{figures[0]:9.3f}{figures[1]:9.3f}{figures[2]:8.0f}")

print(f"\nLarge files, medians of 3")
print(f"{'':22}{'lines':>7}{'check s':>9}{'MB':>6}{'svg s':>9}{'MB':>6}{'optimize s':>12}{'MB':>6}")
for path in open(os.path.join(work, "large.txt")).read().split():
    shape, platform = os.path.relpath(path, os.path.join(work, "large")).split(os.sep)[:2]
    folder = os.path.join(work, "large", shape, platform)
    line = f"{shape + ' ' + platform:22}{sum(1 for _ in open(path)):7}"
    for arguments, width in ((["check"], 9), (["graph", "--as", "svg"], 9), (["optimize"], 12)):
        took = [measure([binary, "pipeline", *arguments, os.path.relpath(path, folder)], folder) for _ in range(3)]
        wall, _, memory, code = (statistics.median(column) for column in zip(*took))
        failed = "" if code in (0, 1) else "!"
        line += f"{failed + format(wall, '.2f'):>{width}}{memory:6.0f}"
    print(line, flush=True)
PYTHON
