//! Names of ready-made steps, by platform.

use super::Ready::{
    Approval, Build, Cache, Checkout, Deploy, Download, Health, History, Install, Lint, Login,
    Nothing, Notify, Plan, Publish, Rollback, Sandbox, Scan, Setup, Test, Upload,
};
use super::Row;
use crate::pipeline::words::Manager;
use crate::pipeline::words::ScanTarget::{Image, Live, Source};

/// Actions.
pub(super) const GITHUB: &[Row] = &[
    ("actions/checkout taiki-e/checkout-action", Checkout),
    (
        "actions/setup-node oven-sh/setup-bun pnpm/action-setup denoland/setup-deno volta-cli/action bahmutov/npm-install-version",
        Setup("node"),
    ),
    (
        "actions/setup-python astral-sh/setup-uv conda-incubator/setup-miniconda mamba-org/* snok/install-poetry abatilo/actions-poetry eifinger/setup-* prefix-dev/setup-pixi pdm-project/setup-pdm yezz123/setup-uv",
        Setup("python"),
    ),
    ("actions/setup-go", Setup("go")),
    (
        "actions/setup-java gradle/actions/setup-gradle gradle/gradle-build-action graalvm/setup-graalvm coursier/setup-action sbt/setup-sbt stcarrez/* gradle/actions/wrapper-validation gradle/wrapper-validation-action",
        Setup("java"),
    ),
    (
        "dtolnay/rust-toolchain actions-rs/toolchain actions-rust-lang/setup-rust-toolchain moonrepo/setup-rust hecrj/setup-rust-action taiki-e/install-action taiki-e/setup-cross-toolchain-action cargo-bins/cargo-binstall baptiste0928/cargo-install",
        Setup("rust"),
    ),
    ("actions/setup-dotnet nuget/setup-nuget microsoft/setup-msbuild", Setup("dotnet")),
    ("ruby/setup-ruby", Setup("ruby")),
    ("shivammathur/setup-php", Setup("php")),
    (
        "erlef/setup-beam haskell/actions/setup haskell-actions/* subosito/flutter-action dart-lang/setup-dart swift-actions/setup-swift maxim-lobanov/setup-xcode julia-actions/setup-julia r-lib/actions/* ocaml/setup-ocaml mlugg/setup-zig goto-bus-stop/setup-zig jiro4989/setup-nim* leafo/gh-actions-lua",
        Setup("tools"),
    ),
    (
        "docker/setup-buildx-action docker/setup-qemu-action docker/setup-docker-action docker/metadata-action docker/setup-compose-action depot/setup-action",
        Setup("docker"),
    ),
    (
        "hashicorp/setup-terraform opentofu/setup-opentofu azure/setup-helm azure/setup-kubectl pulumi/setup-pulumi hashicorp/setup-packer aquasecurity/setup-trivy anchore/sbom-action/download-syft sigstore/cosign-installer jfrog/setup-jfrog-cli superfly/flyctl-actions/setup-flyctl google-github-actions/setup-gcloud terraform-linters/setup-tflint fluxcd/flux2/action helm/chart-testing-action imjasonh/setup-* ariga/setup-* heypigeonhq/setup-* arduino/setup-* bufbuild/buf-setup-action bufbuild/buf-action awalsh128/cache-apt-pkgs-action homebrew/actions/setup-homebrew jdx/mise-action asdf-vm/* cachix/* determinatesystems/* nixos/* browser-actions/* browser-actions/setup-chrome nanasess/* ilammy/msvc-dev-cmd jwlawson/actions-setup-cmake lukka/* aminya/setup-cpp seanmiddleditch/gha-setup-ninja apt-get/* mxschmitt/* extractions/setup-just extractions/netrc arduino/setup-task go-task/setup-task",
        Setup("tools"),
    ),
    (
        "actions/cache actions/cache/restore actions/cache/save swatinem/rust-cache mozilla-actions/sccache-action hendrikmuhs/ccache-action buildjet/cache useblacksmith/cache",
        Cache,
    ),
    ("bahmutov/npm-install", Install(Manager::Npm)),
    ("borales/actions-yarn", Install(Manager::Yarn)),
    ("ramsey/composer-install php-actions/composer", Install(Manager::Composer)),
    (
        "pre-commit/action golangci/golangci-lint-action super-linter/super-linter* github/super-linter* oxsecurity/megalinter* psf/black astral-sh/ruff-action chartboost/ruff-action hadolint/hadolint-action ludeeus/action-shellcheck crate-ci/typos crate-ci/committed reviewdog/* wearerequired/lint-action dominikh/staticcheck-action codespell-project/actions-codespell actionlint/* rhysd/actionlint raven-actions/actionlint amannn/action-semantic-pull-request wagoid/commitlint-github-action streetsidesoftware/cspell-action lycheeverse/lychee-action ibiqlik/action-yamllint davidanson/markdownlint-cli2-action avto-dev/markdown-lint tcort/github-action-markdown-link-check gaurav-nelson/* bufbuild/buf-lint-action bufbuild/buf-breaking-action actions-rs/clippy-check giraffate/clippy-action obi1kenobi/cargo-semver-checks-action mondeja/* jidicula/clang-format-action cpp-linter/cpp-linter-action editorconfig-checker/* zizmorcore/zizmor-action stefanzweifel/* apache/skywalking-eyes* typesafegithub/* py-actions/flake8 jakebailey/pyright-action chartboost/* cardinalby/schema-validator-action ansible/ansible-lint* aws-actions/cloudformation-lint* scottbrenner/cfn-lint-action dprint/check biomejs/setup-biome",
        Lint,
    ),
    (
        "cypress-io/github-action coactions/* paambaati/codeclimate-action borkdude/* reactivecircus/android-emulator-runner actions-rs/tarpaulin codspeedhq/action helm/chart-testing google/oss-fuzz/* nick-fields/* googlecloudplatform/*test* pypa/cibuildwheel-test matlab-actions/run-tests treosh/lighthouse-ci-action gabrielbb/xvfb-action grafana/k6-action grafana/run-k6-action chromaui/action percy/* pact-foundation/*",
        Test,
    ),
    (
        "pypa/cibuildwheel pyo3/maturin-action cross-platform-actions/* messense/maturin-action dotnet/nbgv-build anothrnick/* hynek/build-and-inspect-python-package actions/jekyll-build-pages withastro/action actions/configure-pages anchore/sbom-action cycloneDX/* vmactions/*",
        Build,
    ),
    ("aquasecurity/trivy-action aquasecurity/trivy", Scan("trivy", Image, false, "exit-code", "1")),
    ("anchore/scan-action", Scan("grype", Image, true, "fail-build", "false")),
    ("snyk/actions/docker", Scan("snyk", Image, true, "command", "monitor")),
    ("snyk/actions*", Scan("snyk", Source, true, "command", "monitor")),
    ("github/codeql-action/analyze", Scan("codeql", Source, false, "", "")),
    (
        "github/codeql-action/upload-sarif github/codeql-action/autobuild github/codeql-action/init",
        Nothing,
    ),
    ("returntocorp/semgrep-action semgrep/semgrep-action", Scan("semgrep", Source, true, "", "")),
    (
        "gitleaks/gitleaks-action zricethezav/gitleaks-action",
        Scan("gitleaks", Source, true, "", ""),
    ),
    ("trufflesecurity/trufflehog", Scan("trufflehog", Source, true, "", "")),
    ("bridgecrewio/checkov-action", Scan("checkov", Source, true, "soft_fail", "true")),
    (
        "aquasecurity/tfsec-action aquasecurity/tfsec-pr-commenter-action",
        Scan("tfsec", Source, true, "soft_fail", "true"),
    ),
    ("checkmarx/kics-github-action", Scan("kics", Source, true, "ignore_on_exit", "all")),
    ("checkmarx/*", Scan("checkmarx", Source, false, "", "")),
    (
        "actions/dependency-review-action",
        Scan("dependency-review", Source, true, "warn-only", "true"),
    ),
    ("docker/scout-action", Scan("docker-scout", Image, false, "exit-code", "true")),
    ("zaproxy/action-*", Scan("zap", Live, false, "fail_action", "true")),
    ("projectdiscovery/nuclei-action", Scan("nuclei", Live, false, "", "")),
    ("portswigger/dastardly-github-action", Scan("dastardly", Live, true, "", "")),
    ("stackhawk/hawkscan-action", Scan("stackhawk", Live, true, "", "")),
    ("sonarsource/sonarqube-quality-gate-action", Scan("sonar", Source, true, "", "")),
    ("sonarsource/*", Scan("sonar", Source, false, "args", "")),
    (
        "embarkstudios/cargo-deny-action rustsec/audit-check actions-rs/audit-check actions-rust-lang/audit",
        Scan("cargo-audit", Source, true, "", ""),
    ),
    ("pypa/gh-action-pip-audit", Scan("pip-audit", Source, true, "", "")),
    ("golang/govulncheck-action", Scan("govulncheck", Source, true, "", "")),
    ("google/osv-scanner-action*", Scan("osv-scanner", Source, true, "", "")),
    ("ossf/scorecard-action", Scan("scorecard", Source, false, "", "")),
    ("securego/gosec", Scan("gosec", Source, true, "", "")),
    ("azure/container-scan crazy-max/ghaction-container-scan", Scan("trivy", Image, true, "", "")),
    ("dependency-check/dependency-check_action", Scan("dependency-check", Source, false, "", "")),
    ("microsoft/security-devops-action github/ossar-action", Scan("msdo", Source, false, "", "")),
    (
        "shiftleftsecurity/scan-action fossas/fossa-action whitesource/* veracode/* mend/* horusec-lib/* pycqa/bandit-action presidentbeef/* symfonycorp/security-checker-action",
        Scan("sast", Source, true, "", ""),
    ),
    ("erzz/dockle-action", Scan("dockle", Image, false, "exit-code", "1")),
    (
        "azure/webapps-deploy azure/functions-action azure/k8s-deploy azure/aks-* azure/static-web-apps-deploy azure/container-apps-deploy-action azure/arm-deploy azure/appservice-* azure/bicep-deploy azure/spring-cloud-deploy azure/aci-deploy",
        Deploy("azure"),
    ),
    (
        "aws-actions/amazon-ecs-deploy-task-definition aws-actions/amazon-ecs-deploy-express-service",
        Deploy("ecs"),
    ),
    (
        "aws-actions/aws-cloudformation-github-deploy aws-actions/aws-lambda-deploy aws-actions/aws-codebuild-run-build einaregilsson/beanstalk-deploy jakejarvis/s3-sync-action reggionick/s3-deploy appleboy/lambda-action",
        Deploy("aws"),
    ),
    ("aws-actions/amazon-ecs-render-task-definition", Nothing),
    (
        "google-github-actions/deploy-* firebaseextended/action-hosting-deploy google-github-actions/create-cloud-deploy-release",
        Deploy("gcloud"),
    ),
    ("google-github-actions/ssh-compute", Deploy("gcloud")),
    ("google-github-actions/upload-cloud-storage", Publish("gcs")),
    (
        "amondnet/vercel-action nwtgck/actions-netlify netlify/actions* cloudflare/wrangler-action cloudflare/pages-action akhileshns/heroku-deploy superfly/flyctl-actions burnett01/rsync-deployments easingthemes/ssh-deploy appleboy/ssh-action appleboy/scp-action samkirkland/ftp-deploy-action garygrossgarten/* digitalocean/app_action* railwayapp/* bobheadxi/deployments wei/curl-deploy stefanprodan/* deployphp/action dawidd6/action-ansible-playbook elgohr/*deploy* tj-actions/*deploy* serverless/github-action johnnyhuy/* render-oss/* johnbeynon/render-deploy-action shallwefootball/s3-upload-action koyeb/* dokku/github-action qovery/* caprover/* aws-actions/*deploy* easydeploy/* mdgreenwald/*deploy*",
        Deploy("host"),
    ),
    ("bitovi/github-actions-deploy-* wlixcc/sftp-deploy-action", Deploy("host")),
    ("actions/deploy-pages", Deploy("pages")),
    (
        "peaceiris/actions-gh-pages jamesives/github-pages-deploy-action crazy-max/ghaction-github-pages",
        Publish("pages"),
    ),
    (
        "deliverybot/* azure/k8s-bake deliverybot/helm wyrihaximus/github-action-helm* bitovi/*helm* koslib/helm-eks-action vimeda/helm",
        Deploy("helm"),
    ),
    (
        "actions-hub/kubectl steebchen/kubectl kodermax/kubectl-aws-eks tale/kubectl-action clowdhaus/*",
        Deploy("kubectl"),
    ),
    (
        "helm/kind-action engineerd/setup-kind medyagh/setup-minikube manusa/actions-setup-minikube absaoss/k3d-action nolar/setup-k3d-k3s debianmaster/actions-k3s balchua/microk8s-actions localstack/setup-localstack container-tools/kind-action",
        Sandbox,
    ),
    ("pypa/gh-action-pypi-publish", Publish("pypi")),
    ("js-devtools/npm-publish rxfork/npm-publish changesets/action", Publish("npm")),
    (
        "katyo/publish-crates rust-lang/crates-io-auth-action marcoieni/release-plz-action release-plz/action",
        Publish("crates"),
    ),
    (
        "softprops/action-gh-release ncipollo/release-action actions/create-release actions/upload-release-asset goreleaser/goreleaser-action svenstaro/upload-release-action taiki-e/upload-rust-binary-action taiki-e/create-gh-release-action marvinpinto/action-automatic-releases shogo82148/actions-upload-release-asset release-drafter/release-drafter google-github-actions/release-please-action googleapis/release-please-action cycjimmy/semantic-release-action go-semantic-release/action semantic-release/* python-semantic-release/* mathieudutour/github-tag-action anothrnick/github-tag-action ad-m/github-push-action eugeneware/* helm/chart-releaser-action actions/attest actions/attest-build-provenance actions/attest-sbom tauri-apps/tauri-action samuelmeuli/action-electron-builder r0adkll/upload-google-play wzieba/firebase-distribution-github-action snapcore/action-publish apple-actions/* haaleo/publish-vscode-extension actions/publish-action",
        Publish("release"),
    ),
    ("slsa-framework/slsa-github-generator/*", Publish("provenance")),
    (
        "stefanzweifel/git-auto-commit-action endbug/add-and-commit peter-evans/create-pull-request",
        Publish("git"),
    ),
    (
        "actions/upload-artifact actions/upload-pages-artifact actions/upload-artifact/merge",
        Upload("name"),
    ),
    ("actions/download-artifact dawidd6/action-download-artifact bettermarks/*", Download("name")),
    (
        "slackapi/* 8398a7/action-slack rtcamp/action-slack-notify ravsamhq/notify-slack-action act10ns/slack edge/simple-slack-notify voxmedia/* lazy-actions/slatify",
        Notify("slack"),
    ),
    (
        "dawidd6/action-send-mail jwalton/gh-ci-discord sarisia/actions-status-discord appleboy/telegram-action appleboy/discord-action skitionek/notify-microsoft-teams aliencube/microsoft-teams-actions tsickert/discord-webhook ilshidur/action-discord",
        Notify("message"),
    ),
    (
        "docker/login-action azure/docker-login aws-actions/amazon-ecr-login redhat-actions/podman-login",
        Login("registry"),
    ),
    ("aws-actions/configure-aws-credentials", Login("aws")),
    ("azure/login azure/aks-set-context azure/k8s-set-context", Login("azure")),
    ("google-github-actions/auth google-github-actions/get-gke-credentials", Login("gcloud")),
    (
        "hashicorp/vault-action actions/create-github-app-token tibdex/github-app-token azure/get-keyvault-secrets webfactory/ssh-agent shimataro/ssh-key-action 1password/load-secrets-action dopplerhq/* infisical/* crazy-max/ghaction-import-gpg aws-actions/aws-secretsmanager-get-secrets getsentry/action-* bitwarden/* tailscale/github-action azure/cli",
        Login("secrets"),
    ),
    ("azure/powershell", Login("azure")),
    (
        "gittools/actions/* paulhatch/semantic-version tj-actions/changed-files dorny/paths-filter nrwl/nx-set-shas metcalfc/changelog-generator mikepenz/release-changelog-builder-action orhun/git-cliff-action step-security/changed-files jitterbit/get-changed-files technote-space/*",
        History,
    ),
    ("dflook/terraform-plan dflook/tofu-plan", Plan("terraform")),
    (
        "dflook/terraform-apply dflook/tofu-apply dflook/terraform-destroy hashicorp/tfc-workflows-github/* pulumi/actions",
        Deploy("iac"),
    ),
    ("trstringer/manual-approval", Approval),
    (
        "jtalk/url-health-check-action nev7n/wait_for_response cygnetdigital/wait_for_response",
        Health,
    ),
    (
        "codecov/codecov-action coverallsapp/github-action dorny/test-reporter mikepenz/action-junit-report enricomi/publish-unit-test-result-action codacy/* deepsourcelabs/* 5monkeys/cobertura-action irongut/codecoveragesummary test-summary/action trunk-io/* datadog/* phoenix-actions/test-reporting step-security/harden-runner re-actors/alls-green actions/labeler easimon/maximize-build-space jlumbroso/free-disk-space styfle/cancel-workflow-action kenchan0130/* crazy-max/ghaction-setup-docker jakejarvis/wait-action actions/stale kentaro-m/* benchmark-action/* rlespinasse/github-slug-action homebrew/actions/* toko-bifrost/* al-cheb/configure-pagefile-action beatlabs/* gacts/* sergeysova/jq-action mikefarah/yq juliangruber/* marocchino/* peter-evans/*comment* peter-evans/find-comment thollander/* mshick/* actions-cool/* haya14busa/* actions/first-interaction dessant/* actions/add-to-project int128/* emibcn/badge-action",
        Nothing,
    ),
];

