//! Callers of an HTTP endpoint that cost next to nothing themselves.
//!
//! Requests are rendered before the time starts, connections are kept alive, and only the status
//! and length of an answer are read, so that the server has the machine's cores. All callers of a
//! load share one thread.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Result;
use crate::spread::Spread;

/// The answers to one load.
#[derive(Debug)]
pub(crate) struct Round {
    /// How long each answer took.
    pub(crate) answers: Spread,
    /// Answers a second.
    pub(crate) rate: f64,
}

/// Several rounds of the same.
pub(crate) struct Summary {
    /// Answers a second in the median round.
    pub(crate) rate: f64,
    /// How long each answer took, over all rounds.
    pub(crate) answers: Spread,
}

impl Summary {
    pub(crate) fn of(mut rounds: Vec<Round>) -> Self {
        rounds.sort_by(|a, b| a.rate.total_cmp(&b.rate));
        let rate = rounds.get(rounds.len() / 2).map_or(0.0, |round| round.rate);
        Self { rate, answers: rounds.into_iter().flat_map(|round| round.answers).collect() }
    }
}

/// Sends all requests, by so many callers at once, each of them waiting for its answer before it
/// sends the next one. Callers are spread over the addresses in turn, and each stays at its own.
///
/// # Errors
/// When a request was answered with anything but 200, or not at all.
pub(crate) async fn send(addresses: &[SocketAddr], requests: Vec<Vec<u8>>, callers: usize) -> Result<Round> {
    let addresses = addresses.to_vec();
    let sending = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(send_here(&addresses, requests, callers))
    };
    tokio::task::spawn_blocking(sending).await?
}

async fn send_here(addresses: &[SocketAddr], requests: Vec<Vec<u8>>, callers: usize) -> Result<Round> {
    let requests = Arc::new(requests);
    let next = Arc::new(AtomicUsize::new(0));
    let mut sending = JoinSet::new();
    let mut connected = Vec::new();
    for address in addresses.iter().cycle().take(callers) {
        connected.push(Caller::connect(*address).await?);
    }
    let start = Instant::now();
    for mut caller in connected {
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        sending.spawn(async move {
            let mut times = Vec::with_capacity(requests.len() / callers + 1);
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let sent = Instant::now();
                match caller.call(request).await? {
                    200 => times.push(sent.elapsed()),
                    status => return Err(io::Error::other(format!("a delivery was answered {status}"))),
                }
            }
            Ok(times)
        });
    }
    let mut times = Vec::with_capacity(requests.len());
    while let Some(caller) = sending.join_next().await {
        times.extend(caller??);
    }
    let answered = u32::try_from(times.len()).unwrap_or(u32::MAX);
    let rate = f64::from(answered) / start.elapsed().max(Duration::from_nanos(1)).as_secs_f64();
    Ok(Round { answers: times.into_iter().collect(), rate })
}

/// Renders a request.
pub(crate) fn render(method: &str, path: &str, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    let mut request = head.into_bytes();
    request.extend_from_slice(body);
    request
}

/// One connection.
pub(crate) struct Caller {
    stream: TcpStream,
    /// What has been read and not yet used.
    buffer: Vec<u8>,
}

impl Caller {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request and returns the status of its answer, once all of it is here.
    pub(crate) async fn call(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        loop {
            if let Some((status, length)) = answer(&self.buffer)? {
                self.buffer.drain(..length);
                return Ok(status);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// The status and the whole length of the answer that the bytes begin with; `None` until all of it
/// is there.
fn answer(bytes: &[u8]) -> io::Result<Option<(u16, usize)>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let unreadable = || io::Error::other("the answer is no HTTP/1.1 with a length");
    let head = std::str::from_utf8(bytes.get(..end).unwrap_or_default()).map_err(|_| unreadable())?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or_else(unreadable)?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") { value.trim().parse::<usize>().ok() } else { None }
    });
    let whole = end + 4 + length.ok_or_else(unreadable)?;
    Ok((bytes.len() >= whole).then_some((status, whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_with_its_last_byte() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 ";
        let whole = bytes.len() - 9;
        for length in 0..whole {
            assert_eq!(answer(&bytes[..length]).unwrap(), None);
        }
        assert_eq!(answer(bytes).unwrap(), Some((200, whole)));
        assert!(answer(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
