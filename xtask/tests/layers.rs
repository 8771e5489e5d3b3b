//! A module of the product or of the simulator uses only modules of lower layers, so that no
//! modules depend on each other in a circle.
//!
//! Read from paths that begin with `crate::` or `super::`, in `use` lines and in code. Tests may
//! use what they like.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use self::source::{Found, paths, without_tests};

mod comments;
mod error_types;
mod source;

/// A crate with its layers, the lowest first. Modules of one layer don't use each other. A part of
/// a module that has a line of its own lies in that layer; the rest of the module lies where the
/// module is.
struct Crate {
    folder: &'static str,
    layers: &'static [(&'static str, &'static [&'static str])],
}

const PRODUCT: Crate = Crate {
    folder: "crates/ticketroom/src",
    layers: &[
        (
            "basics",
            &["clock", "docspace::limits", "fault_point", "printable", "room", "secret_hash", "web::budget"],
        ),
        ("reasons", &["reason"]),
        (
            "time and log",
            &[
                "call",
                "finding",
                "log_limit",
                "replica::clock",
                "replica::lease_guard",
                "room_event",
                "telemetry",
                "ticket",
            ],
        ),
        ("sources", &["source"]),
        ("language", &["language"]),
        ("templates", &["template"]),
        ("rules and ledger", &["ledger", "rule"]),
        ("configuration", &["config"]),
        ("store", &["store"]),
        ("metrics and views", &["metrics", "view"]),
        ("breaker", &["breaker"]),
        ("calls", &["http"]),
        ("other systems", &["docspace", "helpdesk"]),
        ("live configuration", &["live"]),
        ("what is done with a ticket", &["intake", "reconcile"]),
        ("process", &["replica", "web"]),
        ("service", &["service"]),
        ("commands", &["cli"]),
    ],
};

const SIMULATOR: Crate = Crate {
    folder: "crates/simulator/src",
    layers: &[
        (
            "basics",
            &[
                "clock",
                "counters",
                "fault",
                "html",
                "http",
                "loss",
                "selection",
                "window",
                "docspace::quirks",
                "docspace::roles",
            ],
        ),
        ("answers and services", &["reply", "service"]),
        ("control endpoint and webhooks", &["control", "outbox"]),
        ("server", &["server"]),
        ("handle", &["handle"]),
        ("helpdesk", &["helpdesk"]),
        (
            "limits, views and events",
            &["docspace::limits", "docspace::state::trigger", "docspace::state::views"],
        ),
        ("DocSpace's webhooks", &["docspace::state::webhook"]),
        (
            "parts of DocSpace's state",
            &[
                "docspace::state::delivery",
                "docspace::state::key",
                "docspace::state::link",
                "docspace::state::operation",
                "docspace::state::people",
                "docspace::state::sort",
            ],
        ),
        ("DocSpace's state", &["docspace::state"]),
        (
            "what is done with the state",
            &["docspace::state::catch_up", "docspace::state::files", "docspace::state::rooms"],
        ),
        ("answers of DocSpace's API", &["docspace::endpoints::wire"]),
        (
            "its requests",
            &["docspace::endpoints::body", "docspace::endpoints::call", "docspace::endpoints::routes"],
        ),
        ("rooms, folders and people in it", &["docspace::endpoints::dto", "docspace::overview"]),
        (
            "its calls",
            &[
                "docspace::endpoints::auth",
                "docspace::endpoints::find",
                "docspace::endpoints::folders",
                "docspace::endpoints::links",
                "docspace::endpoints::operations",
                "docspace::endpoints::people",
                "docspace::endpoints::rooms",
                "docspace::endpoints::share",
                "docspace::endpoints::webhooks",
            ],
        ),
        ("all of its calls", &["docspace::endpoints"]),
        ("what people do", &["docspace::act"]),
        ("pages for browsers", &["docspace::page"]),
        ("the portal", &["docspace::service"]),
        ("systems", &["callback", "docspace", "freshdesk", "jira", "zendesk"]),
        ("configuration", &["configuration"]),
    ],
};

#[test]
fn no_module_uses_one_of_its_own_layer_or_a_higher_one() {
    for (of, at_least) in [(&PRODUCT, 100), (&SIMULATOR, 80)] {
        let (mut files, mut wrong) = (0, Vec::new());
        for file in of.sources().unwrap() {
            let text = fs::read_to_string(of.root().join(&file)).unwrap();
            files += 1;
            wrong.extend(of.complaints(&file, &text));
        }
        assert!(
            files > at_least,
            "only {files} files were read: are the sources of {} elsewhere?",
            of.folder
        );
        assert!(
            wrong.is_empty(),
            "move what both need into a lower module, or give one of them another layer in xtask/tests/layers.rs:\n{}",
            wrong.join("\n")
        );
    }
}

