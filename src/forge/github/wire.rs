//! GitHub's answers, as far as they are read. Unknown fields are passed over
//! and most are optional: servers of one's own lag behind, and octocrab's
//! models would refuse an answer over a field that nobody needs.

use serde::{Deserialize, Deserializer};

/// An account; deleted ones come as null.
#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub login: String,
    #[serde(rename = "type", default)]
    pub kind: String,
}

impl User {
    pub(super) fn is_bot(&self) -> bool {
        self.kind == "Bot" || self.login.ends_with("[bot]")
    }
}

/// Login and whether it is a bot; GitHub shows deleted accounts as `ghost`.
pub(super) fn author(user: Option<User>) -> (String, bool) {
    user.map_or_else(
        || ("ghost".to_owned(), false),
        |user| {
            let bot = user.is_bot();
            (user.login, bot)
        },
    )
}

/// <https://docs.github.com/rest/pulls/pulls#get-a-pull-request>
#[derive(Debug, Deserialize)]
pub(super) struct Pull {
    pub number: u64,
    #[serde(default)]
    pub title: String,
    pub body: Option<String>,
    pub user: Option<User>,
    pub base: Branch,
    pub head: Branch,
    #[serde(default)]
    pub state: String,
    #[serde(default)]
    pub draft: bool,
    #[serde(default)]
    pub changed_files: usize,
    #[serde(default)]
    pub commits: usize,
}

#[derive(Debug, Deserialize)]
pub(super) struct Branch {
    #[serde(rename = "ref")]
    pub name: String,
    pub sha: String,
    /// Null once the fork is deleted.
    pub repo: Option<Repo>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Repo {
    pub full_name: String,
}

/// <https://docs.github.com/rest/pulls/pulls#list-pull-requests-files>
#[derive(Debug, Deserialize)]
pub(super) struct File {
    pub filename: String,
    pub previous_filename: Option<String>,
    #[serde(default)]
    pub status: String,
    /// The blob (a submodule's commit), in hexadecimal.
    pub sha: Option<String>,
    #[serde(default)]
    pub additions: u32,
    #[serde(default)]
    pub deletions: u32,
    pub patch: Option<String>,
}

/// <https://docs.github.com/rest/commits/commits#compare-two-commits>
#[derive(Debug, Deserialize)]
pub(super) struct Comparison {
    pub merge_base_commit: Commit,
    #[serde(default)]
    pub files: Vec<File>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Commit {
    pub sha: String,
}

/// <https://docs.github.com/rest/git/trees#get-a-tree>
#[derive(Debug, Deserialize)]
pub(super) struct Tree {
    #[serde(default)]
    pub tree: Vec<TreeEntry>,
    #[serde(default)]
    pub truncated: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct TreeEntry {
    pub path: String,
    /// Octal digits.
    pub mode: String,
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub sha: String,
}

/// What the contents endpoint says of what is no file.
#[derive(Debug, Deserialize)]
pub(super) struct ContentEntry {
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub sha: String,
    pub target: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct IssueComment {
    pub id: u64,
    pub user: Option<User>,
    pub body: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReviewComment {
    pub id: u64,
    pub in_reply_to_id: Option<u64>,
    pub user: Option<User>,
    pub body: Option<String>,
    #[serde(default)]
    pub path: String,
    pub line: Option<u32>,
    pub original_line: Option<u32>,
    pub original_start_line: Option<u32>,
    pub side: Option<String>,
    pub diff_hunk: Option<String>,
    pub reactions: Option<Reactions>,
    pub pull_request_review_id: Option<u64>,
    /// The revision it was made on.
    pub original_commit_id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Reactions {
    #[serde(rename = "-1", default)]
    pub thumbs_down: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Review {
    pub id: u64,
    pub body: Option<String>,
    pub commit_id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CheckRuns {
    #[serde(default)]
    pub check_runs: Vec<CheckRun>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CheckRun {
    pub id: u64,
    pub external_id: Option<String>,
    #[serde(default)]
    pub status: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Annotation {
    #[serde(default)]
    pub path: String,
    #[serde(default)]
    pub start_line: u32,
    pub message: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Permission {
    #[serde(default)]
    pub permission: String,
    #[serde(default)]
    pub role_name: String,
}

/// What a write made.
#[derive(Debug, Deserialize)]
pub(super) struct Made {
    pub id: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Viewer {
    pub viewer: User,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThreadsAnswer {
    pub repository: Option<ThreadsRepository>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThreadsRepository {
    pub pull_request: Option<ThreadsPull>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThreadsPull {
    pub review_threads: Threads,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Threads {
    pub nodes: Vec<Option<Thread>>,
    pub page_info: PageInfo,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageInfo {
    pub has_next_page: bool,
    pub end_cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Thread {
    pub id: String,
    pub is_resolved: bool,
    pub is_outdated: bool,
    pub resolved_by: Option<User>,
    pub comments: FirstComments,
}

#[derive(Debug, Deserialize)]
pub(super) struct FirstComments {
    pub nodes: Vec<Option<FirstComment>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FirstComment {
    #[serde(default, deserialize_with = "big_int")]
    pub full_database_id: Option<u64>,
    pub database_id: Option<u64>,
}

/// GraphQL's `BigInt` is written as a string, on some servers as a number.
fn big_int<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Number(u64),
    }
    Ok(match Option::<Either>::deserialize(deserializer)? {
        Some(Either::Text(text)) => text.parse().ok(),
        Some(Either::Number(number)) => Some(number),
        None => None,
    })
}

#[derive(Deserialize)]
pub(super) struct Described {
    pub default_branch: String,
}
