//! The calls that look people and groups up.

use serde_json::{Value, json};
use uuid::Uuid;

use super::body::is_address;
use super::call::Call;
use super::dto::people::group_dto;
use super::wire::{Failure, Outcome, Reply, page, without_nulls};
use crate::docspace::state::State;
use crate::docspace::state::people::UserKind;

impl State {
    /// Only admins may look users up.
    fn demand_admin(&self, caller: Uuid) -> Result<(), Failure> {
        match self.people.kind(caller) {
            Some(UserKind::DocSpaceAdmin | UserKind::RoomAdmin) => Ok(()),
            _ => Err(Failure::Security),
        }
    }

    pub(crate) fn self_user(&self, call: &Call<'_>) -> Outcome {
        Ok(Reply::One(self.people.full(call.caller, &call.origin)))
    }

    pub(crate) fn user_by_email(&self, call: &Call<'_>) -> Outcome {
        self.demand_admin(call.caller)?;
        let email = call.request.query("email").unwrap_or_default();
        if !is_address(email) {
            return Err(Failure::Invalid("Email"));
        }
        let id = self.people.by_email(email).ok_or(Failure::NotFound)?;
        if self.is_hidden_from(call.caller, id) {
            return Err(Failure::Security);
        }
        Ok(Reply::One(self.people.full(id, &call.origin)))
    }

    /// Finds by any part of the name: `Support` also finds `Support EMEA`.
    pub(crate) fn find_groups(&self, call: &Call<'_>) -> Outcome {
        self.demand_admin(call.caller)?;
        let part = call.request.query("filterValue").unwrap_or_default().to_lowercase();
        let user: Option<Uuid> = match call.request.query("userId") {
            Some(text) => Some(text.parse().map_err(|_| Failure::Invalid("UserId"))?),
            None => None,
        };
        let found: Vec<Value> = self
            .people
            .groups
            .iter()
            .filter(|(_, group)| group.name.to_lowercase().contains(&part))
            .filter(|(_, group)| user.is_none_or(|user| group.members.contains(&user)))
            .map(|(id, group)| group_dto(*id, group))
            .collect();
        let total = found.len();
        Ok(Reply::Many(page(call.request, 100, found)?, Some(total)))
    }

    pub(crate) fn get_group(&self, call: &Call<'_>, id: &str) -> Outcome {
        self.demand_admin(call.caller)?;
        let id: Uuid = id.parse().map_err(|_| Failure::Invalid("Id"))?;
        let group = self.people.groups.get(&id).ok_or(Failure::NotFound)?;
        let members = call.request.query("includeMembers") != Some("false");
        let members = members.then(|| {
            group.members.iter().map(|member| self.people.full(*member, &call.origin)).collect::<Vec<_>>()
        });
        let mut dto = group_dto(id, group);
        if let Some(dto) = dto.as_object_mut() {
            dto.insert("members".to_owned(), json!(members));
        }
        Ok(Reply::One(without_nulls(dto)))
    }
}
