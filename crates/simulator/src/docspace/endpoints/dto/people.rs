//! People and groups as the API shows them.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::docspace::endpoints::wire::date;
use crate::docspace::state::people::{Group, People, UserKind, UserStatus};

impl People {
    /// Somebody as entries name them (EmployeeDto).
    pub(crate) fn reference(&self, id: Uuid, origin: &str) -> Value {
        let user = self.users.get(&id);
        let picture = |size| format!("/static/images/default_user_photo_size_{size}-{size}.png");
        json!({
            "id": id,
            "displayName": user.map(|user| user.name.as_str()).unwrap_or_default(),
            "avatar": picture(48),
            "avatarOriginal": picture(200),
            "avatarMax": picture(200),
            "avatarMedium": picture(48),
            "avatarSmall": picture(32),
            "profileUrl": format!("{origin}/accounts/people/filter?search=user"),
            "hasAvatar": false,
            "isAnonim": false,
        })
    }

    /// Somebody in full (EmployeeFullDto). A member whom the portal doesn't know has only a number.
    pub(crate) fn full(&self, id: Uuid, origin: &str) -> Value {
        let mut full = self.reference(id, origin);
        let (Some(user), Some(members)) = (self.users.get(&id), full.as_object_mut()) else { return full };
        let (first, last) = user.name.split_once(' ').unwrap_or((&user.name, ""));
        let groups: Vec<Value> = self
            .groups
            .iter()
            .filter(|(_, group)| group.members.contains(&id))
            .map(|(id, group)| json!({ "id": id, "name": group.name, "isSystem": false }))
            .collect();
        let status = match user.status {
            UserStatus::Active => 1,
            UserStatus::Terminated => 2,
            UserStatus::Pending => 4,
        };
        let more = json!({
            "firstName": first,
            "lastName": last,
            "userName": user.email.split('@').next(),
            "email": user.email,
            "status": status,
            "activationStatus": if user.status == UserStatus::Pending { 2 } else { 1 },
            "department": "",
            "groups": groups,
            "isAdmin": user.kind == UserKind::DocSpaceAdmin,
            "isRoomAdmin": user.kind == UserKind::RoomAdmin,
            "isLDAP": false,
            "isOwner": false,
            "isVisitor": user.kind == UserKind::Guest,
            "isCollaborator": user.kind == UserKind::User,
            "mobilePhoneActivationStatus": 0,
            "isSSO": false,
            "registrationDate": date(user.since),
        });
        if let Value::Object(more) = more {
            members.extend(more);
        }
        full
    }
}

pub(crate) fn group_dto(id: Uuid, group: &Group) -> Value {
    json!({
        "name": group.name,
        "category": Uuid::nil(),
        "id": id,
        "isLDAP": false,
        "isSystem": false,
        "membersCount": group.members.len(),
    })
}
