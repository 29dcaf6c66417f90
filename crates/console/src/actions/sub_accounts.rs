//! What a master does with sub-accounts, and an invited user with an invitation, that is one question.

use askama::Template;
use async_trait::async_trait;
use axum::http::StatusCode;
use keyward_authority::ActionError;
use keyward_authority::questions::show_sub_account;
use keyward_authority::sub_accounts::{
    AcceptInvitation, CapChange, ChangeSubAccountCap, CloseSubAccount, CreateSubAccount, FreezeSubAccount,
    InviteMember, RemoveMember, SubAccountNamed, ThawSubAccount,
};
use keyward_rules::account::{Email, SubAccountName};
use keyward_rules::id::AccountId;
use keyward_rules::key::{KeyName, RateCap};
use keyward_rules::key::{SubAccountCap, TransfersOut};
use keyward_rules::permission::{Permission, Permissions};
use keyward_rules::sub_account::SubAccountLife;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::HttpMethod;
use utoipa_axum::router::OpenApiRouter;

use super::exposed::{Exposed, FormStep, Inputs, Operation, Question, Wanted};
use super::handlers::{operation_of, page_of};
use crate::api::{Caller, Enable, Given, OneFactor, PasskeyAnswer, Problem, StepUp, parsed_id};
use crate::fields::Fields;
use crate::pages::field::{Field, Kind};
use crate::pages::layout::sentence;
use crate::pages::person::SignedIn;
use crate::route::Routes;
use crate::shell::Shell;

const LIST: &str = "/sub-accounts";

/// The pages.
pub fn pages(routes: Routes) -> Routes {
    let routes = page_of::<ThawSubAccount>(page_of::<FreezeSubAccount>(page_of::<CreateSubAccount>(routes)));
    let routes = page_of::<CloseSubAccount>(page_of::<ChangeSubAccountCap>(routes));
    let routes = page_of::<InviteMember>(routes);
    page_of::<RemoveMember>(page_of::<AcceptInvitation>(routes))
}

/// The operations.
pub fn operations(api: OpenApiRouter<Shell>) -> OpenApiRouter<Shell> {
    let api = operation_of::<FreezeSubAccount>(operation_of::<CreateSubAccount>(api));
    let api = operation_of::<ChangeSubAccountCap>(operation_of::<ThawSubAccount>(api));
    let api = operation_of::<CloseSubAccount>(api);
    operation_of::<RemoveMember>(operation_of::<AcceptInvitation>(operation_of::<InviteMember>(api)))
}

const fn operation(
    method: HttpMethod,
    (path, id): (&'static str, &'static str),
    summary: &'static str,
    answers: &'static str,
) -> Operation {
    let (tag, about) = ("sub-accounts", "The sub-account's id");
    Operation { method, path, id, tag, summary, about, status: StatusCode::NO_CONTENT, answers }
}

fn id_of(id: &str) -> Result<AccountId, ActionError> {
    id.parse().map_err(|_| ActionError::NoSubAccount)
}

fn page_of_sub(id: AccountId) -> String {
    format!("{LIST}/{id}")
}

/// The step of an action that needs nothing but the sub-account.
fn by_id<A>(id: &str, words: Vec<String>, action: fn(AccountId) -> A) -> Result<FormStep<A>, ActionError> {
    let id = id_of(id)?;
    let (action, page) = (action(id), page_of_sub(id));
    Ok(FormStep::Proof(Wanted { action, words, carried: Vec::new(), back: page.clone(), then: page }))
}

/// Fields to be filled in, each with what is wrong with it.
fn to_fill_in(words: &str, fields: &[Field], error: &str, back: &str) -> Inputs {
    Inputs {
        words: vec![words.to_owned()],
        html: fields.iter().map(|field| field.render().unwrap_or_default()).collect(),
        error: error.to_owned(),
        back: back.to_owned(),
    }
}

