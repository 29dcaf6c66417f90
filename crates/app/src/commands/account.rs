//! `keyward account …`.

use anyhow::{Context as _, Result};
use keyward_api::day_sums::NoDaySums;
use keyward_authority::Action as _;
use keyward_authority::accounts::{ChangeAccountLimits, CreateAccount};
use keyward_authority::questions::account_limits;
use keyward_rules::account::{Email, SubAccountName};
use keyward_rules::grant::Proof;
use serde_json::json;

use super::key::limits as limits_given;
use super::{host, open};
use crate::arguments::{Account, AccountCreate, AccountLimits};
use crate::{ambient, output};

/// Runs one of the account commands.
pub async fn run(command: Account) -> Result<()> {
    match command {
        Account::Create(options) => create(options).await,
        Account::Limits(options) => limits(options).await,
    }
}

async fn limits(options: AccountLimits) -> Result<()> {
    let email = Email::parse(&options.account)?;
    let sub_account = options.sub_account.as_deref().map(SubAccountName::parse).transpose()?;
    let to = options.set.as_deref().map(limits_given).transpose()?;
    let (store, authority) = open(&options.store).await?;
    let context = authority.context(host(), ambient::now());
    let master = store.reader().account_by_email(&email).await?;
    let master = master.context("this account does not exist; create it with `keyward account create`")?;
    let account = match &sub_account {
        None => master,
        Some(name) => {
            let found = store.reader().sub_account(master.id, name).await?;
            found.with_context(|| format!("{email} has no sub-account {}", name.as_str()))?
        }
    };
    if let Some(to) = to {
        let change = ChangeAccountLimits { account: account.id, to };
        change.perform(&context, Proof::None).await?;
    }
    let fences = account_limits(&context, &NoDaySums, account.id).await?.fences;
    store.close().await;
    let shown = if options.output.json {
        json!({"account": account.id.to_string(), "limits": fences.to_json(), "words": fences.sentences()})
            .to_string()
    } else {
        format!("account {} limits: {}", account.id, fences.in_words())
    };
    output::data(shown)
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
