//! What commands do: installs, checks, tests, builds. Where to look them up:
//! each tool's own command-line reference.

use super::Manager::{
    Bun, Bundler, Cargo, Composer, Go, Gradle, Maven, Npm, Nuget, Pip, Pipenv, Pnpm, Poetry, Uv,
    Yarn,
};
use super::table::Kind::{
    Build, Checkout, Fetch, History, Install, Lint, Outside, Plain, Publish, Sandbox, Setup, Test,
};
use super::table::Row;

/// Commands that say something or handle the job's own files.
pub const PLAIN: &[Row] = &[
    (
        "echo|printf|cd|pushd|popd|ls|dir|pwd|cat|type|head|tail|wc|sort|uniq|cut|tr|sed|awk|gawk|grep|\
         egrep|fgrep|rg|tee|mkdir|md|rm|del|rmdir|rd|cp|copy|xcopy|robocopy|mv|move|ren|ln|touch|chmod|\
         chown|stat|file|find|which|where|whereis|hash|test|[|true|false|:|exit|return|break|continue|\
         set|unset|export|declare|local|readonly|typeset|shopt|ulimit|umask|shift|read|mapfile|readarray|\
         trap|wait|sleep|date|env|printenv|id|whoami|hostname|uname|nproc|free|df|du|ps|lscpu|basename|\
         dirname|realpath|readlink|mktemp|seq|expr|let|bc|jq|yq|xmllint|envsubst|base64|md5sum|sha1sum|\
         sha256sum|sha512sum|shasum|certutil|tar|zip|unzip|gzip|gunzip|xz|7z|zstd|diff|cmp|patch|xxd|od|\
         strings|strip|column|comm|paste|join|split|rev|nl|fold|yes|sync|clear|alias|unalias|source|.|\
         kill|killall|pkill|jobs|time|column|tree|less|more|dos2unix|iconv|sw_vers|xcode-select|\
         update-alternatives|ldconfig|locale-gen|sysctl|swapon|swapoff|fallocate|mkfs|mount|umount|\
         ver|if|title|timeout|setlocal|endlocal|pause|goto|rem|path|getopts|command|caller|printf|\
         assert|ccache|sccache|lsb_release|arch|chcon|getent|groups|useradd|usermod|adduser|groupadd|su|\
         openssl|gpg|ssh-keygen|ssh-agent|ssh-add|ssh-keyscan|eval|cksum|cygpath|dumpbin|icacls|attrib|\
         javac|osascript|defaults|security",
        &[Plain],
    ),
    (
        "Write-Host|Write-Output|Write-Error|Write-Warning|Write-Verbose|Set-Location|Get-ChildItem|\
         Get-Content|Set-Content|Add-Content|Out-File|New-Item|Remove-Item|Copy-Item|Move-Item|Test-Path|\
         Join-Path|Split-Path|Resolve-Path|Get-Item|Get-Date|Start-Sleep|Select-Object|Select-String|\
         Where-Object|ForEach-Object|Sort-Object|ConvertFrom-Json|ConvertTo-Json|Expand-Archive|\
         Compress-Archive|Get-Command|Get-Location|Push-Location|Pop-Location|Out-Null|Out-Host|Exit|\
         throw|Import-Module|Set-Variable|Get-Variable|New-Object|Set-StrictMode|Format-Table|Out-String|\
         Get-Process|Stop-Process|Get-FileHash|Rename-Item|Set-ExecutionPolicy|Measure-Command",
        &[Plain],
    ),
    (
        "git config|status|add|rev-parse|submodule|init|lfs|clean|reset|stash|apply|ls-files|show-ref",
        &[Plain],
    ),
    (
        "git symbolic-ref|check-ref-format|var|version|remote|ls-remote|update-index|hash-object",
        &[Plain],
    ),
    ("git switch|restore|checkout|worktree|sparse-checkout|commit|branch|am", &[Plain]),
    ("git clone", &[Checkout]),
    ("git fetch|pull", &[Fetch]),
    ("git push", &[Publish("git")]),
    (
        "git describe|log|blame|rev-list|shortlog|merge-base|cherry|whatchanged|bisect|show",
        &[History],
    ),
    ("git tag|cherry-pick|rebase|merge|revert|notes|format-patch|range-diff|name-rev", &[History]),
    ("git diff|diff-tree ~origin*|HEAD*|*...|$*", &[History]),
    ("git diff", &[Plain]),
    (
        "git-cliff|gitversion|GitVersion|semantic-release|standard-version|conventional-changelog",
        &[History],
    ),
    (
        "release-it|auto-changelog|commitlint|gitlint|cz|release-please|git-chglog|versioneer|minver",
        &[History],
    ),
    ("nx affected*|affected:*|print-affected", &[History]),
    ("nx ~affected*", &[History]),
    ("turbo +--filter=*|--affected", &[History]),
    ("lerna ~changed|version|publish", &[History]),
    ("lerna +--since", &[History]),
    ("changeset|changesets ~status|version", &[History]),
    ("dotnet-gitversion|nbgv|setuptools_scm|setuptools-scm|hatch-vcs|dunamai", &[History]),
    ("curl|wget|Invoke-WebRequest|iwr|Invoke-RestMethod|aria2c|http|https", &[Fetch]),
    (
        "docker version|info|ps|images|inspect|logs|stop|rm|kill|wait|network|volume|system|context",
        &[Plain],
    ),
    ("docker cp|stats|top|port|start|restart|rmi|history|diff|exec|create|attach|prune", &[Plain]),
    ("docker image|container ls|inspect|prune|rm|history", &[Plain]),
    ("docker buildx create|use|ls|inspect|rm|prune|version|install|du", &[Plain]),
    (
        "docker compose up|down|ps|logs|stop|start|rm|config|exec|run|pull|version|wait|cp|port",
        &[Plain],
    ),
    ("docker-compose up|down|ps|logs|stop|start|rm|config|exec|run|pull|version|cp", &[Plain]),
    ("podman version|info|ps|images|inspect|logs|stop|rm|rmi|exec|cp", &[Plain]),
    (
        "kubectl get|describe|logs|config|version|cluster-info|explain|top|api-resources|diff|auth",
        &[Plain],
    ),
    ("kubectl kustomize|port-forward|exec|cp|api-versions|completion|options|events", &[Plain]),
    ("helm lint", &[Lint]),
    (
        "helm template|version|repo|dependency|dep|list|ls|get|history|status|show|search|env|plugin",
        &[Plain],
    ),
    ("helm package", &[Build]),
    ("kind|minikube|k3d|k3s|microk8s|kwok|kwokctl|localstack|k0s", &[Sandbox]),
    ("tflocal|cdklocal|awslocal|samlocal", &[Sandbox]),
    ("terraform|tofu|terragrunt fmt", &[Lint]),
    ("terraform|tofu|terragrunt|packer validate", &[Lint]),
    ("terraform|tofu|terragrunt test", &[Test]),
    (
        "terraform|tofu|terragrunt init|version|workspace|output|show|get|providers|graph|hclfmt",
        &[Plain],
    ),
    (
        "gh pr|issue|api|run|repo|label|workflow|secret|variable|cache|search ~comment|edit|create|merge|close|run|set|delete|review",
        &[Outside],
    ),
    (
        "gh pr|issue|run|repo|cache|search ~view|list|diff|checks|status|checkout|watch|download|clone",
        &[Fetch],
    ),
    ("cypress install|verify|info|version", &[Setup("node")]),
    ("playwright install|install-deps", &[Setup("node")]),
];

