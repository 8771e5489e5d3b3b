//! How what is no request is refused. hyper answers it itself, without a word about what is wrong:
//!
//! ```text
//! HTTP/1.1 400 Bad Request
//! connection: close
//! content-length: 0
//! ```
//!
//! [`Explained`] lies between hyper and the connection and puts a [`Problem`] in that answer's
//! place. It knows the answer by its form: it is the last that hyper writes, closes the connection,
//! and has no body, and every refusal of ours has one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Problem;
use super::reasons::{ADDRESS_TOO_LONG, HEAD_TOO_LARGE, NO_REQUEST};

const HEAD: &[u8] = b"HTTP/1.1 ";
const EMPTY: &[u8] = b"\r\nconnection: close\r\ncontent-length: 0\r\n";
const END: &[u8] = b"\r\n\r\n";
/// No answer of hyper's own is longer, in bytes.
const LONGEST: usize = 200;

/// A connection on which answers of hyper's own are explained.
#[derive(Debug)]
pub(super) struct Explained<C> {
    connection: C,
    /// What is written in place of what hyper asked for, and how much of it has been written.
    instead: Option<(Vec<u8>, usize)>,
}

impl<C> Explained<C> {
    pub(super) fn new(connection: C) -> Self {
        Self { connection, instead: None }
    }
}

/// Where an answer of hyper's own begins, if the bytes end with one, and what it refuses with.
fn unexplained(bytes: &[u8]) -> Option<(usize, StatusCode)> {
    if !bytes.ends_with(END) {
        return None;
    }
    let from = bytes.len().saturating_sub(LONGEST);
    let begin = from + bytes[from..].windows(HEAD.len()).rposition(|window| window == HEAD)?;
    let answer = bytes.get(begin + HEAD.len()..)?;
    let status = StatusCode::from_bytes(answer.get(..3)?).ok()?;
    let reason = status.canonical_reason()?.len();
    let is_empty = answer.get(4 + reason..)?.starts_with(EMPTY);
    (is_empty && status.is_client_error()).then_some((begin, status))
}

fn explanation(status: StatusCode) -> Problem {
    let reason = match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => HEAD_TOO_LARGE.reason(
            "the head of the request is too large: it may have 100 headers and 16 KiB with its address",
        ),
        StatusCode::URI_TOO_LONG => ADDRESS_TOO_LONG.reason("the address of the request is too long"),
        _ => NO_REQUEST.reason("this is no HTTP/1.1 request"),
    };
    Problem::new(status, reason)
}

impl<C: AsyncRead + Unpin> AsyncRead for Explained<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(cx, buf)
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Explained<C> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.instead.is_none() {
            match unexplained(bytes) {
                None => return Pin::new(&mut this.connection).poll_write(cx, bytes),
                // Answers before it go out first; hyper then comes with the rest.
                Some((begin, _)) if begin > 0 => {
                    return Pin::new(&mut this.connection).poll_write(cx, &bytes[..begin]);
                }
                Some((_, status)) => {
                    this.instead = Some((explanation(status).into_http1().into_bytes(), 0));
                }
            }
        }
        if let Some((answer, written)) = &mut this.instead {
            while let Some(rest) = answer.get(*written..).filter(|rest| !rest.is_empty()) {
                match ready!(Pin::new(&mut this.connection).poll_write(cx, rest))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    length => *written += length,
                }
            }
        }
        this.instead = None;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(cx)
    }
}
