//! The request to create a key.

use std::sync::Arc;

use keyward_authority::keys::{IssueKey, parse_tags};
use keyward_authority::questions::show_key;
use keyward_authority::{ActionContext, ActionError};
use keyward_rules::address::{Binding, HostBits};
use keyward_rules::fence::Fences;
use keyward_rules::id::{AccountId, AppId, KeyId};
use keyward_rules::key::{Environment, KeyName, KeySpec, Passphrase, RateCap, WideRange};
use keyward_rules::limits::DAY_MS;
use keyward_rules::permission::{Permission, Permissions};
use keyward_rules::person::SessionId;
use keyward_rules::time::Moment;

use super::binding::{reach_of_form, read_binding};
use super::field_errors::{Cause, FieldErrors};
use super::limits::{FormFault, limits_of_form, read_limits};
use crate::api::{NewKeyBody, Purpose};
use crate::fields::Fields;

/// What came in: a body, or a form as the body that says the same. The other fields are where the two differ.
pub struct NewKeyRequest {
    body: NewKeyBody,
    /// See [`read_binding`].
    host_bits: HostBits,
    /// The app if the body does not say clearly where the key works from. JSON may leave that out, to keep the app of the
    /// key that it replaces; a form has that app in a field. The errors differ: no page sends both `from` and `app`, but a
    /// program may have misunderstood the choice.
    otherwise: Result<AppId, Cause>,
    /// The limits of a form, which has fields of their own for them.
    limits: Option<Result<Fences, FormFault>>,
    /// The words for a wrong number of days. Only those of a form say that the field may be empty.
    end_rule: &'static str,
}

