//! Connections: a bounded number, none that only waits, and a stop that lets what is
//! under way come to its end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::{App, routes};

/// Connections at a time; further ones wait in the system's queue.
const CONNECTIONS: usize = 128;
/// Longest time until a request's head is there, and between two requests.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// Largest head.
const HEAD: usize = 32 << 10;
/// Longest life of a connection: after it, it ends with the answer under way.
const LIFE: Duration = Duration::from_secs(600);
/// How long an answer under way may then take, to whoever does not read it either.
const LAST: Duration = Duration::from_secs(90);

/// Serve until a signal to stop; a second one stops at once.
///
/// # Errors
/// The socket or the signals cannot be used.
pub async fn serve(app: Arc<App>, listener: std::net::TcpListener) -> anyhow::Result<()> {
    let listener = TcpListener::from_std(listener).context("cannot use the socket")?;
    let address = listener.local_addr().context("cannot use the socket")?;
    let mut signals = Signals::new()?;
    eprintln!("pipewright: listening on http://{address}");
    let router = routes(Arc::clone(&app));
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let (stop, stops) = watch::channel(false);
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            () = signals.next() => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (router, stops) = (router.clone(), stops.clone());
                connections.spawn(async move {
                    connection(stream, router, stops).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, or a peer that is gone already.
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    tracing::info!("stopping: what is under way is finished");
    let _ = stop.send(true);
    let finished = async {
        while connections.join_next().await.is_some() {}
        app.finish().await;
    };
    tokio::select! {
        () = finished => {}
        () = signals.next() => tracing::warn!("stopped at once, with work under way"),
    }
    Ok(())
}

async fn connection(stream: TcpStream, router: axum::Router, mut stops: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(HEAD);
    let service = TowerToHyperService::new(router);
    let mut served = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // A peer that breaks off is no event of ours.
        _ = served.as_mut() => return,
        _ = stops.wait_for(|stop| *stop) => {}
        () = tokio::time::sleep(LIFE) => {}
    }
    served.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(LAST, served).await;
}

/// SIGTERM and ctrl-c.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn new() -> anyhow::Result<Self> {
        Ok(Signals {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
