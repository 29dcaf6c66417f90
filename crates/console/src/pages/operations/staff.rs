//! Who has a role: the list, an invitation while the set-up lasts, taking a role away.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use keyward_authority::operators::{InviteOperator, RevokeRole, name_of, set_up_is_open, staff};
use keyward_authority::{Action as _, PendingAction};
use keyward_rules::grant::ActionKind;

use super::officer::{StaffMember, account_id, acting};
use crate::fields::Fields;
use crate::pages::confirm::{Confirmation, act, ask_one, begin};
use crate::pages::layout::{Frame, page, problem, told};
use crate::pages::note::Note;
use crate::pages::person::Posted;
use crate::words::When;

/// Somebody with a role.
struct Row {
    id: String,
    name: String,
    role: &'static str,
    since: When,
    me: bool,
}

#[derive(Template)]
#[template(path = "operations/staff.html")]
struct List {
    frame: Frame,
    acts: bool,
    open: bool,
    rows: Vec<Row>,
}

/// The list.
pub async fn list(officer: StaffMember) -> Response {
    let answer = async {
        let context = officer.context()?;
        let mut rows = Vec::new();
        for one in staff(&context).await.map_err(problem)? {
            rows.push(Row {
                id: one.account.to_string(),
                name: name_of(&context, one.account).await.map_err(problem)?,
                role: one.role.word(),
                since: When::of(one.granted_at),
                me: one.account == officer.0.id(),
            });
        }
        let open = set_up_is_open(&context).await.map_err(problem)?;
        let frame = Frame::of(&officer.0, "operations/staff", "Operators and auditors");
        Ok(page(&List { frame, acts: officer.acts(), open, rows }))
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

fn inviting(pending: &PendingAction) -> Confirmation {
    Confirmation {
        title: "Invite the second operator?",
        action: "/operations/staff/invite".to_owned(),
        button: "Make the link",
        danger: false,
        back: "/operations/staff".to_owned(),
        part: "operations/staff",
        words: pending.words.clone(),
        extra: String::new(),
    }
}

/// The question before.
pub async fn show_invite(officer: StaffMember) -> Response {
    let answer = async {
        let context = acting(&officer.0, ActionKind::InviteOperator)?;
        let pending = InviteOperator.plan(&context).await.map_err(problem)?;
        Ok(begin(&officer.0, &inviting(&pending), ""))
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

#[derive(Template)]
#[template(path = "operations/invitation.html")]
struct Invitation {
    frame: Frame,
    link: String,
}

/// Makes the link, and shows it this once.
pub async fn invite(posted: Posted) -> Response {
    let answer = async {
        let context = acting(&posted.person, ActionKind::InviteOperator)?;
        let token = act(&posted, &context, InviteOperator, inviting).await?;
        let frame = Frame::of(&posted.person, "operations/staff", "The link for the second operator");
        Ok(page(&Invitation { frame, link: posted.person.shell.set_up_link(&token) }))
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

fn revoking(id: &str, name: &str) -> Confirmation {
    Confirmation {
        title: "Revoke this role?",
        action: format!("/operations/staff/{id}/revoke"),
        button: "Revoke the role",
        danger: true,
        back: "/operations/staff".to_owned(),
        part: "operations/staff",
        words: vec![
            name.to_owned(),
            "It takes effect at once. This user's approvals no longer count, and this user's proposals cannot be carried out."
                .to_owned(),
        ],
        extra: String::new(),
    }
}

/// The question before.
pub async fn show_revoke(officer: StaffMember, Path(id): Path<String>) -> Response {
    let answer = async {
        let context = acting(&officer.0, ActionKind::RevokeRole)?;
        let account = account_id(&id)?;
        let name = name_of(&context, account).await.map_err(problem)?;
        let pending = RevokeRole(account).plan(&context).await.map_err(problem)?;
        Ok(ask_one(&officer.0, &context, &revoking(&id, &name), &Fields::default(), &pending).await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// Takes it away.
pub async fn revoke(Path(id): Path<String>, posted: Posted) -> Response {
    let answer = async {
        let context = acting(&posted.person, ActionKind::RevokeRole)?;
        let account = account_id(&id)?;
        let name = name_of(&context, account).await.map_err(problem)?;
        act(&posted, &context, RevokeRole(account), |_| revoking(&id, &name)).await?;
        Ok(told(&posted.person, "/operations/staff", Note::Done(ActionKind::RevokeRole)).await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}
