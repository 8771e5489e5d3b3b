//! An answer as it is sent: whole, or truncated or endless by a fault.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::Response;
use hyper::body::{Body, Frame, SizeHint};

use crate::clock::Clock;
use crate::http::Answer;

/// Tells hyper to close the connection without a (complete) answer.
#[derive(Debug)]
pub(crate) struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is closed on purpose")
    }
}

impl std::error::Error for Closed {}

/// An answer to be sent.
pub(crate) enum Reply {
    Whole(Answer),
    /// The head announces the whole body, which ends in the middle.
    Truncated(Answer),
    /// The body begins with the answer and never ends.
    Endless(Answer),
}

impl Reply {
    pub(crate) fn into_response(self, clock: &Clock) -> Result<Response<Payload>, Closed> {
        let (answer, payload) = match self {
            Self::Whole(answer) => {
                let payload = Payload { rest: answer.body.clone(), end: End::Clean };
                (answer, payload)
            }
            Self::Truncated(answer) => {
                let half = answer.body.slice(..answer.body.len() / 2);
                (answer, Payload { rest: half, end: End::AfterFlush })
            }
            Self::Endless(answer) => {
                let payload = Payload { rest: answer.body.clone(), end: End::Never };
                (answer, payload)
            }
        };
        let date = clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        answer.head(&date).body(payload).map_err(|_| Closed)
    }
}

/// A body that is sent whole, is truncated, or never ends.
#[derive(Debug)]
pub(crate) struct Payload {
    rest: Bytes,
    end: End,
}

#[derive(Debug)]
enum End {
    Clean,
    /// Fails at the next poll but one: hyper sends what it has when there is nothing to poll.
    AfterFlush,
    BreakOff,
    /// Continues with blanks.
    Never,
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.rest)))));
        }
        match self.end {
            End::Clean => Poll::Ready(None),
            End::AfterFlush => {
                self.end = End::BreakOff;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            End::BreakOff => Poll::Ready(Some(Err(Closed))),
            End::Never => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b' '; 64 << 10]))))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && matches!(self.end, End::Clean)
    }

    fn size_hint(&self) -> SizeHint {
        match self.end {
            End::Clean => SizeHint::with_exact(u64::try_from(self.rest.len()).unwrap_or(u64::MAX)),
            End::AfterFlush | End::BreakOff | End::Never => SizeHint::default(),
        }
    }
}