/// A new sub-account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSubAccount {
    /// 6 to 20 letters and digits, unique in the account. It never changes.
    name: String,
    /// What you call it; it can be changed. Up to 50 characters.
    #[serde(default)]
    label: Option<String>,
    /// A code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the answer is 403
    /// `factor_required`.
    #[serde(default)]
    factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    passkey: Option<PasskeyAnswer>,
}

/// The sub-account that was created.
#[derive(Serialize, ToSchema)]
pub struct CreatedSubAccount {
    /// Its id; OKX's `uid`.
    id: String,
}

/// A label that may be left out.
pub fn label_of(text: Option<&str>) -> Result<Option<KeyName>, ActionError> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => Ok(Some(KeyName::parse(text)?)),
    }
}

fn bad_name(text: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_name", text)
}

#[async_trait]
impl Exposed for CreateSubAccount {
    const PAGE: Question = Question {
        path: "/sub-accounts/new",
        title: "Create a sub-account",
        button: "Create the sub-account",
        danger: false,
        part: "sub-accounts",
    };
    const OPERATION: Operation = Operation {
        about: "",
        status: StatusCode::CREATED,
        ..operation(
            HttpMethod::Post,
            ("/api/v1/sub-accounts", "sub_accounts_create"),
            "Create a sub-account",
            "Created",
        )
    };
    type Body = NewSubAccount;
    type Answer = CreatedSubAccount;

    async fn of_form(person: &SignedIn, _: &str, fields: &Fields) -> Result<FormStep<Self>, ActionError> {
        let (typed, typed_label) = (fields.get("name").trim(), fields.get("label").trim());
        let form = |name_error: String, label_error: String| {
            let name = Field::new("name", "Name", Kind::Text)
                .value(typed)
                .error(name_error)
                .hint("6 to 20 letters and digits, as the exchange knows it. It never changes.");
            let label = Field::new("label", "Label", Kind::Text).value(typed_label).error(label_error);
            let label = label.hint("What you call it. You can change it later.").optional();
            let words =
                "A sub-account has its own keys, limits and activity. Its keys reach only its own funds.";
            Ok(FormStep::Inputs(to_fill_in(words, &[name, label], "", LIST)))
        };
        if !fields.has("name") {
            return form(String::new(), String::new());
        }
        let name = match SubAccountName::parse(typed) {
            Ok(name) => name,
            Err(why) => {
                return form(format!("{}.", crate::pages::layout::capital(&why.to_string())), String::new());
            }
        };
        let label = match label_of(Some(typed_label)) {
            Ok(label) => label,
            Err(why) => return form(String::new(), sentence(&why)),
        };
        let action = Self { master: person.id(), name, label };
        if let Err(taken @ ActionError::SubAccountNameTaken) =
            keyward_authority::Action::judge(&action, &person.own_context()).await
        {
            return form(sentence(&taken), String::new());
        }
        Ok(FormStep::Proof(Wanted {
            action,
            words: Vec::new(),
            carried: vec![("label", typed_label.to_owned()), ("name", typed.to_owned())],
            back: LIST.to_owned(),
            then: LIST.to_owned(),
        }))
    }

    fn of_body(caller: &Caller, _: &str, body: NewSubAccount) -> Result<(Self, Given), Problem> {
        let name = SubAccountName::parse(&body.name).map_err(|why| bad_name(why.to_string()))?;
        let label = label_of(body.label.as_deref())?;
        Ok((Self { master: caller.id(), name, label }, Given::factor(body.factor, body.passkey)))
    }

    fn answer(id: AccountId) -> CreatedSubAccount {
        CreatedSubAccount { id: id.to_string() }
    }
}

