//! Attachments and their content. Cloud keeps the files on another server, and redirects to an
//! address with a token. That server refuses calls with credentials.

use hyper::StatusCode;
use hyper::header::AUTHORIZATION;

use super::api::{Asked, no_attachment, page};
use super::issue::Attachment;
use super::site::Site;
use super::wire::encoded;
use super::{Deployment, JiraService};
use crate::http::Answer;

impl JiraService {
    pub(super) fn get_attachment(&self, site: &Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let file = attachment(site, &asked.route.subject)?;
        Ok(Answer::json(StatusCode::OK, &asked.lens(site).attachment(file)))
    }

    /// Cloud redirects to the file, unless the client sends `redirect=false`.
    pub(super) fn attachment_content(&self, site: &Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let file = attachment(site, &asked.route.subject)?;
        let direct = asked.request.query("redirect").is_some_and(|redirect| redirect == "false");
        if direct || self.deployment == Deployment::DataCenter {
            return Ok(bytes(file));
        }
        let query = format!("token={}&name={}", self.media_token, encoded(&file.filename));
        let location = format!("{}/media.api/file/{}/binary?{query}", asked.origin, file.id);
        Ok(Answer::empty(StatusCode::SEE_OTHER).with("location", &location))
    }

    /// In reality another server, which accepts only the token in the query.
    pub(super) fn media(&self, asked: &Asked<'_>) -> Answer {
        let right = asked.request.query("token") == Some(self.media_token.as_str());
        if asked.request.headers.contains_key(AUTHORIZATION) || !right {
            return page(StatusCode::FORBIDDEN);
        }
        let site = self.site();
        attachment(&site, &asked.route.subject).map_or_else(|refusal| refusal, bytes)
    }
}

fn attachment<'a>(site: &'a Site, id: &str) -> Result<&'a Attachment, Answer> {
    let visible = site.issues.values().filter(|issue| site.is_visible(issue));
    let file = visible.flat_map(|issue| &issue.attachments).find(|file| file.id.to_string() == id);
    file.ok_or_else(|| no_attachment(id))
}

fn bytes(file: &Attachment) -> Answer {
    Answer { body: file.content.clone().into(), ..Answer::empty(StatusCode::OK) }
        .with("content-type", &file.mime_type)
}
