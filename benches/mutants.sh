#!/usr/bin/env bash
# Mutants per minute of `pipewright tests` beside cargo-mutants on the same change, and
# what both add to the project's own build and test time; see README.md.
#   PEERS=FOLDER benches/mutants.sh CHECKOUT BASE [RUNS]
# For a project of another kind, what ours adds alone:
#   COMMAND="python3 -m pytest -q" benches/mutants.sh CHECKOUT BASE [RUNS]
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
checkout=$(cd "${1:?name a checkout with the change}" && pwd)
base=${2:?name the revision that the change starts from}
binary=${PIPEWRIGHT:-$here/target/release/pipewright}
[ -x "$binary" ] || (cd "$here" && cargo build --release)
if [ -e "$checkout/Cargo.toml" ]; then : "${PEERS:?name the folder with cargo-mutants in PEERS}"; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 - "$binary" "${PEERS:-}" "$checkout" "$base" "$work" "${3:-3}" "${INCLUDE:-src/**}" "${COMMAND:-}" <<'PYTHON'
import collections, json, os, shutil, statistics, subprocess, sys, time

binary, peers, checkout, base, work, runs, include, command = sys.argv[1:]
runs = int(runs)
# Neither tool gets the other's build folder, nor what the terminal has set.
kept = ("PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "PYENV_ROOT", "GOPATH")
env = {name: os.environ[name] for name in kept if name in os.environ}
env |= {"CARGO_TERM_COLOR": "never", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}
env["PATH"] = f"{peers}:{env['PATH']}" if peers else env["PATH"]


def measure(words, folder, out, shell=False):
    """Wall and CPU seconds of one finished process and its children, and its exit code."""
    with open(out, "wb") as stdout, open(out + ".err", "wb") as stderr:
        start = time.perf_counter()
        process = subprocess.Popen(words, cwd=folder, env=env, stdout=stdout, stderr=stderr, shell=shell)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    return wall, used.ru_utime + used.ru_stime, process.returncode


def fresh(name):
    """A clone with nothing built in it."""
    place = os.path.join(work, name)
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run(["git", "clone", "-q", checkout, place], check=True)
    revision = subprocess.check_output(["git", "rev-parse", base + "^{commit}"], cwd=checkout, text=True).strip()
    for lock in ("Cargo.lock",):  # often ignored; both tools work offline
        if os.path.exists(os.path.join(checkout, lock)):
            shutil.copy(os.path.join(checkout, lock), place)
    return place, revision


def ours(place, revision, out):
    words = [binary, "tests", "--model", "offline", "--mutants", "1000", "--base", revision, "--head", "HEAD"]
    words += ["--coverage", "none", "--timeout-minutes", "60", "--include", include, "--format", "json", "--log", "error"]
    words += ["--command", command] if command else []
    wall, cpu, code = measure(words, place, out)
    assert code in (0, 1), open(out + ".err").read()
    told = json.load(open(out))
    counts = [gap["mutants"] for gap in told["gap"]]
    tried, killed = sum(one["tried"] for one in counts), sum(one["killed"] for one in counts)
    unbuilt = sum(one["set_aside"] for one in counts)
    kinds = collections.Counter(life["id"].rsplit(":", 1)[-1].split("#")[0] for one in counts for life in one["survived"])
    return (wall, cpu, tried + unbuilt, killed, tried - killed, unbuilt, 0), kinds, told


def theirs(place, revision, out):
    diff = subprocess.check_output(["git", "diff", revision, "HEAD", "--", ":(glob)" + include], cwd=place)
    patch = out + ".diff"
    open(patch, "wb").write(diff)
    words = ["cargo", "mutants", "--in-diff", patch, "--no-shuffle", "--colors", "never", "-o", out + ".out"]
    wall, cpu, code = measure(words, place, out)
    assert code in (0, 2, 3), open(out + ".err").read()
    told = json.load(open(os.path.join(out + ".out", "mutants.out", "outcomes.json")))
    return (wall, cpu, told["total_mutants"], told["caught"], told["missed"], told["unviable"], told["timeout"])


def own(place):
    """Seconds of the first build, of a build and run after a touch, and of the suite alone."""
    if not os.path.exists(os.path.join(place, "Cargo.toml")):
        suite = [measure(command, place, os.path.join(work, "said"), shell=True)[0] for _ in range(3)]
        return 0.0, statistics.median(suite), statistics.median(suite)
    said = os.path.join(work, "said")
    build = measure(["cargo", "test", "-q", "--no-run"], place, said)[0]
    suite, again = [], []
    for _ in range(3):
        suite.append(measure(["cargo", "test", "-q", "--no-fail-fast"], place, said)[0])
        for name in os.listdir(os.path.join(place, "src")):
            os.utime(os.path.join(place, "src", name))
        again.append(measure(["cargo", "test", "-q", "--no-fail-fast"], place, said)[0])
    return build, statistics.median(again), statistics.median(suite)


figures = {"pipewright": []}
if peers:
    figures["cargo-mutants"] = []
for turn in range(runs):
    place, revision = fresh("ours")
    row, kinds, told = ours(place, revision, os.path.join(work, "ours.json"))
    figures["pipewright"].append(row)
    if peers:
        place, revision = fresh("theirs")
        figures["cargo-mutants"].append(theirs(place, revision, os.path.join(work, f"theirs{turn}")))
medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in figures.items()}
print(f"{told['command']} at {told['head'][:12]} from {told['base'][:12]}, medians of {runs}")
print(f"{'':16}{'mutants':>8}{'killed':>8}{'living':>8}{'unbuilt':>8}{'late':>6}{'wall s':>9}{'CPU s':>9}{'a minute':>10}{'a CPU minute':>14}")
for name, (wall, cpu, total, killed, living, unbuilt, late) in medians.items():
    print(f"{name:16}{total:8.0f}{killed:8.0f}{living:8.0f}{unbuilt:8.0f}{late:6.0f}{wall:9.1f}{cpu:9.1f}{total / wall * 60:10.1f}{total / cpu * 60:14.1f}")
mine = medians["pipewright"]
if peers:
    peer = medians["cargo-mutants"]
    ratios = [(mine[2] / mine[at]) / (peer[2] / peer[at]) for at in (0, 1)]
    print("ratio of mutants: {:.2f} a minute, {:.2f} a CPU minute".format(*ratios))
print("ours that live, by operator: " + ", ".join(f"{name} {count}" for name, count in sorted(kinds.items())))
build, again, suite = own(fresh("own")[0])
print(f"\nthe project's own: first build {build:.2f} s, build and suite after an edit {again:.2f} s, suite {suite:.2f} s")
for name, row in medians.items():
    each = row[0] / row[2] if row[2] else float("nan")
    print(f"{name:16}{each:8.2f} s a mutant, {each / again:.2f} of a build and suite after an edit; all {row[0] / again:.0f} of them")
PYTHON