/// Tasks and the keywords of steps.
pub(super) const AZURE: &[Row] = &[
    ("checkout", Checkout),
    ("nodetool usenode", Setup("node")),
    ("usepythonversion condaenvironment", Setup("python")),
    ("gotool", Setup("go")),
    ("javatoolinstaller", Setup("java")),
    (
        "usedotnet nugettoolinstaller dotnetcoreinstaller visualstudiotestplatforminstaller",
        Setup("dotnet"),
    ),
    ("userubyversion", Setup("ruby")),
    (
        "helminstaller kubectlinstaller terraforminstaller dockerinstaller funtoolsinstaller installappleprovisioningprofile installapplecertificate duffleinstaller",
        Setup("tools"),
    ),
    ("cache cachebeta restorecache", Cache),
    (
        "nugetauthenticate npmauthenticate pipauthenticate twineauthenticate mavenauthenticate cargoauthenticate",
        Login("feed"),
    ),
    ("vstest cloudloadtest visualstudiotest xamarintestcloud appcentertest", Test),
    (
        "msbuild vsbuild xcode xamarinandroid xamarinios cmake ant grunt gulp archivefiles extractfiles copyfiles deletefiles powershellonagent index signtool microbuildsigningplugin* esrpcodesigning dotnetpublish flutterbuild publishsymbols indexsources replacetokens filetransform assemblyinfo* androidsigning",
        Build,
    ),
    (
        "publishtestresults publishcodecoverageresults reportgenerator delay publishpipelinemetadata downloadsecurefile bash powershell cmdline shellscript batchscript pythonscript microbuildcleanup downloadgithubreview",
        Nothing,
    ),
    (
        "azurewebapp azurermwebappdeployment azurewebappcontainer azurefunctionapp azurefunctionappcontainer azureappservicemanage azureappservicesettings azurecontainerapps azureresourcegroupdeployment azureresourcemanagertemplatedeployment azurestaticwebapp azurecloudpowershelldeployment azurespringcloud azuremysqldeployment sqlazuredacpacdeployment azurevmssdeployment servicefabricdeploy servicefabriccomposedeploy iiswebappdeployment* iiswebappdeploymentonmachinegroup iiswebappmanagement* windowsmachinefilecopy copyfilesoverssh ssh azurewebpowershelldeployment azureiotedge appcenterdistribute azuredatabricksdeploy* ",
        Deploy("azure"),
    ),
    ("azurefilecopy amazons3upload s3upload", Publish("storage")),
    ("helmdeploy", Deploy("helm")),
    ("kubernetesmanifest kubernetes", Deploy("kubectl")),
    (
        "awscloudformation* cloudformationcreateorupdatestack beanstalkdeployapplication lambdadeployfunction codedeploydeployapplication ecsdeploy*",
        Deploy("aws"),
    ),
    ("octopusdeployrelease octopuspromote", Deploy("octopus")),
    ("ftpupload", Deploy("ftp")),
    ("publishbuildartifacts publishpipelineartifact publish upload", Upload("artifactName")),
    ("downloadbuildartifacts downloadpipelineartifact download", Download("artifactName")),
    ("downloadpackage downloadfileshareartifacts", Download("definition")),
    ("universalpackages", Publish("universal")),
    ("githubrelease", Publish("release")),
    ("twineupload", Publish("pypi")),
    ("nugetpublisher", Publish("nuget")),
    ("googleplayrelease appstorerelease googleplayreleasepromote", Publish("app")),
    ("azurekeyvault", Login("secrets")),
    ("installsshkey", Login("ssh")),
    ("gitversion gitversion/*", History),
    ("manualvalidation manualintervention", Approval),
    ("trivy", Scan("trivy", Image, false, "exitCode", "1")),
    ("snyksecurityscan", Scan("snyk", Source, true, "failOnIssues", "false")),
    ("sonarqubeprepare sonarcloudprepare sonarqubepublish sonarcloudpublish", Nothing),
    ("sonarqubeanalyze sonarcloudanalyze", Scan("sonar", Source, false, "", "")),
    (
        "sonarqubequalitygate sonarcloudqualitygate sonar-buildbreaker",
        Scan("sonar", Source, true, "", ""),
    ),
    (
        "credscan antimalware binskim policheck whitesource whitesourcebolt* mend* dependency-check-build-task securitycodescan microsoftsecuritydevops advancedsecurity-codeql-analyze advancedsecurity-dependency-scanning codeql3000finalize veracode* checkmarx* fortify* componentgovernancecomponentdetection gitleaks",
        Scan("security", Source, false, "", ""),
    ),
    ("advancedsecurity-codeql-init codeql3000init advancedsecurity-codeql-autobuild", Nothing),
    ("aquascannercli prismacloudscan anchore", Scan("image", Image, true, "", "")),
    ("owaspzap zap*", Scan("zap", Live, true, "", "")),
    ("invokerestapi", Notify("api")),
];