/// What keys of a sub-account may do from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowedBody {
    /// Of `read`, `trade`, `withdraw` and `funding`, at least one.
    permissions: Vec<String>,
    /// If given, each key needs a rate cap of at most so many requests a second, 1 to 1,000.
    #[serde(default)]
    rate_cap: Option<u64>,
    /// Whether they may transfer to other sub-accounts; left out, they may not.
    #[serde(default)]
    transfer_out: bool,
    /// One factor, for a change that only takes away.
    #[serde(default)]
    factor: String,
    /// Instead of `factor`: a passkey's answer.
    #[serde(default)]
    passkey: Option<PasskeyAnswer>,
    /// The answer to the challenge, for every other change.
    #[serde(default)]
    step_up: Option<StepUp>,
}

/// The form of what keys may do.
#[derive(Template)]
#[template(path = "sub_account_allowed.html")]
struct AllowedForm {
    /// Word, name, and whether it is allowed.
    permissions: Vec<(&'static str, &'static str, bool)>,
    rate: String,
    transfer_out: bool,
}

/// The permissions that a sub-account can be allowed, with their names.
const OFFERED: [(Permission, &str); 4] = [
    (Permission::Read, "Read"),
    (Permission::Trade, "Trade"),
    (Permission::Funding, "Move funds between accounts"),
    (Permission::Withdraw, "Withdraw"),
];

fn allowed_form(name: &SubAccountName, cap: &SubAccountCap, error: &str, back: &str) -> Inputs {
    let permissions =
        OFFERED.map(|(right, name)| (right.word(), name, cap.permissions().allows(right))).into();
    let rate = cap.rate().map(|rate| rate.per_second().to_string()).unwrap_or_default();
    let transfer_out = cap.transfers() == TransfersOut::ToSubAccounts;
    Inputs {
        words: vec![
            name.as_str().to_owned(),
            "To allow less, you need one factor. To allow more, you also need a code by mail.".to_owned(),
            "A key that may do more than its sub-account is refused while that lasts. Permissions of a key never change."
                .to_owned(),
        ],
        html: AllowedForm { permissions, rate, transfer_out }.render().unwrap_or_default(),
        error: error.to_owned(),
        back: back.to_owned(),
    }
}

/// Reads a cap; the error is a sentence.
fn cap_of<'w>(
    words: impl Iterator<Item = &'w str>,
    rate: Option<Result<u64, ()>>,
    transfer_out: bool,
) -> Result<SubAccountCap, String> {
    let rights: Result<Vec<Permission>, _> = words.map(str::parse).collect();
    let permissions = rights
        .and_then(Permissions::new)
        .map_err(|_| "Select at least one permission of read, trade, withdraw and funding.".to_owned())?;
    let rate = match rate {
        None => None,
        Some(rate) => {
            let cap = rate.ok().and_then(|rate| RateCap::new(rate).ok());
            Some(cap.ok_or_else(|| "Enter 1 to 1000 requests a second, or nothing.".to_owned())?)
        }
    };
    let transfers = if transfer_out { TransfersOut::ToSubAccounts } else { TransfersOut::ToMaster };
    let cap = SubAccountCap::new(permissions, rate).map_err(|why| format!("{why}."))?;
    Ok(cap.transfers_to(transfers))
}

#[async_trait]
impl Exposed for ChangeSubAccountCap {
    const PAGE: Question = Question {
        path: "/sub-accounts/{id}/allowed",
        title: "What keys of the sub-account may do",
        button: "Change it",
        danger: false,
        part: "sub-accounts",
    };
    const OPERATION: Operation = operation(
        HttpMethod::Put,
        ("/api/v1/sub-accounts/{id}/allowed", "sub_accounts_allow"),
        "Change what keys of a sub-account may do at most",
        "Changed",
    );
    type Body = AllowedBody;
    type Answer = ();

