//! An HTTP/1.1 server on loopback, one thread a connection, that can fail in
//! every way a real one does.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, …
    pub method: String,
    /// The target as sent: path and query, or an absolute address to a proxy.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Request {
    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or("")
    }

    /// A value of the query, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?')?.1;
        query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then(|| decode(value))
        })
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON, null if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Percent-decode.
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What to answer, and how to fail at it.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// Headers beside `content-length` and `date`.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// How it goes over the wire.
    pub wire: Wire,
}

impl Reply {
    /// JSON.
    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Reply::new(status, "application/json; charset=utf-8", value.to_string().into_bytes())
    }

    /// Any body.
    pub fn new(status: u16, kind: &str, body: Vec<u8>) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Reply { status, headers, body, wire: Wire::Whole }
    }

    /// Add a header.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// How an answer goes over the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wire {
    /// As it should.
    #[default]
    Whole,
    /// Nothing: the connection is closed.
    Nothing,
    /// Half the body, then the connection is closed.
    Half,
    /// Half the body, then silence for a while, then the connection is closed.
    HalfThenSilence(Duration),
    /// Nothing for a while, then the connection is closed.
    Silence(Duration),
    /// The body in chunks, without its length.
    Chunked,
}

/// Answers requests until it is dropped.
pub struct Server {
    /// `http://127.0.0.1:<port>`.
    pub url: String,
    stop: Arc<AtomicBool>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Answer with `handler`, called on the connection's own thread.
    pub fn start(handler: impl Fn(Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        let url = format!("http://{}", listener.local_addr().expect("a bound address"));
        let stop = Arc::new(AtomicBool::new(false));
        let connections = Arc::new(AtomicUsize::new(0));
        let handler: Arc<dyn Fn(Request) -> Reply + Send + Sync> = Arc::new(handler);
        let (stopped, counted) = (stop.clone(), connections.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                counted.fetch_add(1, Ordering::SeqCst);
                let handler = handler.clone();
                std::thread::spawn(move || drop(serve(stream, &*handler)));
            }
        });
        Server { url, stop, connections }
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wake the listener up so that it sees the stop.
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
    }
}

fn serve(mut stream: TcpStream, handler: &dyn Fn(Request) -> Reply) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut buffer = Vec::new();
    while let Some(request) = read(&mut stream, &mut buffer)? {
        let head = request.method == "HEAD";
        let reply = handler(request);
        if !write(&mut stream, &reply, head)? {
            break;
        }
    }
    Ok(())
}

/// One request; `None` at the end of the connection. `buffer` keeps what came
/// after it.
fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<Option<Request>> {
    let bad = |what: &str| std::io::Error::other(what.to_owned());
    let mut chunk = [0; 64 * 1024];
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut headers);
        if let httparse::Status::Complete(start) =
            parsed.parse(buffer).map_err(|error| bad(&error.to_string()))?
        {
            let headers: Vec<(String, String)> = parsed
                .headers
                .iter()
                .map(|h| {
                    let value = String::from_utf8_lossy(h.value).into_owned();
                    (h.name.to_ascii_lowercase(), value)
                })
                .collect();
            let method = parsed.method.unwrap_or("").to_owned();
            let target = parsed.path.unwrap_or("").to_owned();
            let length = headers
                .iter()
                .find(|(name, _)| name == "content-length")
                .and_then(|(_, value)| value.parse().ok())
                .unwrap_or(0);
            while buffer.len() < start + length {
                match stream.read(&mut chunk)? {
                    0 => return Err(bad("the request broke off")),
                    n => buffer.extend_from_slice(&chunk[..n]),
                }
            }
            let body = buffer[start..start + length].to_vec();
            buffer.drain(..start + length);
            return Ok(Some(Request { method, target, headers, body }));
        }
        match stream.read(&mut chunk)? {
            0 => return Ok(None),
            n => buffer.extend_from_slice(&chunk[..n]),
        }
    }
}

/// Whether the connection may be used again.
fn write(stream: &mut TcpStream, reply: &Reply, head: bool) -> std::io::Result<bool> {
    if let Wire::Silence(time) = reply.wire {
        std::thread::sleep(time);
        return Ok(false);
    }
    if reply.wire == Wire::Nothing {
        return Ok(false);
    }
    let mut out = format!("HTTP/1.1 {} Status\r\n", reply.status).into_bytes();
    for (name, value) in &reply.headers {
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if reply.wire == Wire::Chunked {
        out.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
        for part in reply.body.chunks(1000) {
            out.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
            out.extend_from_slice(part);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"0\r\n\r\n");
        stream.write_all(&out)?;
        return Ok(true);
    }
    out.extend_from_slice(format!("content-length: {}\r\n\r\n", reply.body.len()).as_bytes());
    let half = &reply.body[..reply.body.len() / 2];
    match reply.wire {
        Wire::Half | Wire::HalfThenSilence(_) => out.extend_from_slice(half),
        _ if head => {}
        _ => out.extend_from_slice(&reply.body),
    }
    stream.write_all(&out)?;
    if let Wire::HalfThenSilence(time) = reply.wire {
        std::thread::sleep(time);
    }
    Ok(reply.wire == Wire::Whole)
}