/// Pipes.
pub(super) const BITBUCKET: &[Row] = &[
    (
        "atlassian/aws-* atlassian/azure-* atlassian/google-* atlassian/ssh-run atlassian/scp-deploy atlassian/rsync-deploy atlassian/sftp-deploy atlassian/ftp-deploy atlassian/heroku-deploy atlassian/firebase-deploy atlassian/kubectl-run atlassian/netlify-deploy atlassian/serverless-deploy atlassian/elastic-beanstalk-* atlassian/pulumi atlassian/cloudformation-* atlassian/digital-ocean-* atlassian/lightsail* microsoft/azure-* pulumi/pulumi-bitbucket-pipe akamai/* upstash/* cloudflare/* sykescottages/* aws-samples/* lambda*",
        Deploy("pipe"),
    ),
    ("atlassian/npm-publish", Publish("npm")),
    (
        "atlassian/pypi-publish atlassian/bitbucket-upload-file atlassian/jfrog-* jfrog/*",
        Publish("release"),
    ),
    (
        "atlassian/slack-notify atlassian/email-notify atlassian/msteams-notify microsoft/teams* atlassian/opsgenie-send-alert atlassian/pagerduty-* atlassian/telegram* atlassian/discord*",
        Notify("message"),
    ),
    ("atlassian/git-secrets-scan", Scan("git-secrets", Source, true, "", "")),
    ("snyk/snyk-scan", Scan("snyk", Source, true, "DONT_BREAK_BUILD", "true")),
    (
        "sonarsource/sonarcloud-quality-gate sonarsource/sonarqube-quality-gate",
        Scan("sonar", Source, true, "", ""),
    ),
    ("sonarsource/*", Scan("sonar", Source, false, "", "")),
    ("aquasecurity/trivy-pipe", Scan("trivy", Image, false, "exitCode", "1")),
    ("atlassian/trigger-pipeline", Deploy("trigger")),
    (
        "atlassian/checkout* atlassian/bitbucket-clear-cache atlassian/bitbucket-build-statistics atlassian/codecov codecov/* atlassian/git-*",
        Nothing,
    ),
    (
        "checkmarx/* whitesource/* synopsys/* veracode/* qualys/* anchore/*",
        Scan("sast", Source, true, "", ""),
    ),
];

