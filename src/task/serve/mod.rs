//! `serve`: answer what asks over HTTP whether a deployment may go on.
//!
//! Each answer is a `verify` of a spec that lies here. A request says which service
//! and version is meant, never what is asked of whom: no query, no file and no
//! address that a secret goes to comes from outside.

mod answer;
mod argo;
mod azure;
mod door;
mod flagger;
mod github;
mod judge;
mod listen;
mod params;
mod plain;
mod seen;
mod specs;

use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use axum::Router;
use axum::routing::{get, post};
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::door::Door;
use self::judge::Slots;
use self::seen::Seen;
use self::specs::Specs;
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::http::Client;
use crate::inputs::{Gathered, Inputs};
use crate::redact::Scrubber;
use crate::task::review;

/// Longest time until an answer that somebody waits for. Whoever asks has a shorter
/// patience (Argo and Flagger 10 seconds unless told otherwise).
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// What every request needs.
struct App {
    inputs: Inputs,
    context: Context,
    client: Client,
    scrubber: Scrubber,
    door: Door,
    specs: Specs,
    slots: Slots,
    /// GitHub's deliveries and Azure's tasks that were taken on.
    seen: Seen,
    /// What is judged for an answer by callback.
    under_way: Mutex<JoinSet<()>>,
}

impl App {
    /// When an answer that somebody waits for has to be there.
    fn soon(&self) -> Instant {
        Instant::now() + self.inputs.timeout.min(ANSWER_WITHIN)
    }

    /// When an answer by callback has to be there.
    fn later(&self) -> Instant {
        Instant::now() + self.inputs.timeout
    }

    /// Go on with it after the answer; a stop waits for it.
    fn go_on_with(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut under_way = self.under_way.lock().unwrap_or_else(|broken| broken.into_inner());
        while under_way.try_join_next().is_some() {}
        under_way.spawn(work);
    }

    /// Wait for what goes on.
    async fn finish(&self) {
        let mut rest = {
            let mut under_way = self.under_way.lock().unwrap_or_else(|broken| broken.into_inner());
            std::mem::take(&mut *under_way)
        };
        while rest.join_next().await.is_some() {}
    }
}

/// Serve until SIGTERM or ctrl-c. Gives the exit code.
///
/// # Errors
/// The inputs are wrong, no spec can be read, or the address cannot be listened on.
pub fn run(gathered: &Gathered, first: &Inputs) -> Result<u8, Failure> {
    let context = context::read(&first.host).map_err(Failure::Inputs)?;
    let config = crate::task::config::config_at_base(first);
    let inputs =
        gathered.resolve(config.as_ref()).map_err(|errors| Failure::Inputs(anyhow!("{errors}")))?;
    let (app, listener) = prepare(inputs, context).map_err(Failure::Inputs)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .map_err(Failure::Inputs)?;
    let served = runtime.block_on(async {
        let client = review::client(&app.inputs, Instant::now()).map_err(Failure::Inputs)?;
        let app = Arc::new(App { client, ..app });
        listen::serve(app, listener).await.map_err(Failure::Inputs)
    });
    // A decision that did not keep its time is not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served.map(|()| 0)
}

/// Everything that can be wrong before the first request, found out.
fn prepare(inputs: Inputs, context: Context) -> anyhow::Result<(App, TcpListener)> {
    let path = inputs.deployment.spec.clone().context(
        "no spec is named: write `pipewright serve --spec FILE`, or a folder with one spec a service",
    )?;
    let specs = Specs::open(&path)?;
    if let Some(record) = &inputs.record
        && !record.is_dir()
        && !record.as_os_str().as_encoded_bytes().ends_with(b"/")
    {
        bail!(
            "record: `serve` writes a file for each decision, so {} must be a folder",
            record.display()
        );
    }
    let listen = &inputs.deployment.listen;
    let addresses: Vec<SocketAddr> = listen
        .to_socket_addrs()
        .with_context(|| format!("listen: `{listen}` is no address such as `127.0.0.1:8080`"))?
        .collect();
    let secret = inputs.deployment.webhook_secret.as_ref().filter(|secret| !secret.is_empty());
    if secret.is_none() && !addresses.iter().all(|address| address.ip().is_loopback()) {
        bail!(
            "listen: anybody could ask at `{listen}`: set `webhook_secret` (PIPEWRIGHT_WEBHOOK_SECRET), or listen on 127.0.0.1"
        );
    }
    if secret.is_some_and(|secret| secret.expose().len() < 16) {
        tracing::warn!("webhook_secret is shorter than 16 characters, and so can be guessed");
    }
    let listener = TcpListener::bind(&addresses[..])
        .with_context(|| format!("listen: cannot listen on `{listen}`"))?;
    listener.set_nonblocking(true).context("cannot use the socket")?;
    let app = App {
        client: review::client(&inputs, Instant::now())?,
        scrubber: Scrubber::new(&inputs.secrets),
        door: Door::new(secret)?,
        specs,
        slots: Slots::default(),
        seen: Seen::default(),
        under_way: Mutex::new(JoinSet::new()),
        context,
        inputs,
    };
    Ok((app, listener))
}

fn routes(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(plain::health))
        .route("/verify", post(plain::verify))
        .route("/argo", get(argo::asked).post(argo::asked))
        .route("/flagger/confirm", post(flagger::confirm))
        .route("/flagger/rollout", post(flagger::rollout))
        .route("/flagger/rollback", post(flagger::rollback))
        .route("/github", post(github::asked))
        .route("/azure", post(azure::asked))
        .route("/azure/callback", post(azure::asked_back))
        .fallback(plain::nothing_here)
        .method_not_allowed_fallback(plain::wrong_method)
        .with_state(app)
}
