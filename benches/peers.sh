#!/usr/bin/env bash
# pipewright beside PR-Agent and the floor, in one run; see README.md.
#   benches/peers.sh CLONE [RUNS]
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
clone=${1:?usage: benches/peers.sh CLONE-OF-PROMETHEUS [RUNS]}
shared=${PIPEWRIGHT_SHARED:-$here/../shared}
export PEERS=${PEERS:?name the folder with pr-agent in PEERS}
[ -d "$shared/tools/peer-bench" ] || { echo "SKIPPED: no peer-bench in $shared" >&2; exit 0; }
work=${BENCH_WORK:-$here/target/peer-bench}
binary=$here/target/release/pipewright
[ -x "$binary" ] || (cd "$here" && cargo build --release)

if [ ! -d "$work/data" ]; then
    mkdir -p "$work"
    cp -r "$shared/tools/peer-bench/." "$work/"
    chmod -R u+w "$work"
    (cd "$work" && python3 gen_data.py "$clone")
fi
# An answer as a model gives it: through the tool, with nothing to say.
printf '%s' '[{"tool":"report_findings","input":{"summary":"A change.","findings":[]}}]' >"$work/answer.json"

# The commands start with an environment of their own.
export BENCH_ENV_PEERS=$PEERS
export BENCH_RUNS=${2:-5} STUB_GH_LATENCY_MS=${LATENCY_MS:-0}
cd "$work"
./run_bench.sh floor "$work/peers/floor.py" >/dev/null
STUB_SCRIPT=$work/answer.json ./run_bench.sh pipewright "$binary" review >/dev/null
./run_bench.sh pr-agent "$work/peers/pr-agent.sh" review >/dev/null
python3 - <<'PYTHON'
import json
read = lambda name: json.load(open(f"results/{name}/summary.json"))
floor, ours, peer = read("floor"), read("pipewright"), read("pr-agent")
print(f"{'':8} {'':14} {'floor':>9} {'pipewright':>11} {'pr-agent':>9} {'peer/ours':>10} {'ours/floor':>11}")
for size in ours:
    for key in ("wall_s", "cpu_s", "maxrss_mb", "gh_calls", "llm_calls", "line_cov"):
        f, o, p = (x.get(size, {}).get(key) for x in (floor, ours, peer))
        ratio = lambda a, b: f"{a / b:.1f}" if a and b else "-"
        print(f"{size:8} {key:14} {f!s:>9} {o!s:>11} {p!s:>9} {ratio(p, o):>10} {ratio(o, f):>11}")
PYTHON
for size in small medium large; do
    report=results/pipewright/$size/run0/stdout
    [ -f "$report" ] && python3 - "$report" "$size" <<'PYTHON'
import json, sys, collections
report = json.load(open(sys.argv[1]))
coverage = report["coverage"]
skipped = collections.Counter(entry["reason"] for entry in coverage["skipped"])
print(f"{sys.argv[2]}: {coverage['lines_reviewed']} of {coverage['lines']} changed lines, "
      f"{coverage['files_reviewed']} of {coverage['files']} files; skipped {dict(skipped)}; "
      f"${report['usage']['cost_usd']:.2f}")
PYTHON
done