/// Steps of plugins.
pub(super) const JENKINS: &[Row] = &[
    ("checkout git scmcheckout", Checkout),
    (
        "junit publishhtml recordissues cobertura jacoco recordcoverage publishcoverage xunit nunit testng archivejunit allure cleanws deletedir echo properties timestamps fingerprint buildname currentbuild pwd fileexists readfile writefile readjson writejson readyaml writeyaml readproperties error unstable sleep istunix isunix setgithubpullrequeststatus githubnotify updategitlabcommitstatus step ansicolor tools fileoperations parallel catchError lock throttle publishers discoverreferencebuild mineRepository catcherror warnerror retry timeout script withenv dir node stage wrap unarchive zip unzip tool load library findfiles checksum milestone addbadge addshorttext publishchecks",
        Nothing,
    ),
    ("archiveartifacts stash", Upload("")),
    ("unstash copyartifacts unarchive", Download("")),
    ("cache arbitraryfilecache", Cache),
    ("nodejs withnpm withmaven withgradle setupgo", Setup("tools")),
    (
        "withcredentials sshagent withawscredentials withaws withvault withdockerregistry withkubeconfig openshift.withcluster",
        Login("credentials"),
    ),
    ("slacksend hipchatsend office365connectorsend", Notify("slack")),
    (
        "mail emailext emailextrecipients discordsend telegramsend googlechatnotification",
        Notify("mail"),
    ),
    ("build", Deploy("trigger")),
    ("input", Approval),
    ("dependencycheck", Scan("dependency-check", Source, false, "", "")),
    ("dependencycheckpublisher", Nothing),
    ("snyksecurity", Scan("snyk", Source, true, "failOnIssues", "false")),
    ("withsonarqubeenv", Nothing),
    ("waitforqualitygate", Scan("sonar", Source, false, "abortPipeline", "true")),
    ("aqua anchore neuvector prismacloudscanimage twistlock*", Scan("image", Image, true, "", "")),
    ("zap arachniscanner zaproxy", Scan("zap", Live, true, "", "")),
    (
        "kubernetesdeploy ansibleplaybook sshpublisher sshcommand sshput sshscript azurewebapppublish openshiftdeploy deploy s3deploy cfnupdate ebdeploy pushtocloudfoundry openshift.apply cfnupdatestackset awscodedeploy ecsdeploy",
        Deploy("plugin"),
    ),
    (
        "s3upload azureupload googlestorageupload nexusartifactuploader nexuspublisher rtupload rtpublishbuildinfo rtdockerpush publishtonexus",
        Publish("artifacts"),
    ),
    ("ansibletower", Deploy("ansible")),
];

