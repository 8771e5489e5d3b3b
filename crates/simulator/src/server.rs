//! The serving core that all systems share: one loopback listener, HTTP/1.1 with keep-alive.
//!
//! A call goes through these steps:
//!
//! 1. It is read completely, and its [`Service`] names it.
//! 2. A fault may be injected ([`Faults::next_for`](crate::fault::Faults::next_for)). A refused
//!    call ends here and is not counted.
//! 3. The service admits or rejects it. An admitted call counts as in flight until its answer is
//!    about to be sent. A fault is used up even if the service then rejects the call.
//! 4. The latency passes, then the work is done at once, then the answer is sent.
//!
//! The work runs in a task of its own: a client that gives up does not undo what it asked for, as
//! with the real servers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use url::Url;

use crate::control;
use crate::fault::FaultKind;
use crate::http::{Answer, Request};
use crate::reply::{Closed, Payload, Reply};
use crate::service::{Core, Service};

/// Starts to serve, and returns the base address.
pub(crate) async fn start(listen: SocketAddr, core: Core, service: Arc<dyn Service>) -> std::io::Result<Url> {
    let listener = TcpListener::bind(listen).await?;
    let url = Url::parse(&format!("http://{}/", listener.local_addr()?)).map_err(std::io::Error::other)?;
    core.shutdown.clone().spawn(accept(listener, core, service));
    Ok(url)
}

async fn accept(listener: TcpListener, core: Core, service: Arc<dyn Service>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => core.shutdown.spawn(serve(stream, core.clone(), Arc::clone(&service))),
            // Most likely out of file descriptors. Some become free when connections end.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn serve(stream: TcpStream, core: Core, service: Arc<dyn Service>) {
    // An answer is written in one piece; Nagle's algorithm would only distort latencies.
    let _ = stream.set_nodelay(true);
    let respond = service_fn(move |request| respond(request, core.clone(), Arc::clone(&service)));
    // A broken connection needs no handling here.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), respond).await;
}

async fn respond(
    request: hyper::Request<Incoming>,
    core: Core,
    service: Arc<dyn Service>,
) -> Result<Response<Payload>, Closed> {
    let request = Request::read(request).await.map_err(|_| Closed)?;
    if let Some(path) = request.path.strip_prefix(control::PREFIX) {
        let answer = control::answer(&core, service.as_ref(), &request, path);
        return Reply::Whole(answer).into_response(&core.clock);
    }
    if let Some(page) = service.page(&request) {
        return Reply::Whole(page).into_response(&core.clock);
    }
    let (reply, replied) = oneshot::channel();
    core.shutdown.spawn(work(core.clone(), service, request, reply));
    replied.await.map_err(|_| Closed)?.into_response(&core.clock)
}

/// Handles one call. Dropping `reply` without an answer closes the connection.
async fn work(core: Core, service: Arc<dyn Service>, mut request: Request, reply: oneshot::Sender<Reply>) {
    let call = service.name(&request.method, &request.path);
    let fault = core.faults.next_for(call);
    if fault == Some(FaultKind::Refuse) {
        return;
    }
    core.counting.arrived(call);
    let admitted = match fault {
        Some(FaultKind::TooMany(kind)) => Err(service.too_many(kind)),
        Some(FaultKind::StatusBefore(429)) => Err(service.refusal(StatusCode::TOO_MANY_REQUESTS)),
        _ => service.admit(&request, call),
    };
    let admission = match admitted {
        Ok(admission) => admission,
        Err(answer) => {
            if answer.status == StatusCode::TOO_MANY_REQUESTS {
                core.counting.rejected();
            }
            let _ = reply.send(Reply::Whole(answer));
            return;
        }
    };
    let in_flight = core.counting.admitted(&request.method);
    if let Some(probe) = service.probe(&request) {
        request.probed = probe.await;
    }
    match fault {
        Some(FaultKind::Hang(time)) => return tokio::time::sleep(time).await,
        Some(FaultKind::LateLanding(time)) => {
            drop(reply);
            tokio::time::sleep(time).await;
            service.answer(&request, call);
            return;
        }
        _ => tokio::time::sleep(core.latency_of(call)).await,
    }
    let reply_with = match fault {
        Some(FaultKind::StatusBefore(status)) => Some(Reply::Whole(refuse(service.as_ref(), status))),
        Some(FaultKind::StatusAfter(status)) => {
            service.answer(&request, call);
            Some(Reply::Whole(refuse(service.as_ref(), status)))
        }
        Some(FaultKind::AnswerLost) => {
            service.answer(&request, call);
            None
        }
        Some(FaultKind::TruncatedBody) => Some(Reply::Truncated(service.answer(&request, call))),
        Some(FaultKind::EndlessBody) => Some(Reply::Endless(service.answer(&request, call))),
        _ => Some(Reply::Whole(service.answer(&request, call))),
    };
    // Before the answer, so that the client's next call doesn't find this one in flight.
    drop((in_flight, admission));
    if let Some(answer) = reply_with {
        let _ = reply.send(answer);
    }
}

fn refuse(service: &dyn Service, status: u16) -> Answer {
    service.refusal(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
}
