//! What a sweep goes through: an account's repositories, a repository's pull requests.

use serde::Deserialize;

use super::GitHub;
use crate::forge::{ForgeError, Result};
use crate::inputs::SweepState;

/// Most pages of any list: 10,000 items.
const MOST_PAGES: usize = 100;

/// A repository, as far as a sweep asks.
#[derive(Debug, Clone, Deserialize)]
pub struct Repository {
    /// `owner/name`.
    pub full_name: String,
    /// Whether nobody may write to it any more.
    #[serde(default)]
    pub archived: bool,
    /// Whether the host has switched it off.
    #[serde(default)]
    pub disabled: bool,
    /// Whether it was made from another.
    #[serde(default)]
    pub fork: bool,
    /// What the token may do; the host does not always say.
    #[serde(default)]
    pub permissions: Option<Permissions>,
}

/// What a token may do with a repository.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Permissions {
    /// Read.
    #[serde(default)]
    pub pull: bool,
    /// Write.
    #[serde(default)]
    pub push: bool,
    /// Label and review.
    #[serde(default)]
    pub triage: bool,
}

/// A pull request of a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its number.
    pub number: u64,
    /// Untrusted text.
    pub title: String,
    /// The revision under review.
    pub head: String,
    /// Whether it is not ready.
    pub draft: bool,
    /// When anything about it changed, as RFC 3339.
    pub updated_at: String,
}

#[derive(Deserialize)]
struct Pull {
    number: u64,
    #[serde(default)]
    title: String,
    head: Head,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    updated_at: String,
}

#[derive(Deserialize)]
struct Head {
    sha: String,
}

impl GitHub {
    /// All repositories of an organisation, or of a person.
    pub async fn repositories_of(&self, owner: &str) -> Result<Vec<Repository>> {
        let owner = super::api::encode(owner.as_bytes());
        let path = format!("/orgs/{owner}/repos?type=all");
        match self.api.pages(&path, None, MOST_PAGES, |one: Repository| one).await {
            Err(ForgeError::NotFound(_)) => {
                let path = format!("/users/{owner}/repos?type=owner");
                self.api.pages(&path, None, MOST_PAGES, |one: Repository| one).await
            }
            listed => listed,
        }
    }

    /// This repository.
    pub async fn repository(&self) -> Result<Repository> {
        let path = self.api.path("");
        self.api.get(path.trim_end_matches('/')).await
    }

    /// Its pull requests, those updated last first; at least `most` of them, where
    /// there are so many.
    pub async fn pulls(&self, state: SweepState, most: usize) -> Result<Vec<Listed>> {
        let query = format!("pulls?state={}&sort=updated&direction=desc", state.as_str());
        let pages = most.div_ceil(super::api::PAGE).clamp(1, MOST_PAGES);
        let of = |pull: Pull| Listed {
            number: pull.number,
            title: pull.title,
            head: pull.head.sha,
            draft: pull.draft,
            updated_at: pull.updated_at,
        };
        self.api.pages(&self.api.path(&query), None, pages, of).await
    }
}
