//! ticketroom: exactly one ONLYOFFICE DocSpace room for every helpdesk ticket.
pub mod clock;
pub mod config;
pub mod room;
pub mod rule;
pub mod template;
pub mod ticket;
