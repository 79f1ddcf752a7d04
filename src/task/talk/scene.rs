//! What every command knows: who asked what, where, and what may be done about it.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::time::Instant;

use crate::context::{Context, Talk};
use crate::forge::local::Local;
use crate::forge::{ChangeRequest, Comment, Forge, LineComment, ReviewComment};
use crate::http;
use crate::inputs::{Access, Inputs, ModelChoice};
use crate::policy::Ruling;
use crate::publish::answer::{Kind, Question};
use crate::redact::{ForgeHost, Scrubber};
use crate::task::review::base::BaseFiles;
use crate::task::review::collect::{self, Asked, Collected};

/// A comment that asks, with its surroundings.
pub struct Scene<'a> {
    /// What the program was told, the base's configuration included.
    pub inputs: &'a Inputs,
    /// What the comment begins a line with.
    pub phrase: &'a str,
    /// Which job.
    pub context: &'a Context,
    /// The network.
    pub client: &'a http::Client,
    /// The host.
    pub forge: &'a dyn Forge,
    /// The checkout's repository.
    pub local: Option<&'a Local>,
    /// The change request as it was when the run began.
    pub request: &'a ChangeRequest,
    /// Files of the base revision.
    pub base_files: &'a BaseFiles,
    /// `owner/name`.
    pub repository: &'a str,
    /// What is asked, by which comment.
    pub talk: &'a Talk,
    /// The comment's name in the marks of answers.
    pub question: Question,
    /// The comment's line, if it stands on one.
    pub line: Option<LineComment>,
    /// What the asker may do in the repository.
    pub access: Access,
    /// Login of our own account.
    pub own: &'a str,
    /// The conversation, oldest first; empty for a comment on a line.
    pub comments: Vec<Comment>,
    /// Comments on lines, oldest first; empty for a comment in the conversation.
    pub remarks: Vec<ReviewComment>,
    /// What this run may do.
    pub ruling: Ruling,
    /// When everything has to be over.
    pub deadline: Instant,
    /// Where links may lead.
    pub host: ForgeHost,
    /// Knows this run's secrets.
    pub scrubber: Arc<Scrubber>,
}

impl Scene<'_> {
    /// Read the comments among which the answer will stand.
    ///
    /// # Errors
    /// The host did not give them.
    pub async fn read_discussion(&mut self) -> Result<()> {
        let number = self.request.number;
        if self.question.kind == Kind::Line {
            let read = self.forge.review_comments(number).await;
            self.remarks =
                read.with_context(|| format!("cannot read the review comments of #{number}"))?;
        } else {
            let read = self.forge.comments(number).await;
            self.comments =
                read.with_context(|| format!("cannot read the comments of #{number}"))?;
        }
        Ok(())
    }

    /// The change with all that is known of it.
    ///
    /// # Errors
    /// The host did not give it.
    pub async fn collect(&self) -> Result<Collected> {
        let number = self.request.number;
        let asks = self.inputs.model != ModelChoice::Offline;
        let model = asks.then_some(Asked { trigger_phrase: self.phrase });
        let (forge, repository) = (self.forge, self.repository);
        collect::from_pull_request(forge, repository, number, None, self.local, model).await
    }

    /// The first comment of the thread that the comment stands in; its own number
    /// if it starts one.
    pub fn thread(&self) -> Option<u64> {
        let line = self.line.as_ref()?;
        Some(line.comment.in_reply_to.unwrap_or(line.comment.id))
    }

    /// Untrusted Markdown, fit to be posted.
    pub fn markdown(&self, text: &str) -> String {
        self.scrubber.sanitize_markdown(text.trim(), &self.host)
    }

    /// Untrusted text as inline code.
    pub fn code(&self, text: &str) -> String {
        crate::publish::wording::code(&self.scrubber.sanitize_line(text))
    }

    /// The change request's page.
    pub fn page(&self) -> String {
        let server = self.inputs.host.server_url.trim_end_matches('/');
        format!("{server}/{}/pull/{}", self.repository, self.request.number)
    }
}
