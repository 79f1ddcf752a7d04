//! The crate's own client of GitHub, with waits that are noted, not waited.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipewright::forge::github::{Access, GitHub as Forge};
use pipewright::http::{Client, Config};

use super::github::GitHub;

/// What the client would have waited.
pub type Waits = Arc<Mutex<Vec<Duration>>>;

/// A configuration that notes waits.
pub fn config() -> (Config, Waits) {
    let waits = Waits::default();
    let noted = waits.clone();
    let config = Config {
        stall_timeout: Duration::from_secs(10),
        sleep: Arc::new(move |wait| {
            noted.lock().unwrap().push(wait);
            Box::pin(tokio::task::yield_now())
        }),
        ..Config::default()
    };
    (config, waits)
}

/// A client of the in-memory GitHub. Call it inside a runtime.
pub fn forge(github: &GitHub) -> Forge {
    forge_noting(github).0
}

/// The same, with its waits.
pub fn forge_noting(github: &GitHub) -> (Forge, Waits) {
    let (config, waits) = config();
    (forge_with(github, config), waits)
}

/// The same, behaving as told.
pub fn forge_with(github: &GitHub, config: Config) -> Forge {
    let client = Client::new(config).expect("a client");
    let token = github.state().token.clone();
    let access = Access {
        api_url: &github.api_url(),
        graphql_url: Some(&github.graphql_url()),
        token: &token,
        repository: &github.repository(),
    };
    Forge::new(client, access).expect("a forge")
}