#[test]
fn every_module_has_a_layer() {
    for (of, at_least) in [(&PRODUCT, 20), (&SIMULATOR, 15)] {
        let text = without_tests(&fs::read_to_string(of.root().join("lib.rs")).unwrap());
        let modules = text.lines().filter_map(|line| {
            line.trim_start_matches("pub ").strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';'))
        });
        let without: Vec<_> = modules.clone().filter(|module| of.layer(&[module]).is_none()).collect();
        assert!(modules.count() > at_least, "lib.rs of {} is read wrongly", of.folder);
        assert!(without.is_empty(), "give each of these a layer in xtask/tests/layers.rs: {without:?}");
        let gone = |module: &&str| {
            let path = of.root().join(module.replace("::", "/"));
            !path.is_dir() && !path.with_extension("rs").is_file()
        };
        let gone: Vec<_> = of.layers.iter().flat_map(|(_, modules)| *modules).copied().filter(gone).collect();
        assert!(gone.is_empty(), "xtask/tests/layers.rs names modules that are not there: {gone:?}");
    }
}

#[test]
fn every_way_to_use_a_higher_layer_is_found() {
    let found = |file: &str, text: &str| PRODUCT.complaints(Path::new(file), text);
    let one = found("store/mod.rs", "//! Text.\n\nuse crate::web::StartupGate;\n");
    assert_eq!(one, ["store/mod.rs:3: store (layer “store”) uses web (layer “process”)"]);
    let grouped =
        "use crate::{\n    clock::{self, Clock},\n    docspace::{limits::Taken, wire},\n    web,\n};\n";
    assert_eq!(
        found("store/mod.rs", grouped),
        [
            "store/mod.rs:3: store (layer “store”) uses docspace (layer “other systems”)",
            "store/mod.rs:4: store (layer “store”) uses web (layer “process”)",
        ]
    );
    assert_eq!(found("http.rs", "fn f() { let it = crate::service::new(\"http://x\"); }\n").len(), 1);
    assert_eq!(found("docspace/limits.rs", "use super::client::DocSpace;\n").len(), 1, "above its part");
    assert_eq!(found("store/sqlite/writer.rs", "use super::super::super::web;\n").len(), 1);
    assert_eq!(found("docspace/mod.rs", "use crate::helpdesk::Helpdesk;\n").len(), 1, "the same layer");
    assert_eq!(
        found("store/mod.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n}\n\nuse crate::web;\n").len(),
        1
    );
}

#[test]
fn what_is_no_use_of_a_higher_layer_is_left_alone() {
    for text in [
        "use crate::clock::Clock;\nuse super::types::State;\nuse crate::docspace::limits::Taken;\n",
        "/// See [`crate::web`].\nfn f() {} // crate::web\n",
        "#[cfg(test)]\nmod tests {\n    use crate::web;\n    mod inner {\n        use crate::cli;\n    }\n}\n",
        "#[cfg(test)]\nuse crate::web::StartupGate;\n",
    ] {
        assert_eq!(PRODUCT.complaints(Path::new("store/mod.rs"), text), [""; 0], "{text}");
    }
}

impl Crate {
    /// What is wrong with a file, one line each.
    fn complaints(&self, file: &Path, text: &str) -> Vec<String> {
        let own = module_of(file);
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let Some((height, name, module)) = self.layer(&own) else {
            // main.rs and lib.rs are above all.
            return Vec::new();
        };
        let text = without_tests(text);
        let complaint = |Found { line, path }: Found| {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let (other_height, other_name, other) = self.layer(&path)?;
            (other != module && other_height >= height).then(|| {
                let file = file.display();
                format!("{file}:{line}: {module} (layer “{name}”) uses {other} (layer “{other_name}”)")
            })
        };
        paths(&text, &own).into_iter().filter_map(complaint).collect()
    }

    /// The layer of what is at a path: how high it is, its name, and the module by which it has it.
    /// The longest name of a module that the path begins with counts.
    fn layer(&self, path: &[&str]) -> Option<(usize, &'static str, &'static str)> {
        let of = |wanted: &str| {
            self.layers.iter().enumerate().find_map(|(height, (name, modules))| {
                modules.iter().find(|module| **module == wanted).map(|module| (height, *name, *module))
            })
        };
        (1..=path.len()).rev().find_map(|length| of(&path[..length].join("::")))
    }

    fn root(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(self.folder)
    }

    /// The crate's sources but for its tests, from [`root`](Self::root).
    fn sources(&self) -> Result<Vec<PathBuf>, Box<dyn Error>> {
        let (mut folders, mut sources) = (vec![self.root()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                // `suite` is the store's: one for both databases.
                if ["tests", "suite"].contains(&stem.as_str()) || stem.ends_with("_tests") {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    sources.push(path.strip_prefix(self.root())?.to_owned());
                }
            }
        }
        sources.sort();
        Ok(sources)
    }
}

/// `["store", "sqlite"]` for `store/sqlite/mod.rs`.
fn module_of(file: &Path) -> Vec<String> {
    let file = file.with_extension("");
    let parts = file.iter().map(|part| part.to_string_lossy().into_owned());
    parts.filter(|part| !["mod", "lib", "main"].contains(&part.as_str())).collect()
}
