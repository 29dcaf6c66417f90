//! Sub-accounts: the list with invitations to others', and the page of one with its members.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use keyward_authority::questions::{SubAccountView, invitations_to, list_sub_accounts, show_sub_account};
use keyward_authority::sub_accounts::LabelSubAccount;
use keyward_authority::{Action as _, ActionError};
use keyward_rules::grant::{ActingAs, ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::key::TransfersOut;
use keyward_rules::permission::Permission;

use super::field::{Field, Kind, html_of};
use super::layout::{Frame, page, page_with, problem, sentence, told};
use super::note::Note;
use super::person::{Posted, SignedIn};
use crate::actions::label_of;
use crate::words::When;

/// A sub-account in the list.
struct Row {
    id: String,
    name: String,
    label: String,
    frozen: Option<When>,
    closing: Option<When>,
    closed: Option<When>,
    keys: i64,
    allowed: Vec<&'static str>,
    rate: Option<u16>,
    /// Whether it may transfer to other sub-accounts.
    transfer_out: bool,
    created: When,
    /// Whether the user acts for it now.
    current: bool,
}

impl Row {
    fn of(view: SubAccountView, person: &SignedIn) -> Self {
        let cap = view.settings.cap;
        Self {
            current: person.acts_for() == view.id,
            id: view.id.to_string(),
            name: view.name.as_str().to_owned(),
            label: view.settings.label.map(|label| label.to_string()).unwrap_or_default(),
            frozen: When::maybe(view.settings.frozen_at),
            closing: When::maybe(view.settings.life.closing_since()),
            closed: When::maybe(view.settings.life.closed_at()),
            keys: view.keys,
            allowed: cap.permissions().iter().map(Permission::word).collect(),
            rate: cap.rate().map(keyward_rules::key::RateCap::per_second),
            transfer_out: cap.transfers() == TransfersOut::ToSubAccounts,
            created: When::of(view.created_at),
        }
    }
}

impl Row {
    /// The word for what it is, and the class that colours it.
    const fn state(&self) -> (&'static str, &'static str) {
        match (&self.closed, &self.closing, &self.frozen) {
            (Some(_), _, _) => ("closed", "deleted"),
            (None, Some(_), _) => ("closing", "held"),
            (None, None, Some(_)) => ("frozen", "held"),
            (None, None, None) => ("active", "active"),
        }
    }

    /// Whether its master can change it.
    const fn is_open(&self) -> bool {
        self.closed.is_none() && self.closing.is_none()
    }
}

/// An invitation that the user can accept.
struct Invitation {
    id: String,
    name: String,
    master: String,
    until: When,
}

/// A sub-account of somebody else's that the user administers.
struct Joined {
    id: String,
    name: String,
    current: bool,
}

#[derive(Template)]
#[template(path = "sub_accounts.html")]
struct List<'p> {
    frame: Frame,
    csrf: &'p str,
    email: String,
    rows: Vec<Row>,
    invitations: Vec<Invitation>,
    joined: Vec<Joined>,
}

#[derive(Template)]
#[template(path = "sub_account.html")]
struct Page<'p> {
    frame: Frame,
    csrf: &'p str,
    row: Row,
    /// The form of the label.
    fields: Vec<String>,
    /// Address and since when.
    members: Vec<(String, When)>,
    /// Address and until when.
    invited: Vec<(String, When)>,
}

/// The list.
pub async fn list(person: SignedIn) -> Response {
    let context = person.own_context();
    let found = async {
        let own = list_sub_accounts(&context, person.id()).await?;
        let invitations = invitations_to(&context, &person.account.email).await?;
        Ok::<_, ActionError>((own, invitations))
    };
    let (own, invitations) = match found.await {
        Ok(found) => found,
        Err(other) => return problem(other),
    };
    let joined = person.choices.iter().filter(|choice| choice.by == ActingAs::Member);
    page(&List {
        frame: Frame::of(&person, "sub-accounts", "Sub-accounts"),
        csrf: &person.csrf,
        email: person.account.email.to_string(),
        rows: own.into_iter().map(|view| Row::of(view, &person)).collect(),
        invitations: invitations
            .into_iter()
            .map(|one| Invitation {
                id: one.sub_account.to_string(),
                name: one.name.as_str().to_owned(),
                master: one.master,
                until: When::of(one.until),
            })
            .collect(),
        joined: joined
            .map(|choice| Joined {
                id: choice.id.to_string(),
                name: choice.name.as_str().to_owned(),
                current: person.acts_for() == choice.id,
            })
            .collect(),
    })
}

/// The page of one.
pub async fn show(person: SignedIn, Path(id): Path<String>) -> Response {
    answer(&person, &id, None).await
}

async fn answer(person: &SignedIn, id: &str, refused: Option<(&str, &ActionError)>) -> Response {
    let found = async {
        let id: AccountId = id.parse().map_err(|_| ActionError::NoSubAccount)?;
        show_sub_account(&person.own_context(), id).await
    };
    let found = match found.await {
        Ok(found) => found,
        Err(other) => return problem(other),
    };
    let row = Row::of(found.sub_account, person);
    let (typed, why) = match refused {
        Some((typed, why)) => (typed.to_owned(), sentence(why)),
        None => (row.label.clone(), String::new()),
    };
    let label = Field::new("label", "Label", Kind::Text).value(typed).error(why).optional();
    let shown = Page {
        frame: Frame::of(person, "sub-accounts", &format!("Sub-account {}", row.name)),
        csrf: &person.csrf,
        fields: html_of([label]),
        members: found.members.into_iter().map(|one| (one.email, When::of(one.since))).collect(),
        invited: found
            .invited
            .into_iter()
            .map(|(email, until)| (email.to_string(), When::of(until)))
            .collect(),
        row,
    };
    let status = if refused.is_some() {
        axum::http::StatusCode::UNPROCESSABLE_ENTITY
    } else {
        axum::http::StatusCode::OK
    };
    page_with(status, &shown)
}

/// The label.
pub async fn label(Path(id): Path<String>, posted: Posted) -> Response {
    let (person, typed) = (&posted.person, posted.fields.get("label").trim());
    let done = async {
        let account: AccountId = id.parse().map_err(|_| ActionError::NoSubAccount)?;
        let label = label_of(Some(typed))?;
        LabelSubAccount { account, label }.perform(&person.own_context(), Proof::None).await
    };
    match done.await {
        Ok(()) => told(person, &format!("/sub-accounts/{id}"), Note::Done(ActionKind::LabelSubAccount)).await,
        Err(why @ (ActionError::Name(_) | ActionError::Unchanged)) => {
            answer(person, &id, Some((typed, &why))).await
        }
        Err(other) => problem(other),
    }
}
