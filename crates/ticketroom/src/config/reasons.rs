//! What can be wrong with a configuration. The words of a [`Problem`](super::Problem) say more:
//! they name the file, the line and what was meant.

use crate::reason::codes;

codes! {
    FILE_MISSING = "config.file.missing", Never,
        "There is no configuration: no file, and not the two environment variables that are enough without one.",
        "write the file with “ticketroom init”, or set DOCSPACE_URL and DOCSPACE_API_KEY";
    FILE_UNREADABLE = "config.file.unreadable", Never,
        "The file can't be read: it is not there, may not be read, is larger than 1 MiB, or is not UTF-8 text.",
        "check the path and who may read it";
    FILE_SYNTAX = "config.file.syntax-error", Never,
        "The file is not valid TOML.",
        "see ticketroom.example.toml for how the file is written";
    KEY_UNKNOWN = "config.key.unknown", Never,
        "A section has a key that does not exist.",
        "correct the key: the message names the nearest known key, or all of them";
    KEY_MISSING = "config.key.missing", Never,
        "A key that is required is not there.",
        "add the key: the message shows how";
    KEY_CONFLICT = "config.key.conflict", Never,
        "Two keys contradict each other, or a key is for another kind of system.",
        "leave one of them out";
    TYPE = "config.value.wrong-type", Never,
        "A value has the wrong type, such as a string in place of a list.",
        "write it as the message shows";
    EMPTY = "config.value.empty", Never,
        "A value is empty.",
        "write what is meant, or leave the key out if it is not required";
    RANGE = "config.value.out-of-range", Never,
        "A number, a duration, a size or a text is larger or smaller than allowed.",
        "choose a value in the range that the message names";
    INVALID = "config.value.invalid", Never,
        "A value is none of those that are possible here.",
        "write one of those that the message names";
    ADDRESS = "config.value.address-invalid", Never,
        "A web address, or an address to listen on, is not complete, or has parts that do not belong there.",
        "write the address of the system itself, without the path of a page";
    SECRET_MISSING = "config.secret.missing", Never,
        "A secret is not where the configuration says: the environment variable is not set, or the file can't be read.",
        "set the variable for the process that runs ticketroom, or correct the path and who may read the file";
    SECRET_INVALID = "config.secret.invalid", Never,
        "A secret is not usable: it is empty, has white space, is not a secret at all, or is known to everybody.",
        "copy the secret again, and name where it is as { env = \"NAME\" } or { file = \"PATH\" }";
    UNPROTECTED = "config.admin.unprotected", Never,
        "The service would listen beyond this machine without an admin token that can't be guessed.",
        "set token in [admin], such as one from `openssl rand -hex 32`, or listen on 127.0.0.1";
    STORE_ADDRESS = "config.store.address-invalid", Never,
        "The address of the store names no file or no database, or has options that are not known.",
        "write \"sqlite:\" and a path, or \"postgres://user@host/database\"";
    HELPDESK_MISSING = "config.helpdesk.missing", Never,
        "The configuration has no helpdesk.",
        "add a [[helpdesk]] section as in ticketroom.example.toml";
    HELPDESK_KIND = "config.helpdesk.kind-unknown", Never,
        "The kind of a helpdesk does not exist.",
        "write \"zendesk\", \"freshdesk\" or \"jira\", or \"generic\" for any other system";
    HELPDESK_NAME = "config.helpdesk.name-invalid", Never,
        "The name of a helpdesk can't be part of an address, or another helpdesk has it.",
        "choose another name: it is part of the webhook's address";
    RULE_CONDITION = "config.rule.condition-invalid", Never,
        "The condition of a rule can't be evaluated.",
        "docs/rules.md says what a condition can say, with examples";
    RULE_CONSEQUENCE = "config.rule.consequence-missing", Never,
        "A rule does not say what follows when it matches.",
        "add a template, or skip = true for no room";
    TEMPLATE_UNKNOWN = "config.rule.template-unknown", Never,
        "A rule names a template that does not exist.",
        "correct the name, or add the template";
    TITLE = "config.template.title-invalid", Never,
        "The title of a template can't be rendered.",
        "docs/rules.md says what a title can say, with examples";
    FOLDERS = "config.template.folders-invalid", Never,
        "A folder of a template has no usable name, or DocSpace would not tell it from another folder.",
        "write names that are good for every ticket, each of them once";
    ACCESS = "config.template.access-invalid", Never,
        "An entry of a template's access names nobody, or more than one.",
        "write one entry for each group, user, assignee, requester and ticket_group";
    ROLE = "config.template.role-impossible", Never,
        "A template grants a role that does not exist in its type of room, or that a group can't have.",
        "choose another role, or another room_type";
    LINK = "config.template.link-impossible", Never,
        "A template asks for an external link, and its type of room has none.",
        "choose another link, or another room_type";
    DEFECT = "config.internal.defect", Never,
        "What is built into ticketroom is wrong.",
        "report it: this is a mistake in ticketroom";
}
