//! DocSpace as we use it: one file per kind of thing, one client below them.
//!
//! [`client`] knows envelopes and errors, [`limits`] knows how much may be asked of a portal,
//! [`wire`] has the parts of DocSpace's answers that we read. What is built on them ([`rooms`],
//! [`operations`], [`folders`], [`share`], [`links`], [`people`], [`webhooks`]) makes one HTTP call
//! a function and decides nothing.
//!
//! In the other direction, [`source`] reads what DocSpace's webhooks send, and [`registration`]
//! says what a registration of one has to be like; both know it by its [`triggers`].

pub mod check;
pub mod client;
pub mod folders;
pub mod limits;
pub mod links;
pub mod operations;
mod pages;
pub mod people;
pub mod reasons;
pub mod registration;
pub mod rooms;
pub mod share;
pub mod skeleton;
pub mod source;
pub mod triggers;
pub mod webhooks;
pub mod wire;

pub use client::DocSpace;