impl NewKeyRequest {
    /// Reads the fields of `key_new.html`.
    pub fn of_form(fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).to_owned();
        let canary = fields.get("purpose") == "canary";
        let is_own = !fields.has("app") && !canary || fields.has("reach") || fields.has("addresses");
        let body = NewKeyBody {
            name: fields.get("name").trim().to_owned(),
            permissions: match canary {
                true => vec![Permission::Read.word().to_owned()],
                false => fields.all("permission").map(str::to_owned).collect(),
            },
            from: is_own.then(|| reach_of_form(fields)),
            app: fields.has("app").then(|| text("app")),
            purpose: canary.then_some(Purpose::Canary),
            passphrase: text("passphrase"),
            demo: fields.has("demo"),
            ends_after_days: number(fields.get("expires")),
            rate_cap: number(fields.get("cap")),
            limits: None,
            tags: fields.get("tags").split(',').map(str::to_owned).collect(),
            // A hidden field that holds no API key counts as empty.
            replaces: Some(text("replaces")).filter(|id| id.parse::<KeyId>().is_ok()),
            // By the challenge, the key is found when the second form arrives again. The first form has none.
            idempotency_key: Some(text("challenge")).filter(|id| id.parse::<SessionId>().is_ok()),
            step_up: None,
        };
        let end_rule = "a number of days from 1 to 3650, or nothing";
        let (otherwise, limits) = (Err(ActionError::BoundToApp.into()), Some(limits_of_form(fields)));
        Self { body, host_bits: HostBits::Clear, otherwise, limits, end_rule }
    }

    /// Reads a body.
    pub async fn of_body(context: &ActionContext<'_>, body: NewKeyBody) -> Self {
        let is_said = body.from.is_some()
            || body.app.is_some()
            || matches!(body.purpose, Some(Purpose::Trading | Purpose::Canary));
        let old = body.replaces.as_deref().filter(|_| !is_said).and_then(|id| id.parse().ok());
        let app = match old {
            Some(old) => show_key(context, old).await.map(|key| key.app),
            None => Ok(None),
        };
        let choice = "give either `from`, for your own software, or `app`, for a third-party app, with the matching `purpose`; or neither, for a canary";
        let unclear = || Cause::rule("bad_purpose", choice);
        let otherwise = app.map_err(Cause::from).and_then(|app| app.ok_or_else(unclear));
        let end_rule = "a key ends after 1 to 3650 days";
        Self { body, host_bits: HostBits::Refuse, otherwise, limits: None, end_rule }
    }

    /// Judges every field, in the order in which the API reports them.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn read(self, account: AccountId, now: Moment) -> Result<IssueKey, FieldErrors> {
        let (body, mut errors) = (self.body, FieldErrors::default());
        let rights: Result<Vec<Permission>, _> = body.permissions.iter().map(|word| word.parse()).collect();
        let permissions = rights.and_then(Permissions::new);
        let permissions = errors.keep_rule("permission", "bad_permissions", permissions);
        let of_app = |app| (Binding::App(app), WideRange::NotAcknowledged);
        let works_from = match (body.purpose, &body.from, &body.app) {
            (None | Some(Purpose::Trading), Some(reach), None) => read_binding(reach, self.host_bits),
            (None | Some(Purpose::ThirdPartyApp), None, Some(app)) => {
                app.parse().map(of_app).map_err(|_| Cause::from(ActionError::NoApp))
            }
            (Some(Purpose::Canary), None, None) => Ok((Binding::Canary, WideRange::NotAcknowledged)),
            (None | Some(Purpose::Trading | Purpose::ThirdPartyApp | Purpose::Canary), _, _) => {
                self.otherwise.map(of_app)
            }
        };
        let works_from = errors.keep("addresses", works_from);
        let idempotency = match body.idempotency_key {
            Some(id) if !(1..=64).contains(&id.len()) => Err("an idempotency key has 1 to 64 bytes"),
            id => Ok(id.unwrap_or_default()),
        };
        let idempotency = errors.keep_rule("challenge", "bad_idempotency_key", idempotency);
        let expires_at = match body.ends_after_days {
            None => Ok(None),
            Some(days @ 1..=3_650) => {
                // By whole days, so that an approval a minute later is for the same moment.
                let end = now.plus_ms(days * DAY_MS).unix_ms();
                Ok(Some(Moment::from_unix_ms(end.div_ceil(DAY_MS) * DAY_MS)))
            }
            Some(_) => Err(self.end_rule),
        };
        let expires_at = errors.keep_rule("expires", "bad_end", expires_at);
        let name = errors.keep("name", KeyName::parse(&body.name));
        let rate_cap = errors.keep_rule("cap", "bad_rate_cap", body.rate_cap.map(RateCap::new).transpose());
        let fences = match self.limits {
            // The form marks the field itself.
            Some(read) => read.map_err(|fault| fault.cause),
            None => read_limits(body.limits.as_ref()),
        };
        let fences = errors.keep("limits", fences);
        let passphrase = Passphrase::parse(&body.passphrase);
        let passphrase = errors.keep_rule("passphrase", "bad_passphrase", passphrase);
        let tags = errors.keep("tags", read_tags(&body.tags));
        let replaces = body.replaces.as_deref().map(str::parse::<KeyId>).transpose();
        let replaces = replaces.map_err(|_| "`replaces` is no API key");
        let replaces = errors.keep_rule("replaces", "bad_key", replaces);
        let environment = if body.demo { Environment::Demo } else { Environment::Live };
        let all = || {
            let ((binding, wide), name, permissions) = (works_from?, name?, permissions?);
            let (expires_at, rate_cap) = (expires_at?, rate_cap?);
            let fences = Some(fences?.usable_now()).filter(|fences| !fences.is_empty()).map(Arc::new);
            let spec =
                KeySpec { name, permissions, binding, wide, environment, expires_at, rate_cap, fences };
            let (passphrase, tags, replaces, idempotency) = (passphrase?, tags?, replaces?, idempotency?);
            Some(IssueKey { account, spec, passphrase, tags, replaces, idempotency })
        };
        all().ok_or(errors)
    }
}

/// The number in a field of a form; none if it is empty. A text that is no number counts as 0, which is refused.
fn number(typed: &str) -> Option<u64> {
    let typed = typed.trim();
    (!typed.is_empty()).then(|| typed.parse().unwrap_or(0))
}

/// Reads tags, each of which is an entry of its own: a form was split at its commas, and JSON must not have any.
pub fn read_tags(tags: &[String]) -> Result<Vec<String>, ActionError> {
    if tags.iter().any(|tag| tag.contains(',')) {
        return Err(ActionError::Tags);
    }
    parse_tags(&tags.join(","))
}
