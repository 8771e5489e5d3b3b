//! The product against real parts: the simulated systems over real HTTP, real SQLite files, and
//! (where a process has to die) the real binary. What is right is counted at the simulator, never
//! in our own store.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is the failure report")]

mod admin;
mod api_description;
mod backfill;
mod callers;
mod conformance;
mod crash;
mod demo;
mod docspace_webhook;
mod failover;
mod fairness;
mod faults;
mod health;
mod helpdesk_webhooks;
mod helpdesks;
mod intake;
mod life;
mod listings;
mod load;
mod logs;
mod metrics;
mod operators;
mod outages;
mod process;
mod refusals;
mod reload;
mod repeats;
mod replicas;
mod restore;
mod spans;
mod store_file;
mod stores;
mod straight_line;
mod upstreams;
mod world;