/// Package managers and set-ups.
pub const INSTALL: &[Row] = &[
    ("npm ci|install|i|clean-install|install-clean|add !-g|--global", &[Install(Npm)]),
    ("npm install|i +-g|--global", &[Setup("node")]),
    (
        "npm config|version|--version|cache|ls|list|outdated|pkg|prune|rebuild|set|view|dedupe|link",
        &[Plain],
    ),
    ("npm +-v|--version", &[Plain]),
    ("yarn install|add|--immutable|workspaces", &[Install(Yarn)]),
    ("yarn config|set|cache|--version|why|list|plugin|version|global|link|info", &[Plain]),
    ("pnpm install|i|add|fetch|update !-g|--global", &[Install(Pnpm)]),
    ("pnpm add|install|i +-g|--global", &[Setup("node")]),
    ("pnpm config|store|ls|list|env|why|setup|prune|link", &[Plain]),
    ("bun install|i|add", &[Install(Bun)]),
    ("corepack|nvm|fnm|n|volta|asdf|mise|pyenv|rbenv|sdk|jenv|goenv|tfenv|rvm", &[Setup("tools")]),
    ("pip|pip3|pip3.* install|sync|wheel|download", &[Install(Pip)]),
    ("pip|pip3 list|freeze|show|check|config|cache|uninstall|debug", &[Plain]),
    ("pip-sync|pip-compile", &[Install(Pip)]),
    (
        "easy_install|conda|mamba|micromamba|virtualenv|venv|ensurepip|pixi|conda-env",
        &[Setup("python")],
    ),
    ("poetry install|sync|add|update|lock", &[Install(Poetry)]),
    ("poetry config|env|version|show|self|export|check|shell|about", &[Plain]),
    ("poetry build", &[Build]),
    ("pipenv install|sync|update|lock", &[Install(Pipenv)]),
    ("uv sync|add|lock|venv|export", &[Install(Uv)]),
    ("uv pip install|sync|compile", &[Install(Uv)]),
    ("uv pip|version|cache|tree|self freeze|list|show|check|prune|dir|clean", &[Plain]),
    ("uv tool|python install|pin|find|list|upgrade", &[Setup("python")]),
    ("uv|hatch|pdm|flit|rye build", &[Build]),
    ("pipx install|ensurepath|inject|upgrade", &[Setup("python")]),
    ("pdm|hatch|rye install|sync|env|lock|add", &[Install(Pip)]),
    (
        "mvn|mvnw ~dependency:go-offline|dependency:resolve*|dependency:copy-dependencies|go-offline",
        &[Install(Maven)],
    ),
    (
        "mvn|mvnw ~versions:set|help:evaluate|help:*|dependency:tree|clean|versions:*|dependency:*",
        &[Plain],
    ),
    (
        "mvn|mvnw ~compile|test-compile|package|process-resources|generate-sources|process-*|jar",
        &[Install(Maven), Build],
    ),
    ("mvn|mvnw ~install !-DskipTests|-Dmaven.test.skip", &[Install(Maven), Build, Test]),
    ("mvn|mvnw ~install +-DskipTests|-Dmaven.test.skip", &[Install(Maven), Build]),
    (
        "mvn|mvnw ~test|verify|integration-test|surefire:test|failsafe:*|*test",
        &[Install(Maven), Test],
    ),
    (
        "mvn|mvnw ~checkstyle:*|pmd:*|spotbugs:*|spotless:check|spotless:*|com.diffplug*|license:check|enforcer:*|fmt:check|formatter:validate|javadoc:*|site|animal-sniffer:*|forbiddenapis:*",
        &[Install(Maven), Lint],
    ),
    (
        "mvn|mvnw ~spring-boot:build-image|jib:build|jib:dockerBuild|com.google.cloud.tools:jib-maven-plugin:*",
        &[Install(Maven), Build],
    ),
    ("mvn|mvnw +-v|--version|-version", &[Plain]),
    ("gradle|gradlew ~dependencies|androidDependencies|resolveDependencies", &[Install(Gradle)]),
    ("gradle|gradlew ~wrapper|tasks|projects|properties|clean|help", &[Plain]),
    ("gradle|gradlew +--version|-v|--stop", &[Plain]),
    ("gradle|gradlew ~build", &[Install(Gradle), Build, Test]),
    (
        "gradle|gradlew ~assemble*|jar|bootJar|shadowJar|classes|testClasses|compile*|bundle*|installDist|war|distZip|distTar|package*|javadoc|dokka*|nativeCompile",
        &[Install(Gradle), Build],
    ),
    (
        "gradle|gradlew ~test*|check|integrationTest|connected*|jacoco*|koverXmlReport|koverVerify|verify|functionalTest|allTests|jvmTest|e2eTest|cucumber",
        &[Install(Gradle), Test],
    ),
    (
        "gradle|gradlew ~lint*|ktlint*|detekt*|checkstyle*|pmd*|spotbugs*|spotless*|apiCheck|codenarc*",
        &[Install(Gradle), Lint],
    ),
    ("go mod ~download|tidy|vendor|verify|graph|edit", &[Install(Go)]),
    ("go get|install", &[Install(Go)]),
    ("go test", &[Install(Go), Test]),
    ("go build|generate|run", &[Install(Go), Build]),
    ("go vet|fmt|fix", &[Lint]),
    ("go version|env|list|clean|work|tool|telemetry", &[Plain]),
    (
        "cargo fetch|update|generate-lockfile|vendor|install|binstall|metadata|add|tree|pkgid|version|clean|search|locate-project|info|init|new",
        &[Install(Cargo)],
    ),
    (
        "cargo build|b|run|r|rustc|zigbuild|ndk|doc|rustdoc|bloat|expand|package|dist|deb|rpm|generate-rpm|wasi|apk|xwin|cbuild|cinstall|lipo",
        &[Install(Cargo), Build],
    ),
    (
        "cargo test|t|bench|miri|tarpaulin|llvm-cov|hack|careful|fuzz|mutants|insta|criterion|codspeed|all-features|minimal-versions|nextest|valgrind|public-api",
        &[Install(Cargo), Test],
    ),
    (
        "cargo clippy|check|c|fmt|udeps|machete|sort|spellcheck|semver-checks|shear|verify-project|rdme|msrv|deadlinks|outdated|check-external-types|no-dev-deps|dylint|vet|fix|hakari|readme|toml-lint|checkmate|cranky",
        &[Lint],
    ),
    ("cross build|check|rustc|run", &[Install(Cargo), Build]),
    ("cross test|bench", &[Install(Cargo), Test]),
    ("rustup|rustc|rustdoc", &[Setup("rust")]),
    ("wasm-pack build|pack", &[Build]),
    ("wasm-pack test", &[Test]),
    ("dotnet restore|add", &[Install(Nuget)]),
    ("dotnet build|publish|pack|msbuild|run|clean|script", &[Install(Nuget), Build]),
    ("dotnet test|vstest", &[Install(Nuget), Test]),
    ("dotnet format|csharpier|jb", &[Lint]),
    (
        "dotnet tool|workload|new|sln|dev-certs|user-secrets|build-server|--info|--version|--list-sdks",
        &[Setup("dotnet")],
    ),
    ("dotnet +--info|--version|--list-sdks", &[Plain]),
    ("nuget restore|install|sources|locals|config|help", &[Install(Nuget)]),
    ("msbuild|MSBuild|devenv|xbuild", &[Build]),
    ("bundle|bundler install|update|package|cache|!?", &[Install(Bundler)]),
    ("bundle|bundler config|env|list|platform|version|lock|info|show|check", &[Plain]),
    ("gem install|update", &[Setup("ruby")]),
    ("gem build", &[Build]),
    ("gem list|env|uninstall|sources|which|--version", &[Plain]),
    ("composer install|update|require|create-project|i|u", &[Install(Composer)]),
    ("composer validate|normalize|check-platform-reqs", &[Lint]),
    (
        "composer config|show|global|clear-cache|dump-autoload|dumpautoload|self-update|diagnose|remove|outdated",
        &[Plain],
    ),
    (
        "apt-get|apt|yum|dnf|apk|brew|choco|pacman|zypper|microdnf|snap|winget|scoop|port|emerge|dpkg|rpm|apt-key|add-apt-repository|pkg|vcpkg|conan|opkg|dpkg-query|apt-cache|apt-mark|gdebi|installer|msiexec|flatpak|nix-env|nix-channel|luarocks|cpan|cpanm|pod|carthage|xcodes|tlmgr|opam|ghcup|elan|sdkmanager|avdmanager|systemctl|service|modprobe",
        &[Setup("system")],
    ),
    ("mix deps.get|deps.compile|local.hex|local.rebar|archive.install", &[Setup("elixir")]),
    ("mix test|coveralls*", &[Test]),
    ("mix format|credo|dialyzer|xref|deps.unlock|sobelow", &[Lint]),
    ("mix compile|release|assets.*|phx.digest|docs", &[Build]),
    ("stack|cabal build|install|update|configure|setup|sdist|haddock|v2-build|get", &[Build]),
    ("stack|cabal test|bench|v2-test", &[Test]),
    ("sbt ~test|testAll|it:test|*test|testOnly*", &[Test]),
    ("sbt ~compile|package|assembly|update|test:compile|doc|*compile", &[Build]),
    ("sbt ~scalafmtCheck*|scalafix*|scalastyle*|mimaReportBinaryIssues|*Check*", &[Lint]),
    ("lein|clojure|clj ~test|kaocha|*test", &[Test]),
    ("flutter|dart pub|precache|doctor|config|upgrade|--version|channel", &[Setup("dart")]),
    ("flutter|dart test", &[Test]),
    ("flutter|dart analyze|format|fix", &[Lint]),
    ("flutter|dart build|compile|run|gen-l10n", &[Build]),
    ("swift build|package|run", &[Build]),
    ("swift test", &[Test]),
    ("xcodebuild ~test|build-for-testing|test-without-building", &[Test]),
    ("xcodebuild ~build|archive|clean", &[Build]),
    ("xcodebuild +-version|-showsdks|-list|-resolvePackageDependencies|-exportArchive", &[Build]),
    ("xcrun simctl|xcode-select|--find|--show-sdk-path", &[Plain]),
    ("zig build|fetch|build-exe|build-lib", &[Build]),
    ("zig test", &[Test]),
    ("deno test|bench", &[Test]),
    ("deno lint|fmt|check", &[Lint]),
    ("elm-test|busted|bats|shellspec|shunit2|roundup", &[Test]),
];

