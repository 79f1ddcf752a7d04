#!/usr/bin/env python3
"""Large pipeline files of every dialect, the same for the same seed.

    pipeline_files.py FOLDER [SEED]

Writes FOLDER/SHAPE/PLATFORM/FILE for each platform, and prints their paths:
  lines   20,000 lines: some 500 jobs that install, build, test, scan and publish
  graph   2,000 jobs, each after one to three earlier ones where the dialect has such edges,
          else in groups that run side by side
  steps   one job of 20,000 lines of steps
  script  one job whose only script has 20,000 lines
"""
import os
import random
import sys

LINES, JOBS = 20_000, 2_000
WORK = [
    ["npm ci", "npm run build"],
    ["npm ci", "npm test -- --coverage"],
    ["pip install -r requirements.txt", "pytest -q tests"],
    ["mvn -B package", "cp target/app.jar out/app.jar"],
    ["cargo build --release", "cargo test --workspace"],
    ["go build ./...", "go test ./..."],
    ["docker build -t registry.example.com/app{n}:$SHA .", "docker push registry.example.com/app{n}:$SHA"],
    ["trivy image registry.example.com/app{n}:$SHA"],
    ["make -C part{n} all", "echo \"part {n} is built\""],
    ["kubectl apply -f k8s/part{n}.yaml", "kubectl rollout status deployment/part{n}"],
]


def work(rng, number):
    return [line.format(n=number) for line in rng.choice(WORK)]


def script(rng, lines):
    out = []
    while len(out) < lines:
        out += work(rng, len(out)) + [f"if [ -f part{len(out)} ]; then", f"  rm -f part{len(out)}", "fi"]
    return out[:lines]


def block(lines, indent):
    return [" " * indent + line for line in lines]


def earlier(rng, names, number):
    """Up to three of the last hundred jobs."""
    near = names[max(0, number - 100):number]
    return sorted(rng.sample(near, min(len(near), rng.randint(1, 3))))


