//! The API. From below: `wire` wraps answers, `body` reads requests, `call` is who calls and what
//! they may do, `dto` shows what there is; then come the calls themselves, which don't use each
//! other.

mod auth;
pub(crate) mod body;
mod call;
mod dto;
mod find;
mod folders;
mod links;
mod operations;
mod people;
mod rooms;
pub(crate) mod routes;
mod share;
mod webhooks;
pub(crate) mod wire;

use hyper::StatusCode;
use serde_json::{Value, json};
use url::Url;

use self::call::Call;
use self::routes::Route;
use self::webhooks::WebhookCall;
use self::wire::{Failure, Outcome, Reply};
use super::state::State;
use super::state::views::ServerVersion;
use crate::http::Request;

impl State {
    /// Answers a request that was admitted.
    pub(crate) fn dispatch(&mut self, request: &Request) -> Outcome {
        let route = Route::of(&request.method, &request.path);
        match route {
            Route::Version => return Ok(Reply::One(self.build())),
            Route::Capabilities => return Ok(Reply::One(capabilities())),
            _ => {}
        }
        if !self.is_in_scope(request) {
            return Err(Failure::Bare(StatusCode::FORBIDDEN));
        }
        let Some(caller) = self.caller(request) else {
            return Err(match route {
                // Whether there is such a room is looked at before who asks.
                Route::GetRoom(id) if self.room(id).is_none() => Failure::NotFound,
                _ if route.lets_anonymous_in() => Failure::Anonymous,
                _ => Failure::Bare(StatusCode::UNAUTHORIZED),
            });
        };
        let call = &Call { request, caller, origin: request.origin() };
        match route {
            Route::CreateRoom => self.create_room(call),
            Route::FindRooms => self.find_rooms(call),
            Route::GetRoom(id) => self.get_room(call, id),
            Route::UpdateRoom(id) => self.update_room(call, id),
            Route::DeleteRoom(id) => self.delete_room(call, id),
            Route::AddTags(id) => self.add_tags(call, id),
            Route::RemoveTags(id) => self.remove_tags(call, id),
            Route::ArchiveRoom(id) => self.archive_room(call, id),
            Route::UnarchiveRoom(id) => self.unarchive_room(call, id),
            Route::ShareRoom(id) => self.share_room(call, id),
            Route::GetShare(id) => self.get_share(call, id),
            Route::SetLink(id) => self.set_link(call, id),
            Route::GetPrimaryLink(id) => self.get_primary_link(call, id),
            Route::GetLinks(id) => self.get_links(call, id),
            Route::CreateTag => self.create_tag(call),
            Route::ListTags => self.list_tags(call),
            Route::MyDocuments => self.my_documents(call),
            Route::FolderContents(id) => self.folder_contents(call, id),
            Route::FolderInfo(id) => self.folder_info(call, id),
            Route::FolderPath(id) => self.folder_path(call, id),
            Route::Subfolders(id) => self.subfolders(call, id),
            Route::CreateFolder(id) => self.create_folder(call, id),
            Route::DeleteFolder(id) => self.delete_folder(call, id),
            Route::Copy => self.copy(call),
            Route::Operations(kind) => self.operations(call, kind),
            Route::FindGroups => self.find_groups(call),
            Route::GetGroup(id) => self.get_group(call, id),
            Route::UserByEmail => self.user_by_email(call),
            Route::SelfUser => self.self_user(call),
            Route::SelfKey => self.self_key(call),
            Route::ListWebhooks => self.list_webhooks(call),
            Route::CreateWebhook => self.create_webhook(call),
            Route::UpdateWebhook => self.update_webhook(call),
            Route::EnableWebhook => self.enable_webhook(call),
            Route::RemoveWebhook(id) => self.remove_webhook(call, id),
            Route::RetryWebhook(event) => self.retry_webhook(call, event),
            Route::RetryWebhooks => self.retry_webhooks(call),
            Route::WebhookLog => self.webhook_log(call),
            Route::WebhookTriggers => self.webhook_triggers(call),
            Route::PasswordPolicy => Ok(self.password_policy()),
            Route::Version | Route::Capabilities | Route::Unknown => Err(Failure::Unknown),
        }
    }

    /// The address that another server has to be asked at before the request can be answered. A
    /// request that will be refused in any case has none.
    pub(crate) fn address_to_probe(&self, request: &Request) -> Option<Url> {
        let webhook_call = match Route::of(&request.method, &request.path) {
            Route::CreateWebhook => WebhookCall::Create,
            Route::UpdateWebhook => WebhookCall::Update,
            Route::EnableWebhook => WebhookCall::Enable,
            _ => return None,
        };
        let caller = self.caller(request).filter(|_| self.is_in_scope(request))?;
        let call = &Call { request, caller, origin: request.origin() };
        self.address_to_ask(call, webhook_call).ok().flatten()
    }

    fn build(&self) -> Value {
        match self.version {
            ServerVersion::V3_7 => json!({ "docSpace": "3.7.2", "documentServer": "9.3.0" }),
            ServerVersion::V2_0 => json!({ "docSpace": "2.0.4", "documentServer": "8.0.1" }),
        }
    }
}

fn capabilities() -> Value {
    json!({
        "ldapEnabled": false,
        "providers": [],
        "ssoLabel": "",
        "oauthEnabled": false,
        "ssoUrl": "",
        "identityServerEnabled": false,
    })
}
