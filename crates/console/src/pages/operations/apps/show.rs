//! What waits for a review, all apps, and the page of one. No range is on any of them.

use askama::Template;
use axum::extract::{Path, Query as Asked};
use axum::response::Response;
use keyward_authority::operators::name_of;
use keyward_authority::questions::{
    VersionView, namesakes_before, overseen_app, overseen_apps, review_queue,
};
use keyward_authority::{ActionContext, ActionError, AppKeyCounts, AppProfile};
use keyward_rules::app::{AppStanding, FrozenBy};
use keyward_rules::limits::PAGE_MAX;

use crate::pages::apps::{app_id, logo_path, state, version_look};
use crate::pages::layout::{Frame, Query, page, problem};
use crate::pages::operations::officer::StaffMember;
use crate::words::{When, countdown, permission_line};

/// An app in a list.
struct Row {
    id: String,
    name: String,
    home_page: String,
    logo: String,
    state: &'static str,
    look: &'static str,
    owner: String,
    owner_name: String,
    created: When,
    changed: When,
}

/// A version in a list.
pub struct Version {
    /// Its number.
    pub number: u64,
    /// How it stands.
    pub state: &'static str,
    /// How that looks.
    pub look: &'static str,
    size: String,
    reason: String,
    /// Whether an operator entered it.
    pub by_operator: bool,
    /// When it came.
    pub submitted: When,
}

fn version(view: &VersionView) -> Version {
    let (state, look) = version_look(view.standing);
    Version {
        number: view.number,
        state,
        look,
        size: view.size.clone(),
        reason: view.reason.clone(),
        by_operator: view.by_operator,
        submitted: When::of(view.submitted_at),
    }
}

async fn row(context: &ActionContext<'_>, profile: &AppProfile) -> Result<Row, ActionError> {
    let (state, look) = state(profile);
    Ok(Row {
        id: profile.id.to_string(),
        name: profile.name.to_string(),
        home_page: profile.home_page.clone(),
        logo: logo_path(profile),
        state,
        look,
        owner: profile.owner.to_string(),
        owner_name: name_of(context, profile.owner).await?,
        created: When::of(profile.created_at),
        changed: When::of(profile.changed_at),
    })
}

async fn rows(context: &ActionContext<'_>, profiles: &[AppProfile]) -> Result<Vec<Row>, ActionError> {
    let mut rows = Vec::new();
    for profile in profiles {
        rows.push(row(context, profile).await?);
    }
    Ok(rows)
}

#[derive(Template)]
#[template(path = "operations/apps.html")]
struct List {
    frame: Frame,
    apps: Vec<Row>,
    versions: Vec<(String, String, Version)>,
    rows: Vec<Row>,
    paged: bool,
    next: String,
}

/// The queue and the list.
pub async fn list(officer: StaffMember, Asked(query): Asked<Query>) -> Response {
    let answer = async {
        let context = officer.context()?;
        build(&officer, &context, &query).await.map_err(problem)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

async fn build(
    officer: &StaffMember,
    context: &ActionContext<'_>,
    query: &Query,
) -> Result<Response, ActionError> {
    let queue = review_queue(context).await?;
    let all = overseen_apps(context, query.before.parse().ok()).await?;
    let next = all.last().filter(|_| all.len() == PAGE_MAX).map(|last| last.id.to_string());
    let versions = queue
        .versions
        .iter()
        .map(|(profile, view)| (profile.id.to_string(), profile.name.to_string(), version(view)));
    Ok(page(&List {
        frame: Frame::of(&officer.0, "operations/apps", "Apps"),
        apps: rows(context, &queue.apps).await?,
        versions: versions.collect(),
        rows: rows(context, &all).await?,
        paged: !query.before.is_empty(),
        next: next.unwrap_or_default(),
    }))
}

#[derive(Template)]
#[template(path = "operations/app.html")]
struct Show<'p> {
    frame: Frame,
    csrf: &'p str,
    acts: bool,
    app: Row,
    rights: Vec<(&'static str, &'static str)>,
    contact: String,
    reason: String,
    open: bool,
    waits: bool,
    /// How many others with its name wait longer.
    namesakes: usize,
    frozen_by: &'static str,
    /// When it was made, how long until it is due (nothing when it is), and when that is.
    demand: Option<(When, String, When)>,
    /// Whether it can still be withdrawn.
    demanded: bool,
    counts: AppKeyCounts,
    versions: Vec<Version>,
}

/// One app.
pub async fn show(officer: StaffMember, Path(id): Path<String>) -> Response {
    let answer = async {
        let context = officer.context()?;
        let app = overseen_app(&context, app_id(&id)?).await.map_err(problem)?;
        let (profile, now) = (&app.profile, officer.0.shell.now());
        let left = |due| if due > now { countdown(now, due) } else { String::new() };
        Ok(page(&Show {
            frame: Frame::of(&officer.0, "operations/apps", profile.name.as_str()),
            csrf: &officer.0.csrf,
            acts: officer.acts(),
            app: row(&context, profile).await.map_err(problem)?,
            rights: profile
                .permissions
                .iter()
                .map(|right| (right.word(), permission_line(right).0))
                .collect(),
            contact: profile.contact.clone(),
            reason: profile.reason.clone(),
            open: app.open,
            waits: profile.standing == AppStanding::Submitted,
            namesakes: namesakes_before(&context, profile).await.map_err(problem)?,
            frozen_by: profile.frozen.map_or("", FrozenBy::word),
            demand: profile
                .demand
                .map(|demand| (When::of(demand.made_at), left(demand.due), When::of(demand.due))),
            demanded: profile.demand.is_some_and(|demand| demand.due > now),
            counts: app.counts,
            versions: app.versions.iter().map(version).collect(),
        }))
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}
