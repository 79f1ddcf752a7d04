#!/usr/bin/env bash
# From the start of the process to its first request on the wire, in milliseconds:
# a pull request's event, a listener that never answers. Median of 11 runs.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
python3 - "$here/target/release/pipewright" <<'PYTHON'
import json, os, socket, statistics, subprocess, sys, tempfile, time

repo = {"id": 1, "name": "r", "full_name": "o/r", "default_branch": "main", "owner": {"login": "o"}}
side = lambda sha: {"ref": "b", "sha": sha * 40, "repo": repo}
pull = {"number": 1, "state": "open", "draft": False, "title": "t", "body": "", "user": {"login": "u"},
        "head": side("a"), "base": side("b"), "changed_files": 1, "commits": 1}
event = {"action": "opened", "number": 1, "pull_request": pull, "repository": repo, "sender": {"login": "u"}}
times = []
for _ in range(11):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "event.json")
        with open(path, "w") as file:
            json.dump(event, file)
        server = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        env = {"GITHUB_ACTIONS": "true", "CI": "true", "GITHUB_EVENT_NAME": "pull_request",
               "GITHUB_EVENT_PATH": path, "GITHUB_API_URL": url, "GITHUB_REPOSITORY": "o/r",
               "GITHUB_TOKEN": "t" * 20, "GITHUB_WORKSPACE": folder, "ANTHROPIC_API_KEY": "k" * 20}
        start = time.perf_counter()
        process = subprocess.Popen([sys.argv[1]], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        connection, _ = server.accept()
        connection.recv(1)
        times.append((time.perf_counter() - start) * 1e3)
        process.kill()
        process.wait()
        connection.close()
        server.close()
print(f"first request after {statistics.median(times):.1f} ms (min {min(times):.1f}, max {max(times):.1f})")
PYTHON
