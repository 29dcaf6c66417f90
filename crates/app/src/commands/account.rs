//! `keyward account …`.

use anyhow::Result;
use keyward_authority::accounts::create_account;
use keyward_rules::account::Email;
use serde_json::json;

use super::{host, open};
use crate::ambient;
use crate::arguments::{Account, AccountCreate};

/// Runs one of the account commands.
pub async fn run(command: Account) -> Result<()> {
    match command {
        Account::Create(options) => create(options).await,
    }
}

async fn create(options: AccountCreate) -> Result<()> {
    let email = Email::parse(&options.email)?;
    let (store, authority) = open(&options.store).await?;
    let account = create_account(&authority.desk(host(), ambient::now()), email).await?;
    store.close().await;
    if options.output.json {
        println!("{}", json!({"account": account.id.to_string(), "email": options.email}));
    } else {
        println!("account {} made", account.id);
    }
    Ok(())
}
