//! Where secrets usually lie on a machine.

use std::fs;
use std::path::{Path, PathBuf};

/// In a home.
const IN_HOME: &[&str] = &[
    ".ssh",
    ".aws",
    ".azure",
    ".config",
    ".docker",
    ".gnupg",
    ".kube",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".pypirc",
    ".git-credentials",
    ".gitconfig",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".m2/settings.xml",
    ".m2/settings-security.xml",
    ".gradle/gradle.properties",
    ".gradle/init.gradle",
    ".gradle/init.d",
    ".nuget/NuGet",
    ".gem/credentials",
    ".bundle/config",
    ".composer/auth.json",
    ".hex",
    ".sbt/.credentials",
    ".ivy2/.credentials",
    ".pgpass",
    ".my.cnf",
    ".mylogin.cnf",
    ".vault-token",
    ".terraform.d",
    ".terraformrc",
    ".s3cfg",
    ".boto",
    ".dockercfg",
    ".subversion",
    ".password-store",
    ".local/share/keyrings",
    ".local/share/containers",
    ".bash_history",
    ".zsh_history",
    ".python_history",
    ".node_repl_history",
    ".psql_history",
    ".mozilla",
    ".thunderbird",
    ".claude",
    ".claude.json",
    ".codex",
    ".gemini",
    ".oci",
    ".ibmcloud",
    ".databrickscfg",
    ".snowflake",
    ".credentials",
    ".credentials_rsaparams",
    ".runner",
];

/// Anywhere.
const ON_MACHINE: &[&str] = &[
    "/run/secrets",
    "/var/run/secrets",
    "/run/credentials",
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/containerd",
    "/run/podman",
    "/run/user",
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssl/private",
    "/etc/kubernetes",
    "/etc/docker",
    "/etc/rancher",
    "/etc/gitlab-runner",
    "/etc/boto.cfg",
    "/etc/machine-id",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/lib/gitlab-runner",
    "/var/lib/cloud",
    "/var/lib/waagent",
    "/var/lib/jenkins/secrets",
    "/var/lib/jenkins/credentials.xml",
    "/var/lib/sss",
    "/var/spool/cron",
    "/var/log",
    "/var/mail",
    "/github",
    "/__w/_temp",
    "/__w/_actions",
    "/home/runner/work/_temp",
    "/opt/hostedtoolcache/.credentials",
    "/harness/.secrets",
    "/addon/secrets",
    "/kaniko/.docker",
    "/vault/secrets",
    "/boot",
    "/lost+found",
];

/// The usual places of secrets that are there: in `home`, in every home of this machine,
/// and anywhere. Links are followed.
pub fn secret_places(home: Option<&Path>) -> Vec<PathBuf> {
    let mut homes: Vec<PathBuf> = home.into_iter().map(Path::to_path_buf).collect();
    homes.push(PathBuf::from("/root"));
    if let Ok(entries) = fs::read_dir("/home") {
        homes.extend(entries.filter_map(Result::ok).map(|entry| entry.path()));
    }
    let mut found: Vec<PathBuf> = homes
        .iter()
        .flat_map(|home| IN_HOME.iter().map(|name| home.join(name)))
        .chain(ON_MACHINE.iter().map(PathBuf::from))
        .chain(host_keys())
        .filter_map(|path| fs::canonicalize(path).ok())
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Private keys of this machine's SSH server.
fn host_keys() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir("/etc/ssh") else { return Vec::new() };
    entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "pub"))
        .filter(|path| path.to_string_lossy().contains("ssh_host_"))
        .collect()
}
