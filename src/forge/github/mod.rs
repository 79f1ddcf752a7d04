//! GitHub, on github.com or a server of one's own.

mod api;
mod background;
mod branches;
mod checks;
mod contents;
mod converse;
mod files;
pub mod listing;
mod past;
mod propose;
mod reviews;
mod talk;
mod texts;
mod trees;
mod wire;
mod writes;

use async_trait::async_trait;

use self::api::Api;
use super::{
    Applied, Background, Branch, Capabilities, ChangeRequest, Check, Comment, Commit, FileList,
    Forge, LineComment, Operation, PastRequest, Permission, Result, ReviewComment, Thread,
};
use crate::diff::{Change, RepoPath};
use crate::http::Client;

/// The name of our check runs and the context of our commit statuses.
pub const CHECK_NAME: &str = "pipewright";

/// Where GitHub is and who asks, as the inputs say.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    /// The REST address: `https://api.github.com`, `https://host/api/v3`.
    pub api_url: &'a str,
    /// The GraphQL address; taken from `api_url` if not given.
    pub graphql_url: Option<&'a str>,
    /// A token; empty to ask without one.
    pub token: &'a str,
    /// `owner/name`.
    pub repository: &'a str,
}

/// One repository on GitHub.
pub struct GitHub {
    api: Api,
}

impl GitHub {
    /// Has to be called inside a tokio runtime. Asks nothing yet; fails on an
    /// address or a repository that is none, and on a token that no header may
    /// hold. Bound a run's time with [`Client::until`] on `client`.
    pub fn new(client: Client, access: Access<'_>) -> anyhow::Result<Self> {
        let Access { api_url, graphql_url, token, repository } = access;
        Ok(GitHub { api: Api::new(client, api_url, graphql_url, token, repository)? })
    }
}

#[async_trait]
impl Forge for GitHub {
    fn capabilities(&self) -> Capabilities {
        Capabilities { reviews: true, checks: true, statuses: true, resolve_threads: true }
    }

    async fn change_request(&self, number: u64) -> Result<ChangeRequest> {
        talk::change_request(&self.api, number).await
    }

    async fn diff(&self, number: u64, expected_files: Option<usize>) -> Result<Change> {
        files::diff(&self.api, number, expected_files).await
    }

    async fn compare(&self, base: &str, head: &str) -> Result<(String, Change)> {
        files::compare(&self.api, base, head).await
    }

    async fn file(&self, revision: &str, path: &RepoPath) -> Result<Option<Vec<u8>>> {
        contents::file(&self.api, revision, path).await
    }

    async fn root_entries(&self, revision: &str) -> Result<Vec<String>> {
        contents::root_entries(&self.api, revision).await
    }

    async fn texts(
        &self,
        revision: &str,
        paths: &[String],
        folder: Option<&str>,
    ) -> Result<Vec<(String, String)>> {
        texts::texts(&self.api, revision, paths, folder).await
    }

    async fn list_files(&self, revision: &str, dir: &str) -> Result<FileList> {
        trees::files(&self.api, revision, dir).await
    }

    async fn commits(&self, number: u64) -> Result<Vec<Commit>> {
        background::commits(&self.api, number).await
    }

    async fn background(&self, number: u64, mentioned: &[u64]) -> Result<Background> {
        background::background(&self.api, number, mentioned).await
    }

    async fn past_requests(&self, since: Option<&str>, most: usize) -> Result<Vec<PastRequest>> {
        past::past_requests(&self.api, since, most).await
    }

    async fn default_branch(&self) -> Result<String> {
        talk::default_branch(&self.api).await
    }

    async fn labels(&self, number: u64) -> Result<Vec<String>> {
        converse::labels(&self.api, number).await
    }

    async fn comments(&self, number: u64) -> Result<Vec<Comment>> {
        talk::comments(&self.api, number).await
    }

    async fn comment(&self, id: u64) -> Result<Comment> {
        talk::comment(&self.api, id).await
    }

    async fn review_comments(&self, number: u64) -> Result<Vec<ReviewComment>> {
        talk::review_comments(&self.api, number).await
    }

    async fn line_comment(&self, id: u64) -> Result<LineComment> {
        talk::line_comment(&self.api, id).await
    }

    async fn review_text(&self, number: u64, id: u64) -> Result<Comment> {
        talk::review_text(&self.api, number, id).await
    }

    async fn threads(&self, number: u64) -> Result<Vec<Thread>> {
        talk::threads(&self.api, number).await
    }

    async fn branch(&self, branch: &str) -> Result<Option<Branch>> {
        branches::branch(&self.api, branch).await
    }

    async fn open_change(&self, branch: &str) -> Result<Option<u64>> {
        branches::open_change(&self.api, branch).await
    }

    async fn checks(&self, head: &str) -> Result<Vec<Check>> {
        talk::checks(&self.api, head).await
    }

    async fn own_login(&self) -> Result<String> {
        talk::own_login(&self.api).await
    }

    async fn permission(&self, login: &str) -> Result<Permission> {
        talk::permission(&self.api, login).await
    }

    async fn apply(&self, number: Option<u64>, operation: &Operation) -> Result<Applied> {
        writes::apply(&self.api, number, operation).await
    }
}
