//! A PostgreSQL server to try something on: `cargo run --package ticketroom-postgres-server`. It
//! prints the address of an empty database and the folder of its files, and ends, with all that is
//! in it, at the end of its input.

use std::process::ExitCode;

use postgres_server::{Database, Durability, Server};

fn main() -> ExitCode {
    let made = Server::start(Durability::Real).and_then(|server| Ok((server.create_database()?, server)));
    let (database, server): (Database, Server) = match made {
        Ok(made) => made,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}\n{}", database.url(), server.folder().display());
    // Ctrl-C and SIGKILL do as well.
    let ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
