//! `keyward account …`.

use anyhow::{Context as _, Result};
use keyward_authority::Action as _;
use keyward_authority::accounts::CreateAccount;
use keyward_rules::account::Email;
use keyward_rules::grant::Proof;
use serde_json::json;

use super::{host, open};
use crate::arguments::{Account, AccountCreate};
use crate::{ambient, output};

/// Runs one of the account commands.
pub async fn run(command: Account) -> Result<()> {
    match command {
        Account::Create(options) => create(options).await,
    }
}

async fn create(options: AccountCreate) -> Result<()> {
    let email = Email::parse(&options.email)?;
    let (store, authority) = open(&options.store).await?;
    let context = authority.context(host(), ambient::now());
    let account = CreateAccount(email).perform(&context, Proof::None).await?;
    store.close().await;
    let shown = if options.output.json {
        json!({"account": account.id.to_string(), "email": options.email}).to_string()
    } else {
        format!("account {} made", account.id)
    };
    output::data(shown).with_context(|| format!("the account {} was made, but not shown", account.id))
}
