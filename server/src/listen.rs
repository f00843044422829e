//! The way in: every connection is counted and timed before anything of it is read.
//! Silence, half a header, half a body and an answer that nobody takes end by
//! themselves, and no number of connections keeps the others out.

mod body;
mod gate;
mod phase;
mod timed;

pub(crate) use gate::{Gate, descriptors};

use crate::limits::Limits;
use axum::Router;
use axum::body::Body;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request};
use axum::response::Response;
use body::{Deadline, Marked};
use gate::{Entry, Pass};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use phase::Phase;
use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use timed::Timed;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;

/// A longer header is refused, and no connection buffers more.
const HEADER_BYTES_MAX: usize = 64 << 10;
/// After an error of the system's, such as no free descriptor.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Who is let in by the narrow way has this long for his one request.
const NARROW: Duration = Duration::from_secs(1);

/// The other side of a request's connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remote(pub(crate) IpAddr);

/// How long a caller may take for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// For a header, from its first byte; a new connection's from its beginning.
    pub(crate) header: Duration,
    /// For a body.
    pub(crate) body: Duration,
    /// Between two requests, and for taking what we send.
    pub(crate) idle: Duration,
    /// Requests of one connection.
    pub(crate) requests: u32,
}

/// What is behind a listener.
pub(crate) struct Way {
    pub(crate) times: Times,
    pub(crate) gate: Gate,
    pub(crate) limits: Arc<Limits>,
    /// Bytes of unfinished requests, of all connections.
    pub(crate) unfinished: Arc<Semaphore>,
    pub(crate) router: Router,
    /// What still answers when all connections are taken.
    pub(crate) narrow: Router,
}

/// Serves until told to stop; then what is under way may end.
pub(crate) async fn serve(
    listener: TcpListener,
    way: Arc<Way>,
    mut stopped: watch::Receiver<bool>,
) {
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, remote) = tokio::select! {
            accepted = accept(&listener) => accepted,
            _ = stopped.wait_for(|stop| *stop) => break,
        };
        let listed = way.limits.proxies.is_listed(remote.ip());
        // Whom there is no place for is closed at once.
        if let Some(entry) = way.gate.enter(remote.ip(), listed) {
            let connection = Connection::new(&way, stream, remote, entry);
            tokio::spawn(connection.serve(graceful.watcher()));
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_the_callers(error.kind()) => {}
            Err(error) => {
                tracing::error!(cause = %error, "no connection can be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

fn is_the_callers(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}

/// One connection.
struct Connection {
    stream: Timed<TcpStream>,
    phase: Arc<Phase>,
    remote: Remote,
    router: Router,
    times: Times,
    _pass: Pass,
}

impl Connection {
    fn new(way: &Way, stream: TcpStream, remote: SocketAddr, entry: Entry) -> Self {
        let (router, times, pass) = match entry {
            Entry::Wide(pass) => (&way.router, way.times, pass),
            Entry::Narrow(pass) => (&way.narrow, narrow(way.times), pass),
        };
        let phase = Arc::new(Phase::default());
        Self {
            stream: Timed::new(stream, Arc::clone(&phase), times, &way.unfinished),
            phase,
            remote: Remote(remote.ip()),
            router: router.clone(),
            times,
            _pass: pass,
        }
    }

    async fn serve(self, watcher: Watcher) {
        let Self {
            stream,
            phase,
            remote,
            router,
            times,
            _pass,
        } = self;
        let service = service_fn(move |request: Request<Incoming>| {
            let phase = Arc::clone(&phase);
            let last = phase.begin() >= times.requests;
            let request = prepared(request, remote, times.body);
            let answer = router.clone().oneshot(request);
            async move {
                let Ok(answer) = answer.await;
                Ok::<_, Infallible>(marked(answer, phase, last))
            }
        });
        let connection = http1::Builder::new()
            .header_read_timeout(None)
            .max_buf_size(HEADER_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(cause = %error, "a connection ended");
        }
    }
}

/// The times of who is let in for one short request.
fn narrow(times: Times) -> Times {
    Times {
        header: times.header.min(NARROW),
        body: times.body.min(NARROW),
        idle: times.idle.min(NARROW),
        requests: 1,
    }
}

fn prepared(request: Request<Incoming>, remote: Remote, body: Duration) -> Request<Body> {
    let mut request = request.map(|incoming| {
        if incoming.is_end_stream() {
            Body::empty()
        } else {
            Body::new(Deadline::new(incoming, body))
        }
    });
    request.extensions_mut().insert(remote);
    request
}

/// The answer, whose end the connection's phase hears of.
fn marked(mut answer: Response, phase: Arc<Phase>, last: bool) -> Response {
    if last {
        let close = HeaderValue::from_static("close");
        answer.headers_mut().insert(CONNECTION, close);
    }
    answer.map(|body| Body::new(Marked::new(body, phase)))
}

#[cfg(test)]
mod tests;
