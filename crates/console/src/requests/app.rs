//! The requests to register an app, and to change what its broker says of it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use keyward_authority::AppProfile;
use keyward_authority::apps::{AppDescription, HomePage, SentPicture};
use keyward_rules::account::Email;
use keyward_rules::app::AppName;
use keyward_rules::permission::{Permission, Permissions};

use super::field_errors::FieldErrors;
use crate::api::{EditApp, NewApp};
use crate::fields::Fields;

/// What a broker says of an app. A form may have blanks around a text; in JSON they are an error.
pub struct AppRequest<'r> {
    name: &'r str,
    home_page: &'r str,
    contact: &'r str,
    permissions: Vec<&'r str>,
    /// The file of a new logo. A form has it beside the other fields; for the API it is a request of its own.
    logo: Option<Vec<u8>>,
}

impl<'r> AppRequest<'r> {
    /// Reads the fields of `apps/form.html`.
    pub fn of_form(fields: &'r Fields) -> Self {
        Self {
            name: fields.get("name").trim(),
            home_page: fields.get("home_page").trim(),
            contact: fields.get("contact").trim(),
            permissions: fields.all("permission").collect(),
            logo: file_of(fields.get("logo")),
        }
    }

    /// An app as it is.
    fn of_profile(now: &'r AppProfile) -> Self {
        Self {
            name: now.name.as_str(),
            home_page: &now.home_page,
            contact: &now.contact,
            permissions: now.permissions.iter().map(Permission::word).collect(),
            logo: None,
        }
    }

    /// Reads a body, which may leave fields out: they stay as they are. A form has every field.
    pub fn of_changes(now: &'r AppProfile, body: &'r EditApp) -> Self {
        let now = Self::of_profile(now);
        let permissions: Option<Vec<&str>> =
            body.permissions.as_ref().map(|words| words.iter().map(String::as_str).collect());
        Self {
            name: body.name.as_deref().unwrap_or(now.name),
            home_page: body.home_page.as_deref().unwrap_or(now.home_page),
            contact: body.contact.as_deref().unwrap_or(now.contact),
            permissions: permissions.unwrap_or(now.permissions),
            logo: None,
        }
    }

    /// A new logo; the other fields stay as they are.
    pub fn of_logo(now: &'r AppProfile, file: Vec<u8>) -> Self {
        Self { logo: Some(file), ..Self::of_profile(now) }
    }

    /// Judges every field, in the order in which the API reports them.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn read(self) -> Result<AppDescription, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.keep_rule("name", "bad_name", AppName::parse(self.name));
        let home_page = errors.keep_rule("home_page", "bad_home_page", HomePage::parse(self.home_page));
        let contact = errors.keep_rule("contact", "bad_email", Email::parse(self.contact));
        let rights: Result<Vec<Permission>, _> = self.permissions.iter().map(|word| word.parse()).collect();
        let permissions =
            errors.keep_rule("permission", "bad_permissions", rights.and_then(Permissions::new));
        let logo = errors.keep("logo", self.logo.map(SentPicture::look).transpose());
        let all = || {
            let (name, home_page, contact) = (name?, home_page?, contact?);
            Some(AppDescription { name, home_page, contact, permissions: permissions?, logo: logo? })
        };
        all().ok_or(errors)
    }
}

impl<'r> From<&'r NewApp> for AppRequest<'r> {
    fn from(body: &'r NewApp) -> Self {
        let permissions = body.permissions.iter().map(String::as_str).collect();
        Self { name: &body.name, home_page: &body.home_page, contact: &body.contact, permissions, logo: None }
    }
}

/// The file whose Base64 is in a form; an empty field has none. Another text counts as an empty file, which is no logo.
fn file_of(field: &str) -> Option<Vec<u8>> {
    let text = field.split_once("base64,").map_or(field, |(_, rest)| rest);
    let text: String = text.split_whitespace().collect();
    (!text.is_empty()).then(|| BASE64_STANDARD.decode(text).unwrap_or_default())
}