    async fn of_form(person: &SignedIn, id: &str, fields: &Fields) -> Result<FormStep<Self>, ActionError> {
        let account = id_of(id)?;
        let sub = show_sub_account(&person.own_context(), account).await?.sub_account;
        let (name, before) = (&sub.name, sub.settings.cap);
        let back = page_of_sub(account);
        if !fields.has("chosen") {
            return Ok(FormStep::Inputs(allowed_form(name, &before, "", &back)));
        }
        let typed = fields.get("rate").trim();
        let rate = (!typed.is_empty()).then(|| typed.parse().map_err(|_| ()));
        let to = match cap_of(fields.all("permission"), rate, fields.has("transfer_out")) {
            Ok(to) => to,
            Err(error) => return Ok(FormStep::Inputs(allowed_form(name, &before, &error, &back))),
        };
        if to == before {
            let error = sentence(&ActionError::Unchanged);
            return Ok(FormStep::Inputs(allowed_form(name, &before, &error, &back)));
        }
        let mut carried = vec![("chosen", "1".to_owned()), ("rate", typed.to_owned())];
        carried.extend(fields.has("transfer_out").then(|| ("transfer_out", "1".to_owned())));
        carried.extend(to.permissions().iter().map(|right| ("permission", right.word().to_owned())));
        Ok(FormStep::Proof(Wanted {
            action: Self { account, to: CapChange::Whole(to) },
            words: Vec::new(),
            carried,
            back: back.clone(),
            then: back,
        }))
    }

    fn of_body(_: &Caller, id: &str, body: AllowedBody) -> Result<(Self, Given), Problem> {
        let words = body.permissions.iter().map(String::as_str);
        let to = cap_of(words, body.rate_cap.map(Ok), body.transfer_out)
            .map_err(|text| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_permissions", text))?;
        let given = Given::either(body.factor, body.passkey, body.step_up);
        Ok((Self { account: parsed_id(id)?, to: CapChange::Whole(to) }, given))
    }

    fn answer((): ()) {}
}

#[async_trait]
impl Exposed for FreezeSubAccount {
    const PAGE: Question = Question {
        path: "/sub-accounts/{id}/freeze",
        title: "Freeze this sub-account?",
        button: "Freeze the sub-account",
        danger: true,
        part: "sub-accounts",
    };
    const OPERATION: Operation = operation(
        HttpMethod::Post,
        ("/api/v1/sub-accounts/{id}/freeze", "sub_accounts_freeze"),
        "Freeze a sub-account with all its keys",
        "Frozen",
    );
    type Body = OneFactor;
    type Answer = ();

    async fn of_form(_: &SignedIn, id: &str, _: &Fields) -> Result<FormStep<Self>, ActionError> {
        by_id(id, vec!["Gateways follow within a second. Open orders stay.".to_owned()], Self)
    }

    fn of_body(_: &Caller, id: &str, body: OneFactor) -> Result<(Self, Given), Problem> {
        Ok((Self(parsed_id(id)?), Given::factor(body.factor, body.passkey)))
    }

    fn answer((): ()) {}
}

#[async_trait]
impl Exposed for ThawSubAccount {
    const PAGE: Question = Question {
        path: "/sub-accounts/{id}/thaw",
        title: "Unfreeze this sub-account?",
        button: "Unfreeze the sub-account",
        danger: false,
        part: "sub-accounts",
    };
    const OPERATION: Operation = operation(
        HttpMethod::Post,
        ("/api/v1/sub-accounts/{id}/thaw", "sub_accounts_thaw"),
        "Let the keys of a sub-account work again",
        "They work",
    );
    type Body = Enable;
    type Answer = ();

    async fn of_form(_: &SignedIn, id: &str, _: &Fields) -> Result<FormStep<Self>, ActionError> {
        by_id(id, Vec::new(), Self)
    }

    fn of_body(_: &Caller, id: &str, body: Enable) -> Result<(Self, Given), Problem> {
        Ok((Self(parsed_id(id)?), Given::step_up(body.step_up)))
    }

    fn answer((): ()) {}
}

/// Which sub-account is to be closed, by its name as well as by its id.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClosedSubAccount {
    /// The sub-account's exact name: a wrong id then closes nothing.
    name: String,
    /// The answer to the challenge.
    #[serde(default)]
    step_up: Option<StepUp>,
}

