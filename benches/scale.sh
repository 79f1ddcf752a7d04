#!/usr/bin/env bash
# How a large change is read: requests, tokens, share from the cache, wall time; see README.md.
#   benches/scale.sh CHECKOUT BASE LATENCY [ARGUMENTS OF review…]
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
checkout=${1:?usage: benches/scale.sh CHECKOUT BASE LATENCY [ARGUMENTS…]}
base=${2:?name the base revision}
latency=${3:?name the seconds that an answer takes}
shift 3
binary=${PIPEWRIGHT:-$here/target/release/pipewright}
work=$(mktemp -d)
python3 "$here/benches/model_server.py" "$work/port" "$work/log" "$latency" findings &
server=$!
trap 'kill $server; rm -rf "$work"' EXIT
for _ in $(seq 50); do [ -s "$work/port" ] && break; sleep .1; done
cd "$checkout"
started=$(date +%s.%N)
env -i PATH=/usr/bin:/bin HOME="$work" ANTHROPIC_API_KEY=a-key-for-loopback \
    ANTHROPIC_BASE_URL="http://127.0.0.1:$(cat "$work/port")" \
    "$binary" review --base "$base" --head HEAD --format json --fail-on none "$@" \
    >"$work/result.json" 2>"$work/err" || { cat "$work/err" >&2; exit 1; }
ended=$(date +%s.%N)
python3 - "$work" "$latency" "$started" "$ended" <<'PYTHON'
import collections, json, sys
work, latency, started, ended = sys.argv[1], *map(float, sys.argv[2:])
report = json.load(open(f"{work}/result.json"))
log = [json.loads(line) for line in open(f"{work}/log")]
usage, coverage = report["usage"], report["coverage"]
kinds = collections.Counter(line["kind"] for line in log)
chain = len(kinds) * latency
print(f"{coverage['lines_reviewed']} of {coverage['lines']} changed lines, {len(report['findings'])} findings")
print(f"requests {usage['requests']} {dict(kinds)}, at most {max(line['peak'] for line in log)} at a time")
print(f"input {usage['input_tokens']:,} tokens, {100 * usage['cached_tokens'] / usage['input_tokens']:.1f}% from the cache, "
      f"output {usage['output_tokens']:,}, ${usage['cost_usd']:.2f}")
print(f"wall {ended - started:.1f} s; longest chain of answers {chain:.0f} s; ratio {(ended - started) / chain if chain else 0:.2f}")
for note in report.get("notes", []):
    print("note:", note)
PYTHON
