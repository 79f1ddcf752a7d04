//! Token formats that their issuers document, and how each is told from noise.
//!
//! `hints` are cheap patterns, of which one matches in every line that holds a
//! token of the format; `pattern` matches the token in its first group and
//! never runs on a line without a hint.

use super::judge;
use crate::finding::Severity::{self, Critical, High, Low, Medium};

/// One issuer's format.
pub(super) struct Format {
    /// Part of the fingerprint; stable.
    pub id: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// Patterns without groups, one of which matches in the line.
    pub hints: &'static [&'static str],
    /// The token is group 1.
    pub pattern: &'static str,
    /// How bad a leak is.
    pub severity: Severity,
    /// A further proof: a checksum, an encoding, a spread of characters.
    pub proof: fn(&str) -> bool,
}

const fn format(
    id: &'static str,
    name: &'static str,
    hints: &'static [&'static str],
    pattern: &'static str,
    severity: Severity,
    proof: fn(&str) -> bool,
) -> Format {
    Format { id, name, hints, pattern, severity, proof }
}

/// The prefix is proof enough.
fn any(_: &str) -> bool {
    true
}

fn spread(token: &str) -> bool {
    judge::entropy(token) >= 3.0
}

fn dense(token: &str) -> bool {
    judge::entropy(token) >= 4.0 && judge::classes(token) >= 3
}

/// `\b` that treats `-` and `_` as letters, at the end of a token.
macro_rules! end {
    ($pattern:literal) => {
        concat!($pattern, r"(?:[^A-Za-z0-9_-]|$)")
    };
}