/// Where the sub-account is in its life now.
#[derive(Serialize, ToSchema)]
pub struct SubAccountClosing {
    /// `closing` until the exchange has answered, or `closed` where the exchange is not told of sub-accounts.
    state: &'static str,
}

#[async_trait]
impl Exposed for CloseSubAccount {
    const PAGE: Question = Question {
        path: "/sub-accounts/{id}/close",
        title: "Close this sub-account?",
        button: "Close the sub-account",
        danger: true,
        part: "sub-accounts",
    };
    const OPERATION: Operation = Operation {
        status: StatusCode::OK,
        ..operation(
            HttpMethod::Post,
            ("/api/v1/sub-accounts/{id}/close", "sub_accounts_close"),
            "Close a sub-account for good",
            "Its keys are refused, and the exchange is asked to close it",
        )
    };
    type Body = ClosedSubAccount;
    type Answer = SubAccountClosing;

    async fn of_form(person: &SignedIn, id: &str, fields: &Fields) -> Result<FormStep<Self>, ActionError> {
        let account = id_of(id)?;
        let sub = show_sub_account(&person.own_context(), account).await?.sub_account;
        let (right, typed, back) = (sub.name.as_str(), fields.get("name").trim(), page_of_sub(account));
        // What cannot be done costs no typing.
        let whole = Self(SubAccountNamed { account, name: right.to_owned() });
        keyward_authority::Action::plan(&whole, &person.own_context()).await?;
        if typed != right {
            let error =
                if fields.has("name") { sentence(&ActionError::NotTheSubAccount) } else { String::new() };
            let field = Field::new("name", "Name of the sub-account", Kind::Text).value(typed).error(error);
            let words = format!(
                "Closing “{right}” is final: its keys are deleted, its members are removed, and its name stays taken. \
                 Transfer all of its funds to the master account first. To go on, type its name."
            );
            return Ok(FormStep::Inputs(to_fill_in(&words, &[field], "", &back)));
        }
        let name = typed.to_owned();
        Ok(FormStep::Proof(Wanted {
            carried: vec![("name", name.clone())],
            action: Self(SubAccountNamed { account, name }),
            words: Vec::new(),
            back: back.clone(),
            then: back,
        }))
    }

    fn of_body(_: &Caller, id: &str, body: ClosedSubAccount) -> Result<(Self, Given), Problem> {
        let named = SubAccountNamed { account: parsed_id(id)?, name: body.name };
        Ok((Self(named), Given::step_up(body.step_up)))
    }

    fn answer(life: SubAccountLife) -> SubAccountClosing {
        SubAccountClosing { state: life.word() }
    }
}

/// Whom to invite.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// The address of the user, who can register with it if they have no account yet.
    email: String,
    /// The answer to the challenge.
    #[serde(default)]
    step_up: Option<StepUp>,
}

/// Whom to take away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeavingMember {
    /// The address of the member or of the invitation.
    email: String,
    /// A code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the answer is 403
    /// `factor_required`.
    #[serde(default)]
    factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    passkey: Option<PasskeyAnswer>,
}

