//! `keyward operator …`, and the set-up link of a first start.

use anyhow::{Context as _, Result};
use keyward_authority::Authority;
use keyward_authority::oversight::{SetUp, offer_set_up};
use keyward_rules::grant::Actor;
use serde_json::json;

use super::{host, open};
use crate::arguments::{Operator, OperatorLink};
use crate::{ambient, config, output};

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
    let token = offer_set_up(&authority.desk(host(), ambient::now()), SetUp::Again).await;
    store.close().await;
    let token = token?.context("there is nothing to offer")?;
    let link = format!("{origin}/set-up#{}", token.expose());
    if options.output.json {
        return output::data(json!({"link": link}));
    }
    output::data(link)?;
    output::note(
        "Whoever opens it first, signed in with two factors, becomes an operator. It works once, for 7 days.",
    );
    Ok(())
}

/// At the first start of a server with a console: the link that makes the first operator, printed this once. There
/// is no default password anywhere.
pub async fn offer_first(authority: &Authority, origin: &str) -> Result<()> {
    let desk = authority.desk(Actor::System("start"), ambient::now());
    if let Some(token) = offer_set_up(&desk, SetUp::Once).await? {
        let text = format!(
            "There is no operator yet. Register in the console, set up an authenticator, then open this link:

  {origin}/set-up#{}

It is printed this once and works once, for 7 days; `keyward operator link` makes another.",
            token.expose()
        );
        output::announce(text, "the set-up link cannot be printed; `keyward operator link` makes another")
            .await;
    }
    Ok(())
}
