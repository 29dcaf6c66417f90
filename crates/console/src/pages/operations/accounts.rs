//! Accounts: search, one account with its keys, freezing it.

use askama::Template;
use axum::extract::{Path, Query as Asked};
use axum::response::Response;
use keyward_authority::ActionError;
use keyward_authority::operators::{FreezeAccount, OverseenAccount, overseen_account, search_accounts};
use keyward_authority::questions::KeyView;
use keyward_rules::grant::ActionKind;
use keyward_rules::limits::PAGE_DEFAULT;

use super::officer::{StaffMember, account_id, acting, context, reasoned, why_field};
use crate::fields::Fields;
use crate::pages::confirm::{Confirmation, ask_at_once};
use crate::pages::layout::{Frame, Query, page, problem, told};
use crate::pages::note::Note;
use crate::pages::person::{Posted, SignedIn};
use crate::words::When;

/// An account in the list.
struct Row {
    id: String,
    name: String,
    role: &'static str,
    registered: bool,
    two_factor: bool,
    frozen: bool,
    keys: i64,
    created: When,
}

fn row(found: OverseenAccount) -> Row {
    Row {
        id: found.record.account.id.to_string(),
        name: found.name,
        role: found.role.map_or("", keyward_rules::staff::Role::word),
        registered: found.record.registered_at.is_some(),
        two_factor: found.record.two_factor,
        frozen: found.record.frozen_at.is_some(),
        keys: found.record.keys,
        created: When::of(found.record.account.created_at),
    }
}

#[derive(Template)]
#[template(path = "operations/accounts.html")]
struct List {
    frame: Frame,
    q: String,
    rows: Vec<Row>,
    next: String,
}

/// The list.
pub async fn list(officer: StaffMember, Asked(query): Asked<Query>) -> Response {
    let context = match officer.context() {
        Ok(context) => context,
        Err(answer) => return answer,
    };
    match search_accounts(&context, &query.q, query.before.parse().ok(), PAGE_DEFAULT).await {
        Ok(found) => {
            let rows: Vec<Row> = found.into_iter().map(row).collect();
            let next = rows.last().filter(|_| rows.len() == PAGE_DEFAULT).map(|last| last.id.clone());
            let frame = Frame::of(&officer.0, "operations/accounts", "Accounts");
            page(&List { frame, q: query.q, rows, next: next.unwrap_or_default() })
        }
        Err(other) => problem(other),
    }
}

#[derive(Template)]
#[template(path = "operations/account.html")]
struct Show {
    frame: Frame,
    acts: bool,
    account: Row,
    frozen: Option<When>,
    sub: bool,
    keys: Vec<KeyView>,
}

/// One account.
pub async fn show(officer: StaffMember, Path(id): Path<String>) -> Response {
    let found = async {
        let id = id.parse().map_err(|_| ActionError::NoAccount)?;
        let context = officer.0.staff_context().ok_or(ActionError::NoAccount)?;
        overseen_account(&context, id).await
    };
    match found.await {
        Ok((account, keys)) => page(&Show {
            frame: Frame::of(&officer.0, "operations/accounts", &account.name),
            acts: officer.acts(),
            frozen: When::maybe(account.record.frozen_at),
            sub: account.record.account.master().is_some(),
            account: row(account),
            keys,
        }),
        Err(other) => problem(other),
    }
}

fn asking(account: &OverseenAccount, fields: &Fields, error: &str) -> Confirmation {
    let id = account.record.account.id;
    Confirmation {
        title: "Freeze this account?",
        action: format!("/operations/accounts/{id}/freeze"),
        button: "Freeze the account",
        danger: true,
        back: format!("/operations/accounts/{id}"),
        part: "operations/accounts",
        words: vec![
            account.name.clone(),
            format!(
                "Gateways refuse its {} keys, and those of its sub-accounts, within a second.",
                account.record.keys
            ),
            "To lift the freeze, another operator must approve a proposal.".to_owned(),
        ],
        extra: why_field(fields, error),
    }
}

async fn find(person: &SignedIn, id: &str) -> Result<OverseenAccount, Response> {
    let context = context(person)?;
    Ok(overseen_account(&context, account_id(id)?).await.map_err(problem)?.0)
}

/// The question before.
pub async fn show_freeze(officer: StaffMember, Path(id): Path<String>) -> Response {
    let answer = async {
        acting(&officer.0, ActionKind::FreezeAccount)?;
        let (account, none) = (find(&officer.0, &id).await?, Fields::default());
        Ok(ask_at_once(&officer.0, &asking(&account, &none, ""), &none).await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// Freezes it.
pub async fn freeze(Path(id): Path<String>, posted: Posted) -> Response {
    let answer = async {
        let context = acting(&posted.person, ActionKind::FreezeAccount)?;
        let account = find(&posted.person, &id).await?;
        let id = account.record.account.id;
        let page = |fields: &Fields, error: &str| asking(&account, fields, error);
        reasoned(&posted, &context, page, |why| FreezeAccount { account: id, why }).await?;
        Ok(told(&posted.person, &format!("/operations/accounts/{id}"), Note::Done(ActionKind::FreezeAccount))
            .await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}
