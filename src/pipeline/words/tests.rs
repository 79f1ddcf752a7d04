//! What scripts and ready-made steps are taken to do.

use proptest::prelude::*;

use super::shell::{Options, Shell, scan};
use super::*;

fn words(text: &str) -> Vec<String> {
    scan(text, Options::POSIX)
        .iter()
        .filter(|command| !command.words.is_empty())
        .map(|command| command.texts().collect::<Vec<_>>().join("·"))
        .collect()
}

#[test]
fn scripts_are_cut_into_commands() {
    let cases: &[(&str, &[&str])] = &[
        ("npm ci && npm run lint", &["npm·ci", "npm·run·lint"]),
        ("a; b | c & d\ne", &["a", "b", "c", "d", "e"]),
        ("echo 'a && b' \"c; d\" e\\ f", &["echo·a && b·c; d·e f"]),
        ("a \\\n  --b # c && d\ne", &["a·--b", "e"]),
        ("# npm test\ntrue", &["true"]),
        ("A=b C=\"d e\" cmd x", &["cmd·x"]),
        ("x=$(git describe --tags)", &["git·describe·--tags"]),
        ("echo \"v$(git log -1 | head)\"", &["git·log·-1", "head", "echo·v$(git log -1 | head)"]),
        ("echo `a b`", &["a·b", "echo·`a b`"]),
        ("if a; then b; elif c; then d; else e; fi", &["a", "b", "c", "d", "e"]),
        ("for i in 1 2 $(seq 3); do run $i; done", &["seq·3", "run·$i"]),
        ("while ! ready; do sleep 1; done", &["ready", "sleep·1"]),
        ("case $1 in\n a|b) deploy;;\n *) echo no ;;\nesac\nend", &["deploy", "echo·no", "end"]),
        ("f() { kubectl apply -f x; }\nf", &["kubectl·apply·-f·x", "f"]),
        ("(cd a && make) || { echo no; exit 1; }", &["cd·a", "make", "echo·no", "exit·1"]),
        ("cat <<EOF > x\nkubectl apply\nEOF\nls", &["cat", "ls"]),
        ("cat <<-'E' | sh\n\trm\n\tE\nls", &["cat", "sh", "ls"]),
        ("[[ $a == b && -f c ]] && d", &["d"]),
        ("(( n > 3 )) && e", &["e"]),
        (
            "docker build -t app:${{ github.sha || 'x' }} .",
            &["docker·build·-t·app:${{ github.sha || 'x' }}·."],
        ),
        (
            "trivy image acme/app:<+codebase.commitSha>",
            &["trivy·image·acme/app:<+codebase.commitSha>"],
        ),
        ("echo $(Build.SourceVersion)", &["echo·$(Build.SourceVersion)"]),
        ("diff <(a b) <(c)", &["a·b", "c", "diff·<(a b)·<(c)"]),
        ("run > out.txt 2>&1 < in", &["run"]),
        ("arr=(a b c)\nx", &["x"]),
        ("echo don't", &["echo·don't"]),
        ("a\r\nb\r\n", &["a", "b"]),
    ];
    for (text, expect) in cases {
        assert_eq!(&words(text), expect, "{text}");
    }
}

#[test]
fn bytes_of_words_are_those_of_the_script() {
    let text = "cd é && npm  'run' \"li\"nt";
    for command in scan(text, Options::POSIX) {
        for word in &command.words {
            let source = &text[word.span.clone()];
            assert_eq!(source.replace(['\'', '"'], ""), word.text);
        }
    }
}

#[test]
fn failures_that_are_let_pass_are_told() {
    let cases = [
        ("trivy fs . || true", true),
        ("trivy fs . || echo found", true),
        ("trivy fs . || exit 1", false),
        ("trivy fs . || { echo found; exit 1; }", false),
        ("set +e\ntrivy fs .", true),
        ("trivy fs . | tee out", true),
        ("set -o pipefail\ntrivy fs . | tee out", false),
        ("trivy fs . && echo ok", false),
    ];
    for (text, expect) in cases {
        let found = scan(text, Options::POSIX);
        let trivy = found.iter().find(|command| command.program() == "trivy").map(|c| c.tolerated);
        assert_eq!(trivy, Some(expect), "{text}");
    }
}