fn email_of(text: &str) -> Result<Email, Problem> {
    Email::parse(text)
        .map_err(|why| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_email", why.to_string()))
}

#[async_trait]
impl Exposed for InviteMember {
    const PAGE: Question = Question {
        path: "/sub-accounts/{id}/invite",
        title: "Invite a member",
        button: "Send the invitation",
        danger: false,
        part: "sub-accounts",
    };
    const OPERATION: Operation = operation(
        HttpMethod::Post,
        ("/api/v1/sub-accounts/{id}/members", "sub_accounts_invite"),
        "Invite somebody to administer a sub-account",
        "Invited, by mail",
    );
    type Body = NewMember;
    type Answer = ();

    async fn of_form(_: &SignedIn, id: &str, fields: &Fields) -> Result<FormStep<Self>, ActionError> {
        let account = id_of(id)?;
        let (typed, back) = (fields.get("email").trim(), page_of_sub(account));
        let email = match Email::parse(typed) {
            Ok(email) => email,
            Err(why) => {
                let error = if fields.has("email") {
                    format!("{}.", crate::pages::layout::capital(&why.to_string()))
                } else {
                    String::new()
                };
                let field = Field::new("email", "E-mail address", Kind::Email).value(typed).error(error);
                let words = "A member signs in with an account of their own, and sees this sub-account only.";
                return Ok(FormStep::Inputs(to_fill_in(words, &[field], "", &back)));
            }
        };
        Ok(FormStep::Proof(Wanted {
            carried: vec![("email", email.to_string())],
            action: Self { account, email },
            words: Vec::new(),
            back: back.clone(),
            then: back,
        }))
    }

    fn of_body(_: &Caller, id: &str, body: NewMember) -> Result<(Self, Given), Problem> {
        let email = email_of(&body.email)?;
        Ok((Self { account: parsed_id(id)?, email }, Given::step_up(body.step_up)))
    }

    fn answer((): ()) {}
}

#[async_trait]
impl Exposed for RemoveMember {
    const PAGE: Question = Question {
        path: "/sub-accounts/{id}/remove-member",
        title: "Remove this member?",
        button: "Remove",
        danger: true,
        part: "sub-accounts",
    };
    const OPERATION: Operation = operation(
        HttpMethod::Delete,
        ("/api/v1/sub-accounts/{id}/members", "sub_accounts_remove_member"),
        "Take a member or an invitation away; a member can take themselves away",
        "Taken away; all sessions of the member have ended",
    );
    type Body = LeavingMember;
    type Answer = ();

    async fn of_form(person: &SignedIn, id: &str, fields: &Fields) -> Result<FormStep<Self>, ActionError> {
        let account = id_of(id)?;
        let email = Email::parse(fields.get("email")).map_err(|_| ActionError::NoMember)?;
        let own = email == person.account.email;
        let back = if own { LIST.to_owned() } else { page_of_sub(account) };
        Ok(FormStep::Proof(Wanted {
            carried: vec![("email", email.to_string())],
            action: Self { account, email },
            words: Vec::new(),
            back: back.clone(),
            then: back,
        }))
    }

    fn of_body(_: &Caller, id: &str, body: LeavingMember) -> Result<(Self, Given), Problem> {
        let email = email_of(&body.email)?;
        Ok((Self { account: parsed_id(id)?, email }, Given::factor(body.factor, body.passkey)))
    }

    fn answer((): ()) {}
}

#[async_trait]
impl Exposed for AcceptInvitation {
    const PAGE: Question = Question {
        path: "/sub-accounts/{id}/accept",
        title: "Accept the invitation?",
        button: "Accept",
        danger: false,
        part: "sub-accounts",
    };
    const OPERATION: Operation = operation(
        HttpMethod::Post,
        ("/api/v1/sub-accounts/{id}/accept", "sub_accounts_accept"),
        "Accept an invitation to administer a sub-account",
        "Accepted",
    );
    type Body = OneFactor;
    type Answer = ();

    async fn of_form(_: &SignedIn, id: &str, _: &Fields) -> Result<FormStep<Self>, ActionError> {
        let (action, back) = (Self(id_of(id)?), LIST.to_owned());
        let (words, carried) = (Vec::new(), Vec::new());
        Ok(FormStep::Proof(Wanted { action, words, carried, back: back.clone(), then: back }))
    }

    fn of_body(_: &Caller, id: &str, body: OneFactor) -> Result<(Self, Given), Problem> {
        Ok((Self(parsed_id(id)?), Given::factor(body.factor, body.passkey)))
    }

    fn answer((): ()) {}
}