/// Types of steps.
pub(super) const HARNESS: &[Row] = &[
    ("gitclone", Checkout),
    (
        "restorecaches3 restorecachegcs restorecacheazure savecaches3 savecachegcs savecacheazure restorecacheharness savecacheharness",
        Cache,
    ),
    (
        "s3upload gcsupload artifactoryupload uploadtogcs uploadtoartifactory uploadtos3 harnessupload",
        Publish("artifacts"),
    ),
    ("test runtests", Test),
    (
        "k8srollingdeploy k8sbluegreendeploy k8scanarydeploy k8sapply k8sdelete k8sscale k8sbgswapservices k8scanarydelete k8sbluegreenstagescaledown k8sbgstagescaledown k8sblueGreenstagescaledown k8straffic* k8spatch k8srollout k8sset* k8sgitopssync gitopssync gitopsupdatereleaserepo mergepr updatereleaserepo gitopsrollout",
        Deploy("kubernetes"),
    ),
    (
        "helmdeploy helmbluegreendeploy helmcanarydeploy helmcanarydelete helmbluegreenswap",
        Deploy("helm"),
    ),
    (
        "ecsrollingdeploy ecsbluegreencreateservice ecsbluegreenswaptargetgroups ecscanarydeploy ecscanarydelete ecsruntask ecsserviceSetup ecsupgradecontainer ecsbasicdeploy",
        Deploy("ecs"),
    ),
    (
        "serverlessawslambdadeploy serverlessawslambdadeployv2 awslambdadeploy awslambdatrafficshift awssamdeploy deploycloudfunction* deploycloudfunctionwithnotraffic cloudfunctiontrafficshift googlecloudrundeploy googlecloudrundeploytraffic*",
        Deploy("serverless"),
    ),
    (
        "tanzucommand tasapp* tasbasic* tasrolling* tasbgapp* tascanary* swaproutes swaprollback basicappsetup bgappsetup canaryappsetup appresize routemapping bluegreenappsetup",
        Deploy("cloudfoundry"),
    ),
    (
        "azureslotdeployment azureslotswap azuretrafficshift azurewebapp*deploy azurecreatear* azurecreatearmresource azurecreatebpresource azurefunction*deploy azurecontainerapps*",
        Deploy("azure"),
    ),
    (
        "asgrollingdeploy asgcanarydeploy asgbluegreendeploy asgbluegreenswapservice asgcanarydelete elastigroup* elastigroupdeploy spotelastigroup* asgsetup asgphasedeploy",
        Deploy("vm"),
    ),
    (
        "terraformapply terraformdestroy terragruntapply terragruntdestroy terraformcloudrun createstack deletestack iacmterraformapply iacmapply cloudformation*",
        Deploy("iac"),
    ),
    ("terraformplan terragruntplan iacmterraformplugin iacmterraformplan", Plan("terraform")),
    (
        "terraformrollback terragruntrollback terraformcloudrollback rollbackstack *rollback k8srollingrollback k8sbluegreenrollback ecsrollingrollback ecsbluegreenrollback ecscanaryrollback helmrollback asgrollingrollback asgbluegreenrollback asgcanaryrollback serverlessawslambdarollback serverlessawslambdarollbackv2 awslambdarollback awssamrollback azurewebapprollback azurearmrollback tasrollback rollbackcloudfunction* googlecloudrunrollback elastigrouprollback rollback",
        Rollback,
    ),
    ("command customdeployment* fetchinstancescript downloadmanifests", Deploy("command")),
    ("verify analyzeDeploymentImpact k8sdryrun k8sdiff", Health),
    ("harnessapproval jiraapproval servicenowapproval customapproval", Approval),
    ("email jiracreate jiraupdate servicenowcreate servicenowupdate slack", Notify("message")),
    ("http", Health),
    (
        "run shellscript queue barrier wait bitrise provenance sscaorchestration sscaenforcement slsaprovenance slsaverification sscacompliance background policy flagconfiguration containerstep plugin2 iacmopenTofuplugin",
        Nothing,
    ),
    ("aquatrivy", Scan("trivy", Image, false, "fail_on_severity", "")),
    (
        "grype aquasecurity aquasecure anchore prismacloud sysdig awsecr wiz_image snykcontainer docker*scan",
        Scan("image", Image, false, "fail_on_severity", ""),
    ),
    (
        "zap nikto burp traceable awsinspector prowler nmap metasploit qualys tenable* veracode_dynamic",
        Scan("zap", Live, false, "fail_on_severity", ""),
    ),
    (
        "bandit brakeman snyk semgrep sonarqube checkov gitleaks owasp blackduck checkmarx checkmarxone codeql coverity fortify* fossa githubadvancedsecurity mend nexusiq osvscanner reapsaw shiftleft veracode whitesource wiz xray data-theorem security customscan traceable owaspdependencycheck osvscanner2 trufflehog",
        Scan("sast", Source, false, "fail_on_severity", ""),
    ),
];
