//! The pages that people open in a browser: a room at its member address or by a link, and the list
//! of rooms.
//!
//! The real portal asks people to sign in and runs an application in the browser. Here everybody
//! sees the room as plain HTML: title, folders, people, links. Pages don't count as calls, and no
//! faults are injected into them.

use std::fmt::Write as _;

use hyper::{Method, StatusCode};

use super::roles::{CREATOR, CUSTOM, DATA, EDITING, FILL_FORMS, MANAGER, PUBLIC, READ};
use super::state::State;
use super::state::views::{LinkKind, RoomView};
use crate::html::escaped;
use crate::http::{Answer, Request};

const STYLE: &str = "
:root { color-scheme: light dark; --line: #8884; --faint: light-dark(#666, #999); --accent: light-dark(#1f5fbf, #8ab4ff); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.5rem; line-height: 1.3; margin: .25rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
p, li { overflow-wrap: anywhere; }
a { color: var(--accent); }
.faint { color: var(--faint); }
ul { list-style: none; margin: 0; padding: 0; border-top: 1px solid var(--line); }
li { padding: .45rem 0; border-bottom: 1px solid var(--line); display: flex; gap: 1rem; justify-content: space-between; }
li ul { border: 0; }
.in { padding-inline-start: 1.5rem; }
footer { margin-top: 3rem; font-size: .85rem; color: var(--faint); }
";

impl State {
    /// The page at an address, if there is one.
    pub(super) fn page(&self, request: &Request) -> Option<Answer> {
        if request.method != Method::GET {
            return None;
        }
        let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let origin = request.origin();
        let room = match parts.as_slice() {
            ["rooms", "shared"] | ["rooms", "archived"] => return Some(self.list(&origin)),
            ["rooms", "shared" | "archived", id] | ["rooms", "shared" | "archived", id, "filter"] => {
                id.parse().ok().and_then(|id| self.room_view(id, &origin))
            }
            ["s", _] => {
                let here = format!("{origin}{}", request.path);
                let mut rooms = self.room_views(&origin).into_iter();
                // The links of an archived room are disabled.
                rooms.find(|room| !room.archived && room.links.iter().any(|link| link.url == here))
            }
            _ => return None,
        };
        Some(match room {
            Some(room) => page(StatusCode::OK, &room.title, &content(&room)),
            None => page(
                StatusCode::NOT_FOUND,
                "No such room",
                "<h1>No such room</h1>\n<p>It was deleted, or there was never one here. \
                 <a href=\"/rooms/shared\">All rooms</a></p>\n",
            ),
        })
    }

    fn list(&self, origin: &str) -> Answer {
        let mut html = "<h1>Rooms</h1>\n<ul>\n".to_owned();
        for room in self.room_views(origin) {
            let archived = archived(&room)
                .map(|archived| format!(" <span class=\"faint\">{archived}</span>"))
                .unwrap_or_default();
            let _ = writeln!(
                html,
                "<li><a href=\"/rooms/shared/{id}/filter?folder={id}\"><bdi>{}</bdi></a>{archived}</li>",
                escaped(&room.title),
                id = room.id
            );
        }
        html.push_str("</ul>\n");
        page(StatusCode::OK, "Rooms", &html)
    }
}

/// That an archived room is archived, and by whom.
fn archived(room: &RoomView) -> Option<String> {
    let by = room.archived_by.as_deref().map(|name| format!(" by <bdi>{}</bdi>", escaped(name)));
    room.archived.then(|| format!("archived{}", by.unwrap_or_default()))
}

fn content(room: &RoomView) -> String {
    let mut html = format!(
        "<p class=\"faint\"><a href=\"/rooms/shared\">Rooms</a> · {}{}</p>\n<h1><bdi>{}</bdi></h1>\n\
         <p class=\"faint\">Room {} · made {} · tags: <bdi>{}</bdi></p>\n<h2>Folders</h2>\n",
        kind_of(room.room_type),
        archived(room).map(|archived| format!(" · {archived}")).unwrap_or_default(),
        escaped(&room.title),
        room.id,
        room.created.strftime("%F %T UTC"),
        escaped(&room.tags.join(", ")),
    );
    list(
        &mut html,
        "No folders.",
        room.folders.iter().map(|path| {
            let depth = path.matches('/').count();
            let name = path.rsplit('/').next().unwrap_or(path);
            format!(
                "{}<bdi>{}</bdi>{}",
                "<span class=\"in\">".repeat(depth),
                escaped(name),
                "</span>".repeat(depth)
            )
        }),
    );
    html.push_str("<h2>People</h2>\n");
    list(
        &mut html,
        "Nobody but the owner.",
        room.members.iter().map(|member| {
            let kind = if member.is_group { "<span class=\"faint\">group</span> " } else { "" };
            let email = member
                .email
                .as_deref()
                .map(|email| format!(" <span class=\"faint\"><bdi>{}</bdi></span>", escaped(email)));
            format!(
                "<span>{kind}<bdi>{}</bdi>{}</span> <span class=\"faint\">{}</span>",
                escaped(&member.name),
                email.unwrap_or_default(),
                role_of(member.access)
            )
        }),
    );
    if !room.links.is_empty() {
        html.push_str("<h2>Links</h2>\n");
        list(
            &mut html,
            "",
            room.links.iter().map(|link| {
                let kind = match link.kind {
                    LinkKind::Invitation => "makes its visitors members",
                    LinkKind::External => "opens the content",
                };
                format!(
                    "<a href=\"{0}\">{0}</a> <span class=\"faint\">{kind}, as {1}</span>",
                    escaped(&link.url),
                    role_of(link.access)
                )
            }),
        );
    }
    html
}

fn list(html: &mut String, when_empty: &str, items: impl Iterator<Item = String>) {
    let mut items = items.peekable();
    if items.peek().is_none() {
        let _ = writeln!(html, "<p class=\"faint\">{when_empty}</p>");
        return;
    }
    html.push_str("<ul>\n");
    for item in items {
        let _ = writeln!(html, "<li>{item}</li>");
    }
    html.push_str("</ul>\n");
}

fn kind_of(room_type: i32) -> &'static str {
    match room_type {
        EDITING => "Collaboration room",
        CUSTOM => "Custom room",
        PUBLIC => "Public room",
        DATA => "Virtual data room",
        _ => "Room",
    }
}

fn role_of(access: i32) -> &'static str {
    match access {
        READ => "viewer",
        FILL_FORMS => "form filler",
        MANAGER => "room manager",
        CREATOR => "content creator",
        5 => "reviewer",
        6 => "commenter",
        10 => "editor",
        _ => "no role",
    }
}

fn page(status: StatusCode, title: &str, content: &str) -> Answer {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n{content}<footer>A simulated DocSpace of ticketroom. A real one asks you to sign in here.</footer>\n\
         </body>\n</html>\n",
        escaped(title)
    );
    let mut answer = Answer::empty(status)
        .with("content-type", "text/html; charset=utf-8")
        // No script or style in a title has any effect.
        .with(
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        );
    answer.body = html.into_bytes().into();
    answer
}
