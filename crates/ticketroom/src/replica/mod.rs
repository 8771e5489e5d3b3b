//! A process among others that share its store: its heartbeat, what it may do while its lease
//! holds, and the time that all of them go by.

pub mod clock;
pub mod heartbeat;
pub mod lease_guard;
