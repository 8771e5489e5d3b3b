//! DocSpace and the helpdesks, played on loopback ports with their real behaviour: shapes, quirks, limits
//! and faults. The product's `demo` and `simulate` commands and all of its tests talk to these servers over
//! real sockets, and what exists afterwards is counted here, not in the product.
//!
//! Each system is a module with a cheaply cloned handle ([`docspace::DocSpace`], [`zendesk::Zendesk`],
//! [`freshdesk::Freshdesk`], [`jira::Jira`], [`callback::CallbackReceiver`]). They share one serving core (`server`), which gives every call a name,
//! counts it, delays it and applies [`fault`]s to it; a system only says how it answers. A further helpdesk is
//! one more module beside `zendesk`.
//!
//! Where the vendor's documentation leaves something open, the simulator takes the reading that is worse for
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
mod outbox;
mod reply;
mod server;
mod service;
mod window;
pub mod zendesk;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use clock::Clock;
pub use counters::Counters;
pub use handle::Server;
pub use helpdesk::Helpdesk;
pub use outbox::Delivery;

/// Locks what no panic can have left half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
