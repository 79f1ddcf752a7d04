//! Which paths are answered: by spelling, and then by what is on disk.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use super::Reason;

/// Longest path that is looked at, in bytes.
const MAX_PATH: usize = 4096;

/// The parts of a path that may be answered; none for the root itself.
pub(super) fn parse(path: &str) -> Result<Vec<&str>, Reason> {
    let has_drive = path.as_bytes().get(1) == Some(&b':');
    if path.len() > MAX_PATH
        || path.starts_with(['/', '~'])
        || has_drive
        || path.contains('\\')
        || path.chars().any(char::is_control)
    {
        return Err(Reason::Outside);
    }
    let parts: Vec<&str> =
        path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    for part in &parts {
        let plain = plain_name(part);
        if part.trim_end_matches([' ', '.']).is_empty() || plain == ".." {
            return Err(Reason::Outside);
        }
        if is_git_folder(&plain) {
            return Err(Reason::GitFolder);
        }
    }
    if is_credential_parts(&parts) {
        return Err(Reason::Credentials);
    }
    Ok(parts)
}

/// A name as the most forgiving file system reads it: without letter case,
/// characters that are not shown, trailing dots and spaces, and stream names.
fn plain_name(part: &str) -> String {
    let visible: String = part
        .chars()
        .filter(|c| {
            !matches!(c,
                '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}')
        })
        .flat_map(char::to_lowercase)
        .collect();
    let name = visible.split(':').next().unwrap_or_default();
    match name.trim_end_matches([' ', '.']) {
        "" => visible,
        trimmed => trimmed.to_owned(),
    }
}

fn is_git_folder(plain: &str) -> bool {
    plain == ".git"
        || plain
            .strip_prefix("git~")
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a path is one where credentials are usually kept: by its name
/// alone, in any letter case. Templates such as `.env.example` are not.
pub fn is_credential(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    is_credential_parts(&parts)
}

fn is_credential_parts(parts: &[&str]) -> bool {
    let plain: Vec<String> = parts.iter().map(|part| plain_name(part)).collect();
    let Some((name, folders)) = plain.split_last() else { return false };
    let folder = folders.last().map(String::as_str);
    let in_private_folder =
        plain.iter().any(|part| matches!(part.as_str(), ".ssh" | ".gnupg" | ".azure" | ".gcloud"));
    in_private_folder
        || plain.iter().any(|part| is_credential_name(part))
        || matches!(
            (folder, name.as_str()),
            (Some(".docker"), "config.json")
                | (Some(".aws"), "credentials" | "config")
                | (Some(".kube"), "config")
                | (Some(".cargo"), "credentials" | "credentials.toml")
                | (Some(".gem"), "credentials")
                | (Some(".m2"), "settings.xml" | "settings-security.xml")
                | (Some("gcloud"), "credentials.db" | "access_tokens.db")
                | (Some("gh"), "hosts.yml")
        )
}

fn is_credential_name(name: &str) -> bool {
    const NAMES: [&str; 26] = [
        ".npmrc",
        ".yarnrc",
        ".pypirc",
        ".netrc",
        "_netrc",
        ".git-credentials",
        ".gitcredentials",
        ".pgpass",
        ".my.cnf",
        ".mylogin.cnf",
        ".htpasswd",
        ".dockercfg",
        ".dockerconfigjson",
        ".envrc",
        ".terraformrc",
        "terraform.rc",
        "credentials.tfrc.json",
        "terraform.tfstate",
        "terraform.tfstate.backup",
        ".vault-token",
        ".vault_pass",
        ".s3cfg",
        ".boto",
        "kubeconfig",
        "application_default_credentials.json",
        "master.key",
    ];
    const ENDINGS: [&str; 9] =
        [".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk", ".tfstate"];
    const KEYS: [&str; 6] =
        ["id_rsa", "id_dsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"];
    const TEMPLATES: [&str; 7] =
        ["example", "sample", "template", "tmpl", "dist", "default", "defaults"];
    if NAMES.contains(&name) || KEYS.contains(&name) {
        return true;
    }
    if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        return true;
    }
    // What the checkout and cloud login actions leave behind.
    if (name.starts_with("git-credentials-") && name.ends_with(".config"))
        || (name.starts_with("gha-creds-") && name.ends_with(".json"))
    {
        return true;
    }
    match name.strip_prefix(".env") {
        Some("") => true,
        Some(rest) => match rest.strip_prefix(['.', '-', '_']) {
            Some(kind) => !kind.rsplit('.').next().is_some_and(|last| TEMPLATES.contains(&last)),
            None => false,
        },
        None => name.ends_with(".env"),
    }
}

/// Where a path lies and what is there. No part of it is a link.
pub(super) fn locate(root: &Path, parts: &[&str]) -> Result<(PathBuf, Metadata), Reason> {
    let mut full = root.to_owned();
    let mut found = full.symlink_metadata().map_err(|_| Reason::Unreadable)?;
    for part in parts {
        if !found.is_dir() {
            return Err(Reason::NotFound);
        }
        full.push(part);
        found = full.symlink_metadata().map_err(|error| match error.kind() {
            std::io::ErrorKind::PermissionDenied => Reason::Unreadable,
            _ => Reason::NotFound,
        })?;
        if found.is_symlink() {
            return Err(Reason::Link);
        }
    }
    Ok((full, found))
}

/// Whether what was opened is what was looked at.
#[cfg(unix)]
pub(super) fn same_file(one: &Metadata, two: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    one.dev() == two.dev() && one.ino() == two.ino()
}

/// Whether what was opened is what was looked at.
#[cfg(not(unix))]
pub(super) fn same_file(one: &Metadata, two: &Metadata) -> bool {
    one.file_type() == two.file_type() && one.len() == two.len()
}
