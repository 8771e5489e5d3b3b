//! Clients that no one here wrote read and write the simulated systems, each by a script in Python.
//! What they can't read, the real servers would not have sent.
//!
//! The clients come from PyPI in the versions of `requirements.txt`, into a virtual environment in
//! cargo's folder for temporary files. `cargo xtask test` sees to Python.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic here is the failure report"
)]

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use simulator::docspace::DocSpace;
use simulator::jira::{Deployment, Jira, NewIssue};
use simulator::zendesk::{NewTicket, Zendesk};
use simulator::{docspace, jira, zendesk};

/// The folder of the scripts.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// The Python that has the clients.
static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    let requirements = Path::new(SCRIPTS).join("requirements.txt");
    let mut hasher = DefaultHasher::new();
    std::fs::read(&requirements).unwrap().hash(&mut hasher);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("clients-{:016x}", hasher.finish()));
    if !folder.exists() {
        // Under another name until it is whole, so that a run that is interrupted leaves nothing.
        let made = folder.with_extension(std::process::id().to_string());
        done(Command::new("python3").args(["-m", "venv"]).arg(&made));
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r"];
        done(Command::new(made.join("bin/python")).args(install).arg(&requirements));
        // Another process may have been faster.
        if std::fs::rename(&made, &folder).is_err() {
            std::fs::remove_dir_all(&made).unwrap();
        }
    }
    folder.join("bin/python")
});

/// Runs a command, and panics with its words unless it ends well.
fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} has failed:\n{words}");
    output
}

/// Runs a script to its end, which says `ok`.
async fn run(script: &'static str, arguments: Vec<String>, variables: Vec<(&'static str, String)>) {
    let ran = tokio::task::spawn_blocking(move || {
        let mut python = Command::new(&*PYTHON);
        python.arg("-W").arg("ignore").arg(Path::new(SCRIPTS).join(script)).args(arguments).envs(variables);
        done(&mut python)
    });
    let words = String::from_utf8(ran.await.unwrap().stdout).unwrap();
    assert_eq!(words.trim_end(), "ok", "{script}");
}

#[tokio::test]
async fn jira_of_pypi() {
    for deployment in [Deployment::Cloud, Deployment::DataCenter] {
        let setup =
            jira::Setup { deployment, search_hold: std::time::Duration::ZERO, ..jira::Setup::default() };
        let jira = Jira::start(setup).await.unwrap();
        let id = jira.create_ticket(NewIssue::about("Export fails"));
        let (name, token) = match deployment {
            Deployment::Cloud => ("cloud", jira.api_token()),
            Deployment::DataCenter => ("data_center", jira.personal_access_token()),
        };
        let variables = vec![
            ("SIMULATOR_URL", jira.url().to_string()),
            ("SIMULATOR_EMAIL", jira.email()),
            ("SIMULATOR_TOKEN", token),
            ("DEPLOYMENT", name.to_owned()),
        ];
        run("jira_client.py", vec![jira.ticket(id).unwrap().key], variables).await;
        let issue = jira.ticket(id).unwrap();
        assert_eq!((issue.comments.len(), issue.remote_links.len()), (1, 2), "{name}");
        assert_eq!(issue.labels, ["room"]);
    }
}

#[tokio::test]
async fn zenpy() {
    let setup = zendesk::Setup { room_field: None, ..zendesk::Setup::default() };
    let zendesk = Zendesk::start(setup).await.unwrap();
    let before = |seconds: i64| -> Timestamp {
        zendesk.now().checked_sub(SignedDuration::from_secs(seconds)).unwrap()
    };
    let made: Vec<_> =
        (0..150).map(|number| (NewTicket::about("Export fails"), before(1_000 - number))).collect();
    let ids = zendesk.import_tickets(made);
    let variables = vec![
        ("SIMULATOR_URL", zendesk.url().to_string()),
        ("SIMULATOR_EMAIL", zendesk.email()),
        ("SIMULATOR_TOKEN", zendesk.api_token()),
    ];
    let arguments = vec![ids[0].to_string(), before(2_000).as_second().to_string()];
    run("zenpy_client.py", arguments, variables).await;
    let ticket = zendesk.ticket(ids[0]).unwrap();
    assert_eq!((ticket.comments.len(), ticket.status.as_str()), (2, "open"));
    assert_eq!(zendesk.tickets().len(), 151);
}

#[tokio::test]
async fn sdk_of_docspace() {
    let docspace = DocSpace::start(docspace::Setup::default()).await.unwrap();
    let variables =
        vec![("SIMULATOR_URL", docspace.url().to_string()), ("SIMULATOR_TOKEN", docspace.api_key())];
    run("docspace_client.py", Vec::new(), variables).await;
    let rooms = docspace.rooms();
    assert_eq!(rooms.len(), 1, "{rooms:#?}");
    assert_eq!(rooms[0].title, "Ticket 1");
    assert!(rooms[0].folders.contains(&"Logs".to_owned()), "{:?}", rooms[0].folders);
    assert!(rooms[0].members.iter().any(|member| member.name == "Anna Agent"), "{:?}", rooms[0].members);
}
