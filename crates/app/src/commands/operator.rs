//! `keyward operator …`, and the set-up link of a first start.

use std::path::Path;

use anyhow::{Context as _, Result};
use keyward_authority::operators::{OfferSetUp, SetUp, staff};
use keyward_authority::{Action as _, Authority};
use keyward_rules::grant::{Actor, Proof};
use keyward_rules::secret::Secret;
use keyward_rules::staff::Role;
use serde_json::json;
use tracing::warn;

use super::{host, open};
use crate::arguments::{Operator, OperatorLink};
use crate::{ambient, config, output, set_up_link};

/// Runs one of the operator commands.
pub async fn run(command: Operator) -> Result<()> {
    match command {
        Operator::Link(options) => link(options).await,
    }
}

async fn link(options: OperatorLink) -> Result<()> {
    let origin = match &options.store.config {
        Some(file) => config::read(file)?.console.map(|console| console.origin).unwrap_or_default(),
        None => String::new(),
    };
    let (store, authority) = open(&options.store).await?;
    let context = authority.context(host(), ambient::now());
    let token = OfferSetUp(SetUp::Again).perform(&context, Proof::None).await;
    store.close().await;
    let token = token?.context("there is nothing to offer")?;
    let link = format!("{origin}/set-up#{}", token.expose());
    let shown = Secret::new(if options.output.json { json!({"link": link}).to_string() } else { link });
    output::once(shown.expose()).context(
        "the set-up link was made, but not shown, so run `keyward operator link` again, which makes this one invalid",
    )?;
    if !options.output.json {
        output::note(
            "The first person who opens it, signed in with two factors, becomes an operator. It works once, for 7 days.",
        );
    }
    Ok(())
}

/// At the first start of a server with a console: puts the link that makes the first operator into `file`, and never into the
/// log. There is no default password anywhere. Once there is an operator, removes the file.
///
/// # Errors
/// When the file cannot be written; then there is no link, and the next start makes it.
pub async fn offer_first(authority: &Authority, origin: &str, file: Option<&Path>) -> Result<()> {
    let context = authority.context(Actor::System("start"), ambient::now());
    let Some(link) = OfferSetUp(SetUp::Once).prepare(&context, Proof::None).await? else {
        let has_operator = staff(&context).await?.iter().any(|member| member.role == Role::Operator);
        if let Some(file) = file.filter(|_| has_operator)
            && let Err(problem) = set_up_link::remove(file)
        {
            warn!("{problem:#}");
        }
        return Ok(());
    };
    let Some(file) = file else {
        warn!(
            "there is no operator yet, and no file for the set-up link: set console.set_up_link_file, or run \
             `keyward operator link`"
        );
        return Ok(());
    };
    set_up_link::put(file, &format!("{origin}/set-up#{}", link.token().expose()))?;
    if let Err(problem) = link.commit().await {
        // The link in it does not count, and the reason for that is worth more than one for not tidying up.
        let _ = set_up_link::remove(file);
        return Err(problem.into());
    }
    warn!(
        file = %file.display(),
        "there is no operator yet: register in the console, set up an authenticator, then open the link in this file; \
         it works once, for 7 days, and `keyward operator link` makes another"
    );
    Ok(())
}
