//! DocSpace and the helpdesks, simulated on loopback ports with their real behaviour: formats,
//! quirks, limits and faults. The product's commands `demo` and `simulate` and all of its tests
//! call these servers over real sockets. What exists afterwards is counted here, not in the
//! product.
//!
//! Each system is a module with a [`Server`] that tests hold: [`docspace::DocSpace`],
//! [`zendesk::Zendesk`], [`freshdesk::Freshdesk`], [`jira::Jira`], [`callback::CallbackReceiver`].
//! They share one serving core (`server`), which names each call, counts it, delays it and injects
//! [`fault`]s; a system only computes its answers (`service`). A further helpdesk is one more
//! module that implements [`Helpdesk`].
//!
//! Where a vendor's documentation is ambiguous, the simulator behaves in the way that is worse for
//! a client, so that a client that passes here does not depend on luck.

pub mod callback;
mod clock;
pub mod configuration;
mod control;
mod counters;
pub mod docspace;
pub mod fault;
pub mod freshdesk;
mod handle;
mod helpdesk;
mod html;
mod http;
pub mod jira;
mod loss;
mod outbox;
mod reply;
mod selection;
mod server;
mod service;
mod window;
pub mod zendesk;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use clock::Clock;
pub use counters::Counters;
pub use handle::Server;
pub use helpdesk::Helpdesk;
pub use loss::Loss;
pub use outbox::Delivery;

/// Locks what no panic can have left half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