#[test]
fn other_shells_are_read_roughly() {
    let of = |shell, text: &str| {
        let found = scan(text, Options { shell, ..Options::POSIX });
        found
            .iter()
            .filter(|command| !command.words.is_empty())
            .map(|command| command.texts().collect::<Vec<_>>().join("·"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of(Shell::PowerShell, "if ($a) { dotnet test `\n -c Release }\n& \"C:\\x\\y.exe\" z # no"),
        ["$a", "dotnet·test·-c·Release", "C:\\x\\y.exe·z"]
    );
    assert_eq!(
        of(Shell::Cmd, "rem no\ncall build.bat /x && dotnet test"),
        ["build.bat·/x", "dotnet·test"]
    );
}

fn told(script: &str) -> String {
    let reading = text(script, Options::POSIX);
    let short = |does: &Does| match does {
        Does::BuildImage(build) => format!("BuildImage {}", build.context),
        Does::Scan { tool, target, gating } => {
            format!("Scan {tool} {target:?}{}", if *gating { " gating" } else { "" })
        }
        other => format!("{other:?}").replace(['"', '(', ')'], " ").trim().to_owned(),
    };
    reading.does.iter().map(|does| short(does).replace("  ", " ")).collect::<Vec<_>>().join(", ")
}

fn check(cases: &[(&str, &str)]) {
    for (script, expect) in cases {
        assert_eq!(told(script), *expect, "{script}");
    }
}

#[test]
fn installs_checks_tests_and_builds_are_told() {
    check(&[
        ("npm ci", "Install Npm"),
        ("npm --prefix web install", "Install Npm"),
        ("yarn", "Install Yarn"),
        ("yarn install --frozen-lockfile && yarn lint", "Install Yarn, Lint"),
        ("pnpm i && pnpm -r test", "Install Pnpm, Test"),
        ("pip install -r requirements.txt", "Install Pip"),
        ("python -m pip install -e .", "Install Pip"),
        ("uv run --extra dev pytest -q", "Test"),
        ("poetry run mypy src", "Lint"),
        ("mvn -B verify", "Install Maven, Test"),
        ("./mvnw -DskipTests package", "Install Maven, Build"),
        ("mvn -B deploy", "Publish maven"),
        ("./gradlew :app:test", "Install Gradle, Test"),
        ("./gradlew build -x test", "Install Gradle, Build, Test"),
        ("go test ./...", "Install Go, Test"),
        ("go run github.com/golangci/golangci-lint/cmd/golangci-lint@v1 run", "Lint"),
        ("cargo +nightly clippy --all", "Lint"),
        ("cargo nextest run", "Install Cargo, Test"),
        ("dotnet test -c Release", "Install Nuget, Test"),
        ("bundle exec rspec", "Test"),
        ("composer install", "Install Composer"),
        ("npx eslint . && npx tsc --noEmit", "Lint"),
        ("npx tsc", "Build"),
        ("npm run test:e2e", "Test"),
        ("npm run lint", "Lint"),
        ("make -j4", "Build"),
        ("make lint test", "Lint, Test"),
        ("tox -e py312", "Test"),
        ("sudo -E env A=b bash -c 'npm test'", "Test"),
        ("docker run --rm -v $PWD:/w golang:1.22 go vet ./...", "PullImage golang:1.22, Lint"),
        ("docker compose run --rm app pytest", "Test"),
        ("echo kubectl apply -f x", ""),
        ("cat k8s/deploy/apply.yaml", ""),
        ("grep -r 'docker push' scripts/deploy", ""),
    ]);
}

#[test]
fn images_are_told() {
    check(&[
        ("docker build -t app .", "BuildImage ."),
        ("docker build . -t app", "BuildImage ."),
        (
            "docker buildx build --push -t r/a:1 -t r/a:2 web",
            "BuildImage web, PushImage r/a:1, PushImage r/a:2",
        ),
        ("docker push r/a:$TAG", "PushImage r/a:$TAG"),
        (
            "/kaniko/executor --context $CI_PROJECT_DIR --destination r/a:1",
            "BuildImage $CI_PROJECT_DIR, PushImage r/a:1",
        ),
        ("buildah bud -f D -t x ctx", "BuildImage ctx"),
        ("crane copy a/b:1 c/d:2", "PullImage a/b:1, PushImage c/d:2"),
        ("skopeo copy docker://a docker://b", "PullImage a, PushImage b"),
        ("docker compose push", "PushImage compose"),
        ("docker ps", ""),
    ]);
    let reading = text(
        "docker buildx build --platform linux/amd64,linux/arm64 -f D --target prod --build-arg B=2 --build-arg A=1 --cache-from x -t y .",
        Options::POSIX,
    );
    let expect = ImageBuild {
        tool: "buildx".to_owned(),
        context: ".".to_owned(),
        file: Some("D".to_owned()),
        target: Some("prod".to_owned()),
        platforms: Some("linux/amd64,linux/arm64".to_owned()),
        args: vec!["A=1".to_owned(), "B=2".to_owned()],
        tags: vec!["y".to_owned()],
        push: false,
        cached: true,
    };
    assert_eq!(reading.does, [Does::BuildImage(expect)]);
}

#[test]
fn scanners_and_whether_they_gate_are_told() {
    check(&[
        ("trivy image app", "Scan trivy Image"),
        ("trivy image --exit-code 1 app", "Scan trivy Image gating"),
        ("trivy image --exit-code 0 app", "Scan trivy Image"),
        ("trivy image --exit-code=1 app || true", "Scan trivy Image"),
        ("trivy fs --exit-code 1 .", "Scan trivy Source gating"),
        (
            "docker run --rm aquasec/trivy:latest image --exit-code 1 app",
            "PullImage aquasec/trivy:latest, Scan trivy Image gating",
        ),
        ("grype app:1 --fail-on high", "Scan grype Image gating"),
        ("grype --fail-on high app:1", "Scan grype Image gating"),
        ("grype --fail-on high dir:.", "Scan grype Source gating"),
        ("grype dir:.", "Scan grype Source"),
        ("snyk test", "Scan snyk Source gating"),
        ("snyk container test app", "Scan snyk Image gating"),
        ("snyk monitor", "Scan snyk Source"),
        ("checkov -d .", "Scan checkov Source gating"),
        ("checkov -d . --soft-fail", "Scan checkov Source"),
        ("npm audit --audit-level=high", "Scan npm-audit Source gating"),
        ("cargo deny check", "Scan cargo-audit Source gating"),
        ("cargo check", "Lint"),
        ("zap-baseline.py -t https://x.test", "Scan zap Live gating"),
        ("nuclei -u https://x.test", "Scan nuclei Live"),
        ("mvn verify sonar:sonar", "Scan sonar Source, Install Maven, Test"),
        ("gitleaks detect --exit-code 0", "Scan gitleaks Source"),
    ]);
}

#[test]
fn deliveries_are_told_from_what_looks_like_them() {
    check(&[
        ("kubectl -n prod apply -f k8s/", "Deploy kubectl"),
        ("kubectl set image deploy/a a=b", "Deploy kubectl"),
        ("kubectl get pods", ""),
        ("kubectl rollout status deploy/a", "HealthCheck"),
        ("kubectl rollout undo deploy/a", "Rollback"),
        ("helm upgrade --install --namespace x a ./chart", "Deploy helm"),
        ("helm lint chart && helm template chart", "Lint"),
        ("helm test a", "HealthCheck"),
        ("terraform -chdir=infra plan -out p", "Plan terraform"),
        ("terraform -chdir=infra apply p", "Deploy terraform"),
        ("aws ecs update-service --cluster c --service s", "Deploy ecs"),
        ("aws s3 sync dist s3://site", "Deploy s3"),
        ("aws s3 sync s3://site dist", ""),
        ("aws --region x cloudformation deploy --stack-name a", "Deploy cloudformation"),
        ("gcloud run deploy app --image x", "Deploy gcloud"),
        ("az webapp deploy -g a -n b", "Deploy azure"),
        ("flyctl deploy --remote-only", "Deploy fly"),
        ("vercel --prod --token=$T", "Deploy vercel"),
        ("ssh deploy@$HOST 'docker compose up -d'", "Deploy ssh"),
        ("ssh -T git@github.com", ""),
        ("rsync -av dist/ web@host.example:/srv", "Deploy rsync"),
        ("scp vm:/x .", ""),
        ("ansible-playbook -i inv site.yml", "Deploy ansible"),
        ("ansible-playbook --check site.yml", "Plan ansible"),
        ("./deploy.sh app", "Deploy ./deploy.sh"),
        ("npm run deploy", "Deploy npm"),
        ("npm run predeploy", ""),
        ("npm publish", "Publish npm"),
        ("npm publish --dry-run", "Lint"),
        ("twine upload dist/*", "Publish pypi"),
        ("gh release create v1", "Publish release"),
        ("cargo publish", "Publish crates"),
        ("git push --tags", "Publish git"),
        ("git describe --tags", "History"),
        ("curl -fsS --retry 5 https://app.example/healthz", "HealthCheck"),
        ("curl -fsSL https://get.example/install.sh | sh", ""),
        ("curl -X POST -d '{}' https://hooks.slack.com/x", "Notify webhook"),
        ("curl http://localhost:8080/health", ""),
        ("./rollback.sh", "Rollback"),
        ("make deploy-prod", "Deploy make"),
        ("make test-deploy", "Test"),
        ("argocd app sync a", "Deploy argocd"),
        ("docker stack deploy -c x app", "Deploy swarm"),
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_makes_the_scanner_panic(text in "[a-z $(){}\\[\\]'\"`\\\\|&;<>#=\n\u{e9}!+-]{0,120}") {
        for shell in [Shell::Posix, Shell::PowerShell, Shell::Cmd] {
            for macros in [false, true] {
                for command in scan(&text, Options { shell, macros, pipefail: false }) {
                    prop_assert!(command.span.start <= command.span.end);
                    prop_assert!(text.get(command.span.clone()).is_some());
                    for word in &command.words {
                        prop_assert!(text.get(word.span.clone()).is_some());
                    }
                }
                let _ = super::text(&text, Options { shell, macros, pipefail: false });
            }
        }
    }

    #[test]
    fn words_of_the_trade_in_any_order_are_read(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "docker", "run", "build", "-t", "x", "&&", "bash", "-c", "'a b'", "sudo", "env", "A=b",
                "npx", "if", "then", "fi", "case", "in", "esac", ";;", "<<EOF", "\n", "EOF", "$(", ")", "make",
                "for", "do", "done", "{", "}", "[[", "]]", "trivy", "image", "--exit-code", "1", "||", "true",
            ]),
            0..40,
        )
    ) {
        let _ = super::text(&parts.join(" "), Options::POSIX);
    }
}

#[test]
fn twice_as_long_a_broken_script_says_no_more_than_twice_as_much() {
    let said = |text: &str| -> usize {
        let commands = scan(text, Options::POSIX);
        commands.iter().map(|command| 1 + command.texts().map(str::len).sum::<usize>()).sum()
    };
    for piece in
        ["$(", "`", "${", "\"", "'", "((", "<<E\n", "{ ", "case x in ", "${{", "$((", "a || "]
    {
        let (once, twice) = (said(&piece.repeat(5_000)), said(&piece.repeat(10_000)));
        assert!(twice * 10 <= once * 21, "{piece:?}: {once}, {twice}");
    }
    assert_eq!(words(&"a || ".repeat(5_000)).len(), 5_000);
}