class Yaml:
    """What the YAML dialects have in common: a head, jobs of steps, until it is long enough."""

    def graph(self, rng, jobs=JOBS):
        names = [f"job_{n}" for n in range(jobs)]
        out = list(self.head)
        for number, name in enumerate(names):
            out += self.job(name, earlier(rng, names, number), [work(rng, number)])
        return out

    def lines(self, rng):
        out, names = list(self.head), []
        while len(out) < LINES:
            number = len(names)
            names.append(f"job_{number}")
            needs = earlier(rng, names, number) if number % 3 else []
            out += self.job(names[-1], needs, [work(rng, number) for _ in range(10)])
        return out

    def steps(self, rng):
        return self.head + self.job("job_0", [], [work(rng, n) for n in range(LINES // self.step_lines)])

    def script(self, rng):
        return self.head + self.job("job_0", [], [script(rng, LINES)])


class GitHub(Yaml):
    path, step_lines = ".github/workflows/ci.yml", 4
    head = ["name: CI", "on:", "  push:", "    branches: [main]", "  pull_request:", "permissions:",
            "  contents: read", "jobs:"]

    def job(self, name, needs, steps):
        out = [f"  {name}:", "    runs-on: ubuntu-latest"]
        out += [f"    needs: [{', '.join(needs)}]"] if needs else []
        out += ["    steps:", "      - uses: actions/checkout@v4"]
        for number, lines in enumerate(steps):
            out += [f"      - name: Step {number}", "        run: |"] + block(lines, 10)
        return out


class GitLab(Yaml):
    path, step_lines = ".gitlab-ci.yml", 2
    head = ["stages: [all]", "default:", "  image: node:22", ""]

    def job(self, name, needs, steps):
        out = [f"{name}:", "  stage: all"]
        out += [f"  needs: [{', '.join(needs)}]"] if needs else []
        out += ["  artifacts:", f"    paths: [out/{name}]", "  script:"]
        for lines in steps:
            out += ["    - |"] + block(lines, 6) if len(lines) > 2 else [f"    - {line}" for line in lines]
        return out + [""]


class Azure(Yaml):
    path, step_lines = "azure-pipelines.yml", 4
    head = ["trigger: [main]", "pool:", "  vmImage: ubuntu-latest", "jobs:"]

    def job(self, name, needs, steps):
        out = [f"  - job: {name}"]
        out += [f"    dependsOn: [{', '.join(needs)}]"] if needs else []
        out += ["    steps:"]
        for number, lines in enumerate(steps):
            out += ["      - script: |"] + block(lines, 10) + [f"        displayName: Step {number}"]
        return out


class Bitbucket(Yaml):
    path, step_lines = "bitbucket-pipelines.yml", 2
    head = ["image: node:22", "pipelines:", "  default:"]

    def job(self, name, needs, steps):
        number = int(name.rpartition("_")[2])
        out = [] if number % 4 else ["    - parallel:"]
        out += ["      - step:", f"          name: {name}", "          script:"]
        for lines in steps:
            out += ["            - |"] + block(lines, 14) if len(lines) > 2 else [f"            - {line}" for line in lines]
        return out


class Harness(Yaml):
    path, step_lines = ".harness/pipeline.yaml", 8
    head = ["pipeline:", "  name: Large", "  identifier: large", "  projectIdentifier: p",
            "  orgIdentifier: default", "  properties:", "    ci:", "      codebase:",
            "        connectorRef: account.git", "        build: <+input>", "  stages:"]

    def job(self, name, needs, steps):
        number = int(name.rpartition("_")[2])
        out = [] if number % 4 else ["    - parallel:"]
        inner = ["- stage:", f"    name: {name}", f"    identifier: {name}", "    type: CI", "    spec:",
                 "      cloneCodebase: true", "      platform:", "        os: Linux", "        arch: Amd64",
                 "      runtime:", "        type: Cloud", "        spec: {}", "      execution:",
                 "        steps:"]
        for at, lines in enumerate(steps):
            inner += ["          - step:", "              type: Run", f"              name: Step {at}",
                      f"              identifier: step_{at}", "              spec:", "                shell: Sh",
                      "                command: |"] + block(lines, 18)
        return out + block(inner, 8)


class Jenkins:
    path = "Jenkinsfile"

    def stage(self, name, steps, indent):
        out = [f"stage('{name}') {{", "  steps {"]
        for lines in steps:
            text = [line.replace("$", "\\$") for line in lines]
            out += ["    sh '''"] + block(text, 6) + ["    '''"]
        return block(out + ["  }", "}"], indent)

    def wrap(self, stages):
        return ["pipeline {", "  agent any", "  stages {"] + stages + ["  }", "}"]

    def groups(self, rng, jobs, steps):
        out = []
        for first in range(0, jobs, 4):
            out += [f"    stage('group_{first}') {{", "      parallel {"]
            for number in range(first, first + 4):
                out += self.stage(f"job_{number}", [work(rng, number) for _ in range(steps)], 8)
            out += ["      }", "    }"]
        return out

    def graph(self, rng):
        return self.wrap(self.groups(rng, JOBS, 1))

    def lines(self, rng):
        stages = []
        while len(stages) < LINES - 5:
            stages += self.stage(f"job_{len(stages)}", [work(rng, len(stages)) for _ in range(10)], 4)
        return self.wrap(stages)

    def steps(self, rng):
        return self.wrap(self.stage("job_0", [work(rng, n) for n in range(LINES // 4)], 4))

    def script(self, rng):
        return self.wrap(self.stage("job_0", [script(rng, LINES)], 4))


def main():
    folder, seed = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "1"
    platforms = {"github": GitHub, "gitlab": GitLab, "azure": Azure, "jenkins": Jenkins,
                 "bitbucket": Bitbucket, "harness": Harness}
    for shape in ("lines", "graph", "steps", "script"):
        for platform, maker in platforms.items():
            rng = random.Random(f"{seed} {shape} {platform}")
            text = "\n".join(getattr(maker(), shape)(rng)) + "\n"
            path = os.path.join(folder, shape, platform, maker.path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.makedirs(os.path.join(folder, shape, platform, ".git"), exist_ok=True)
            with open(path, "w") as file:
                file.write(text)
            print(path)


main()