/// Every known format. Sources: the issuers' own pages on their token formats,
/// and GitHub's list of supported secret scanning patterns.
#[rustfmt::skip] // A table: one row a format.
pub(super) const FORMATS: &[Format] = &[
    // Clouds
    format("aws-access-key", "AWS access key ID", &["AKIA", "ASIA", "ABIA", "ACCA"], r"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b", High, spread),
    format("aws-secret-key", "AWS secret access key", &["(?i)aws"], r#"(?i)aws.{0,20}(?:secret|sk)\w{0,20}["']?\s*(?:=>|:=|=|:|,)\s*["']?([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)"#, Critical, dense),
    format("aws-bedrock-key", "Amazon Bedrock API key", &["ABSK"], r"\b(ABSK[A-Za-z0-9+/]{109,269}={0,2})", High, dense),
    format("google-api-key", "Google API key", &["AIza"], end!(r"\b(AIza[A-Za-z0-9_-]{35})"), High, spread),
    format("google-oauth-secret", "Google OAuth client secret", &["GOCSPX-"], end!(r"\b(GOCSPX-[A-Za-z0-9_-]{28})"), High, spread),
    format("google-oauth-token", "Google OAuth access token", &["ya29\\."], r"\b(ya29\.[A-Za-z0-9_-]{40,})", Medium, dense),
    format("azure-storage-key", "Azure storage account key", &["(?i)accountkey="], r"(?i)AccountKey=([A-Za-z0-9+/]{86}==)", Critical, dense),
    format("azure-shared-key", "Azure shared access key", &["(?i)sharedaccesskey="], r"(?i)SharedAccessKey=([A-Za-z0-9+/]{43}=)", High, dense),
    format("azure-client-secret", "Microsoft Entra client secret", &["[78]Q~"], r#"(?:^|[^A-Za-z0-9_~.-])([A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,34})(?:[^A-Za-z0-9_~.-]|$)"#, High, dense),
    format("azure-devops-token", "Azure DevOps personal access token", &["AZDO"], r"\b([A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4})\b", High, dense),
    format("digitalocean-token", "DigitalOcean token", &["do[opr]_v1_"], r"\b(do[opr]_v1_[a-f0-9]{64})\b", High, spread),
    format("alibaba-access-key", "Alibaba Cloud access key ID", &["LTAI"], r"\b(LTAI[A-Za-z0-9]{20})\b", High, dense),
    format("heroku-key", "Heroku API key", &["HRKU-"], r"\b(HRKU-[A-Za-z0-9_-]{36,60})", High, spread),
    format("flyio-token", "Fly.io token", &["fm2_", "fo1_"], r"\b(fm2_[A-Za-z0-9+/]{100,}={0,3}|fo1_[A-Za-z0-9_-]{43})", High, dense),
    format("cloudflare-origin-key", "Cloudflare origin CA key", &["v1\\.0-"], r"\b(v1\.0-[a-f0-9]{24}-[a-f0-9]{146})\b", High, spread),
    format("yandex-key", "Yandex Cloud API key", &["AQVN"], r"\b(AQVN[A-Za-z0-9_-]{35,38})", High, dense),
    // Code hosts and registries
    format("github-token", "GitHub token", &["gh[pousr]_[A-Za-z0-9]{36}"], r"\b(gh[pousr]_[A-Za-z0-9]{36})\b", Critical, judge::github_checksum),
    format("github-fine-grained-token", "GitHub fine-grained token", &["github_pat_"], r"\b(github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b", Critical, dense),
    format("gitlab-token", "GitLab token", &["gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas|ffct|imt)-"], r"\b(gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas|ffct|imt)-[A-Za-z0-9_-]{20,}(?:\.[a-z0-9]{2}\.[a-z0-9]{9})?)", Critical, spread),
    format("gitlab-runner-token", "GitLab runner registration token", &["GR1348941"], end!(r"\b(GR1348941[A-Za-z0-9_-]{20})"), High, spread),
    format("bitbucket-token", "Bitbucket access token", &["ATCTT3x", "ATBB"], r"\b(ATCTT3x[A-Za-z0-9_=-]{60,}|ATBB[A-Za-z0-9]{32})", High, dense),
    format("atlassian-token", "Atlassian API token", &["ATATT3"], r"\b(ATATT3[A-Za-z0-9_=-]{100,})", High, dense),
    format("npm-token", "npm token", &["npm_"], r"(?:\b|:_authToken=)(npm_[A-Za-z0-9]{36})\b", Critical, dense),
    format("pypi-token", "PyPI token", &["pypi-AgE"], r"\b(pypi-AgE[A-Za-z0-9_-]{50,})", Critical, dense),
    format("crates-io-token", "crates.io token", &["cio[A-Za-z0-9]{32}"], r#"["'\s=](cio[A-Za-z0-9]{32})\b"#, High, dense),
    format("rubygems-key", "RubyGems API key", &["rubygems_"], r"\b(rubygems_[a-f0-9]{48})\b", Critical, spread),
    format("nuget-key", "NuGet API key", &["oy2[a-z0-9]{20}"], r"\b(oy2[a-z0-9]{43})\b", High, spread),
    format("docker-hub-token", "Docker Hub token", &["dckr_[po]at_"], r"\b(dckr_[po]at_[A-Za-z0-9_-]{27,32})", High, spread),
    format("artifactory-token", "JFrog token", &["AKCp", "cmVmdGtuO"], r"\b(AKCp[A-Za-z0-9]{69}|cmVmdGtuO[A-Za-z0-9]{50,60})\b", High, dense),
    format("clojars-token", "Clojars token", &["CLOJARS_"], r"\b(CLOJARS_[a-f0-9]{60})\b", High, spread),
    // Models
    format("anthropic-key", "Anthropic API key", &["sk-ant-"], r"\b(sk-ant-(?:api|admin|oat|ort)\d{2}-[A-Za-z0-9_-]{80,})", Critical, dense),
    format("openai-key", "OpenAI API key", &["sk-proj-", "sk-svcacct-", "sk-admin-", "T3BlbkFJ"], r"\b(sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}|sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})", Critical, dense),
    format("huggingface-token", "Hugging Face token", &["hf_[A-Za-z]{34}", "api_org_"], r"\b(hf_[A-Za-z]{34}|api_org_[A-Za-z]{34})\b", High, |t| judge::entropy(t) >= 3.5),
    format("groq-key", "Groq API key", &["gsk_"], r"\b(gsk_[A-Za-z0-9]{52})\b", High, dense),
    format("replicate-token", "Replicate token", &["r8_"], r"\b(r8_[A-Za-z0-9]{37})\b", High, dense),
    format("perplexity-key", "Perplexity API key", &["pplx-"], r"\b(pplx-[A-Za-z0-9]{48})\b", High, dense),
    format("xai-key", "xAI API key", &["xai-"], r"\b(xai-[A-Za-z0-9]{80})\b", High, dense),
    format("openrouter-key", "OpenRouter key", &["sk-or-v1-"], r"\b(sk-or-v1-[a-f0-9]{64})\b", High, spread),
    // Chat and mail
    format("slack-token", "Slack token", &["xox[abeprs]", "xapp-"], r"\b(xox[abprs]-\d{8,14}-[A-Za-z0-9-]{20,}|xoxe(?:\.xox[bp])?-\d-[A-Za-z0-9]{140,}|xapp-\d-[A-Z0-9]{8,12}-\d{10,14}-[a-f0-9]{60,})", Critical, spread),
    format("slack-webhook", "Slack webhook", &["hooks\\.slack\\.com"], r"(https://hooks\.slack\.com/(?:services/T[A-Z0-9]{7,12}/B[A-Z0-9]{7,12}/[A-Za-z0-9]{23,25}|workflows/T[A-Z0-9]{7,12}/A[A-Z0-9]{7,12}/\d{17,19}/[A-Za-z0-9]{23,25}))", High, spread),
    format("discord-webhook", "Discord webhook", &["/api/webhooks/"], r"(https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{60,72})", High, dense),
    format("discord-token", "Discord bot token", &["(?i)discord|bot_?(?:token|key|value)"], r#"["'\s=:]([MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38})(?:["'\s,;]|$)"#, High, judge::discord_user),
    format("telegram-token", "Telegram bot token", &["\\d:AA"], r#"(?:^|["'\s=:/t])(\d{8,10}:AA[A-Za-z0-9_-]{33})(?:[^A-Za-z0-9_-]|$)"#, High, dense),
    format("teams-webhook", "Microsoft Teams webhook", &["webhook\\.office\\.com"], r"(https://[a-z0-9-]+\.webhook\.office\.com/webhookb2/[a-f0-9@-]{36,}/IncomingWebhook/[a-f0-9]{32}/[a-f0-9-]{36})", High, spread),
    format("sendgrid-key", "SendGrid API key", &["SG\\."], end!(r"\b(SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})"), Critical, dense),
    format("mailgun-key", "Mailgun key", &["(?i)mailgun"], r"(?i:mailgun).{0,40}\b(key-[a-f0-9]{32}|[a-f0-9]{32}-[a-f0-9]{8}-[a-f0-9]{8})\b", High, spread),
    format("mailchimp-key", "Mailchimp API key", &["[a-f0-9]-us\\d"], r"\b([a-f0-9]{32}-us\d{1,2})\b", High, spread),
    format("brevo-key", "Brevo API key", &["x(?:key|smtp)sib-"], r"\b(x(?:key|smtp)sib-[a-f0-9]{64}-[A-Za-z0-9]{16})\b", High, spread),
    format("resend-key", "Resend API key", &["re_[A-Za-z0-9]{8}_"], r#"["'=\s](re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24})\b"#, High, dense),
    format("twilio-key", "Twilio API key", &["(?i)twilio"], r"(?i:twilio.{0,60})\b(SK[a-f0-9]{32})\b", High, spread),
    format("twilio-auth-token", "Twilio auth token", &["(?i)twilio"], r#"(?i)twilio\w{0,12}_?auth\w{0,8}["']?\s*[=:]\s*["']?([a-f0-9]{32})\b"#, Critical, spread),
    // Money and shops
    format("stripe-key", "Stripe live key", &["[sr]k_live_"], r"\b([sr]k_live_[A-Za-z0-9]{24,247})\b", Critical, spread),
    format("stripe-webhook-secret", "Stripe webhook secret", &["whsec_"], r"\b(whsec_[A-Za-z0-9+/]{32,64}={0,2})", High, dense),
    format("square-token", "Square token", &["sq0atp-", "sq0csp-", "EAAAEu", "EAAAl"], r"\b(sq0atp-[A-Za-z0-9_-]{22}|sq0csp-[A-Za-z0-9_-]{43}|EAAA(?:Eu|l)[A-Za-z0-9_-]{55,60})", Critical, dense),
    format("shopify-token", "Shopify token", &["shp(?:at|ca|pa|ss|tka)_"], r"\b(shp(?:at|ca|pa|ss|tka)_[a-fA-F0-9]{32})\b", Critical, spread),
    format("paypal-token", "PayPal Braintree token", &["access_token\\$production\\$"], r"(access_token\$production\$[a-z0-9]{16}\$[a-f0-9]{32})\b", Critical, spread),
    format("adyen-key", "Adyen API key", &["AQE[A-Za-z0-9]{2}mf"], r"\b(AQE[A-Za-z0-9]{2}mf[A-Za-z0-9+/=]{60,}-[A-Za-z0-9+/=]{20,}-[A-Za-z0-9+/=<>{}()\[\]!@#$%^&*.,;:]{10,})", Critical, dense),
    // Operations
    format("vault-token", "HashiCorp Vault token", &["hv[sbr]\\."], r"\b(hv[sbr]\.[A-Za-z0-9_-]{24,200})", Critical, dense),
    format("terraform-cloud-token", "Terraform Cloud token", &["\\.atlasv1\\."], r"\b([A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70})", Critical, dense),
    format("doppler-token", "Doppler token", &["dp\\.(?:pt|st|ct|sa|scim|audit)\\."], r"\b(dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44})\b", Critical, dense),
    format("pulumi-token", "Pulumi token", &["pul-"], r"\b(pul-[a-f0-9]{40})\b", High, spread),
    format("databricks-token", "Databricks token", &["dapi"], r"\b(dapi[a-f0-9]{32}(?:-\d)?)\b", High, spread),
    format("datadog-key", "Datadog key", &["(?i)datadog", "(?i)dd_api", "(?i)dd_app", "(?i)dd-api"], r#"(?i)(?:datadog|dd)[_-]?(?:api|app|application)[_-]?key["']?\s*(?:=>|:=|=|:)\s*["']?([a-f0-9]{32}(?:[a-f0-9]{8})?)\b"#, High, spread),
    format("newrelic-key", "New Relic key", &["NRAK-", "NRII-", "NRAL"], r"\b(NRAK-[A-Z0-9]{27}|NRII-[A-Za-z0-9_-]{32}|[a-f0-9]{36}NRAL)\b", High, spread),
    format("grafana-token", "Grafana token", &["glsa_", "glc_"], r"\b(glsa_[A-Za-z0-9]{32}_[a-fA-F0-9]{8}|glc_[A-Za-z0-9+/]{60,400}={0,2})", High, dense),
    format("sentry-token", "Sentry token", &["sntrys_", "sntryu_"], r"\b(sntryu_[a-f0-9]{64}|sntrys_eyJ[A-Za-z0-9+/_=]{80,})", High, dense_or_hex),
    format("dynatrace-token", "Dynatrace token", &["dt0[a-z]01\\."], r"\b(dt0[a-z]01\.[A-Z0-9]{24}\.[A-Z0-9]{64})\b", High, spread),
    format("sonar-token", "SonarQube token", &["sq[upa]_[a-f0-9]{8}"], r"\b(sq[upa]_[a-f0-9]{40})\b", Medium, spread),
    format("harness-token", "Harness API key", &["[ps]at\\.[A-Za-z0-9_-]{22}\\."], r"\b([ps]at\.[A-Za-z0-9_-]{22}\.[a-f0-9]{24}\.[A-Za-z0-9]{20})\b", High, dense),
    format("snyk-circleci-token", "CircleCI token", &["cci(?:pat|prj)_"], r"\b(cci(?:pat|prj)_[A-Za-z0-9]{22}_[a-f0-9]{40})\b", High, dense),
    format("buildkite-token", "Buildkite token", &["bkua_"], r"\b(bkua_[a-z0-9]{40})\b", High, spread),
    format("netlify-token", "Netlify token", &["nfp_"], r"\b(nfp_[A-Za-z0-9]{36})\b", High, dense),
    format("planetscale-token", "PlanetScale secret", &["pscale_"], r"\b(pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,64})", Critical, dense),
    format("tailscale-key", "Tailscale key", &["tskey-"], r"\b(tskey-(?:auth|api|client|scim|webhook)-[A-Za-z0-9]{8,24}-[A-Za-z0-9]{20,40})\b", High, dense),
    format("onepassword-token", "1Password service account token", &["ops_eyJ"], r"\b(ops_eyJ[A-Za-z0-9+/_-]{200,}={0,3})", Critical, dense),
    format("cloudinary-url", "Cloudinary URL", &["cloudinary://"], r"(cloudinary://\d{12,18}:[A-Za-z0-9_-]{25,30}@[A-Za-z0-9_-]+)", High, dense),
    // Work
    format("linear-key", "Linear API key", &["lin_(?:api|oauth)_"], r"\b(lin_(?:api_[A-Za-z0-9]{40}|oauth_[a-f0-9]{64}))\b", High, spread),
    format("notion-token", "Notion token", &["ntn_", "secret_[A-Za-z0-9]{43}"], r"\b(ntn_[0-9]{11}[A-Za-z0-9]{35}|secret_[A-Za-z0-9]{43})\b", High, dense),
    format("airtable-token", "Airtable token", &["pat[A-Za-z0-9]{14}\\."], r"\b(pat[A-Za-z0-9]{14}\.[a-f0-9]{64})\b", High, spread),
    format("figma-token", "Figma token", &["figd_"], r"\b(figd_[A-Za-z0-9_-]{40})", High, dense),
    format("postman-key", "Postman API key", &["PMAK-"], r"\b(PMAK-[a-f0-9]{24}-[a-f0-9]{34})\b", High, spread),
    format("asana-token", "Asana token", &["(?i)asana"], r#"(?i:asana).{0,30}["'=\s](\d/\d{10,20}(?:/\d{10,20})?:[a-f0-9]{32})\b"#, High, spread),
    format("dropbox-token", "Dropbox token", &["\\bsl\\."], r#"["'\s=](sl\.[A-Za-z0-9_-]{130,})"#, High, dense),
    format("facebook-token", "Facebook access token", &["EAA[MC]"], r#"["'\s=](EAA[MC][A-Za-z0-9]{100,})["'\s]?"#, High, dense),
    format("duffel-easypost-token", "EasyPost API key", &["EZAK"], r"\b(EZAK[A-Za-z0-9]{54})\b", High, dense),
    format("frameio-token", "Frame.io token", &["fio-u-"], r"\b(fio-u-[A-Za-z0-9_=-]{64})", High, dense),
    format("typeform-token", "Typeform token", &["tfp_"], r"\b(tfp_[A-Za-z0-9_-]{40,60})\b", High, dense),
    format("supabase-token", "Supabase token", &["sbp_", "sb_secret_"], r"\b(sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{31,36})\b", Critical, spread),
    format("contentful-token", "Contentful token", &["CFPAT-"], r"\b(CFPAT-[A-Za-z0-9_-]{43})", High, dense),
    format("mapbox-secret", "Mapbox secret token", &["sk\\.ey"], r"\b(sk\.eyJ[A-Za-z0-9_-]{60,}\.[A-Za-z0-9_-]{22})", High, dense),
    format("age-key", "age secret key", &["AGE-SECRET-KEY-1"], r"\b(AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58})\b", Critical, spread),
    format("private-key", "Private key", &["PRIVATE KEY"], r"(-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----)", Critical, any),
    format("jwt", "JSON Web Token", &["eyJ"], r"\b(eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,})", Medium, judge::jwt),
    format("basic-auth-url", "Password in a URL", &["://[^\\s/@]+:[^\\s/@]+@"], r#"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@"'`<>{}$()\\|,]{1,60}:([^\s/:@"'`<>{}$()\\|,]{6,100})@[A-Za-z0-9\[]"#, High, judge::url_password),
    format("kubeconfig-key", "Kubernetes client key", &["client-key-data"], r"client-key-data:\s*([A-Za-z0-9+/]{100,}={0,2})", Critical, dense),
    format("docker-auth", "Registry credentials", &["\"auth\""], r#""auth"\s*:\s*"([A-Za-z0-9+/]{16,}={0,2})""#, High, judge::registry_auth),
    format("laravel-key", "Laravel application key", &["APP_KEY"], r"APP_KEY\s*=\s*(base64:[A-Za-z0-9+/]{43}=)", Low, dense),
];

fn dense_or_hex(token: &str) -> bool {
    judge::entropy(token) >= 3.2
}