/// Checks, tests and builds.
pub const QUALITY: &[Row] = &[
    (
        "eslint|oxlint|biome|standard|xo|tslint|jshint|stylelint|prettier|ruff|flake8|pylint|mypy|pyright|\
         basedpyright|black|isort|pycodestyle|pydocstyle|pyflakes|autopep8|yapf|pyupgrade|vulture|pytype|ty|\
         interrogate|djlint|codespell|typos|cspell|misspell|vale|proselint|alex|markdownlint|markdownlint-cli2|\
         mdl|remark|yamllint|jsonlint|ajv|check-jsonschema|actionlint|zizmor|shellcheck|shfmt|checkbashisms|\
         hadolint|dockerfilelint|dockerfile_lint|golangci-lint|gofmt|gofumpt|goimports|staticcheck|golint|revive|\
         errcheck|ineffassign|gocyclo|clang-format|clang-tidy|cppcheck|cpplint|cmake-format|cmake-lint|rubocop|\
         reek|standardrb|erb_lint|haml-lint|slim-lint|fasterer|phpcs|phpstan|psalm|php-cs-fixer|pint|phpmd|\
         phplint|parallel-lint|rector|ktlint|detekt|swiftlint|swiftformat|checkstyle|pmd|spotbugs|scalafmt|\
         tflint|terraform-docs|ansible-lint|cfn-lint|spectral|redocly|buf|protolint|sqlfluff|squawk|\
         pre-commit|prek|megalinter|mega-linter-runner|super-linter|editorconfig-checker|ec|lychee|htmlhint|\
         linkinator|markdown-link-check|knip|depcheck|madge|dependency-cruiser|depcruise|syncpack|size-limit|\
         publint|attw|taplo|stylua|luacheck|selene|hlint|ormolu|fourmolu|stylish-haskell|credo|conftest|opa|\
         regal|kubeconform|kubeval|kube-linter|kube-score|datree|pluto|ct|chart-testing|licensee|reuse|addlicense|\
         license-eye|rustfmt|lintr|nixfmt|nixpkgs-fmt|alejandra|statix|deadnix|dprint|vint|cue|jsonschema|\
         check-manifest|pyroma|validate-pyproject|doc8|rstcheck|deptry|import-linter|lint-imports|xenon|radon|\
         vue-tsc|svelte-check|astro|lint-staged|commitlint|gitlint|npmPkgJsonLint|sort-package-json|secretlint",
        &[Lint],
    ),
    ("buf push", &[Publish("buf")]),
    ("tsc +--noEmit", &[Lint]),
    ("tsc !--noEmit", &[Build]),
    (
        "vite|webpack|rollup|esbuild|parcel|tsup|swc|babel|rspack|ncc|unbuild|microbundle|metro|gulp|grunt",
        &[Build],
    ),
    (
        "next|nuxt|gatsby|astro|hugo|jekyll|mkdocs|sphinx-build|docusaurus|vuepress|vitepress|eleventy build|generate|?",
        &[Build],
    ),
    ("next lint", &[Lint]),
    (
        "hugo|jekyll|sphinx-build|sphinx|doxygen|asciidoctor|pandoc|mdbook|typedoc|jsdoc|pdflatex|latexmk",
        &[Build],
    ),
    ("mkdocs gh-deploy", &[Publish("pages")]),
    ("gh-pages|ghp-import", &[Publish("pages")]),
    ("ng build", &[Build]),
    ("ng test|e2e", &[Test]),
    ("ng lint", &[Lint]),
    ("react-scripts|vue-cli-service|craco build", &[Build]),
    ("react-scripts|vue-cli-service|craco test|test:unit|test:e2e", &[Test]),
    ("vue-cli-service lint", &[Lint]),
    (
        "pytest|py.test|tox|nox|unittest|nose2|nosetests|trial|stestr|behave|robot|pabot|jest|vitest|mocha|ava|tap|\
         karma|jasmine|nyc|c8|cypress|playwright|testcafe|wdio|nightwatch|protractor|codeceptjs|newman|bru|k6|\
         artillery|gatling|jmeter|locust|wrk|ab|vegeta|hey|pact-verifier|dredd|schemathesis|backstop|percy|chromatic|\
         storycap|loki|lhci|lighthouse|pa11y|pa11y-ci|axe|rspec|cucumber|minitest|parallel_rspec|parallel_test|\
         phpunit|pest|codecept|behat|phpspec|infection|paratest|ctest|gtest|catch2|gotestsum|ginkgo|richgo|\
         vstest.console|VSTest.Console|nunit3-console|xunit.console|mspec|coverlet|sbt-test|prove|tappy|xcpretty|\
         maestro|appium|detox|molecule|kitchen|inspec|goss|dgoss|container-structure-test|terratest|testinfra|\
         coverage|start-server-and-test|cargo-nextest|cargo-tarpaulin|grcov|gcovr|lcov|gcov|diff-cover|hypothesis|\
         stryker|mutmut|act|qunit|uvu|testem|tape|web-test-runner|wtr|japa|asv|snforge|forge|hardhat|truffle|\
         chainsaw|kuttl|sonobuoy|bats-core|slither|scarb|anchor",
        &[Test],
    ),
    ("artisan test|dusk", &[Test]),
    ("artisan|console|manage.py|bin/console migrate|doctrine:migrations:migrate", &[Outside]),
    (
        "artisan|console|manage.py config:*|key:generate|cache:*|route:*|view:*|collectstatic|check|makemigrations|compilemessages|lint:*",
        &[Plain],
    ),
    ("manage.py test", &[Test]),
    ("setup.py test|pytest", &[Test]),
    ("setup.py build|build_ext|sdist|bdist_wheel|develop|install|bdist*|egg_info", &[Build]),
    ("setup.py upload", &[Publish("pypi")]),
    ("twine check", &[Lint]),
    (
        "build|cibuildwheel|pyinstaller|meson|ninja|cmake|configure|autoconf|autoreconf|automake|autogen.sh|bootstrap|\
      libtoolize|scons|waf|gcc|g++|clang|clang++|cc|c++|ld|ar|emcc|emcmake|emmake|protoc|nasm|qmake|premake5|xmake|\
      crystal|ghc|ocamlc|nim|v|tinygo|xgo|gox|mockgen|pkg|nexe|rpmbuild|dpkg-buildpackage|debuild|dpkg-deb|fpm|nfpm|\
      makensis|iscc|candle|light|wix|signtool|codesign|flatpak-builder|appimagetool|abuild|makepkg|mkosi|cdk8s|jsonnet|\
      kustomize|ytt|kompose|openapi-generator|openapi-generator-cli|swagger-codegen|sqlc|graphql-codegen|wire|cmake3|cl|\
      vcvarsall|VsDevCmd|nmake|jom|vcvars64|clang-cl|lld|objcopy|genhtml|llvm-cov|llvm-profdata|cpack|electron-forge",
        &[Build],
    ),
    ("maturin build|develop|sdist", &[Build]),
    ("dune build", &[Build]),
    ("dune runtest|test", &[Test]),
    ("bazel|bazelisk build|fetch|info|version|query|shutdown|clean|cquery|sync", &[Build]),
    ("bazel|bazelisk test|coverage", &[Test]),
    ("pants lint|check|fmt|tailor|update-build-files", &[Lint]),
    ("pants test", &[Test]),
    ("pants package", &[Build]),
    ("electron-builder !-p|--publish", &[Build]),
    ("electron-builder +-p|--publish", &[Build, Publish("electron")]),
    ("snapcraft !upload|push|release", &[Build]),
    ("packer init|inspect|version", &[Plain]),
    ("packer build", &[Outside]),
    ("prisma generate|validate|format", &[Build]),
    ("prisma migrate|db", &[Outside]),
    ("expo|eas build|prebuild|export", &[Build]),
    ("fastlane ~test|tests|scan|unit_test*", &[Test]),
    ("fastlane ~build|gym|compile", &[Build]),
    ("meson test", &[Test]),
    ("rebar3 eunit|ct|proper|cover", &[Test]),
    ("rebar3 compile|release", &[Build]),
    ("rebar3 fmt|lint|dialyzer|xref", &[Lint]),
    (
        "codecov|coveralls|codacy-coverage-reporter|goveralls|cc-test-reporter|test-reporter|codeclimate",
        &[super::table::Kind::Notify("coverage")],
    ),
];
