//! `keyward sub-account …`.

use anyhow::{Context as _, Result};
use keyward_authority::questions::{SubAccountView, list_sub_accounts};
use keyward_authority::sub_accounts::{CreateSubAccount, FreezeSubAccount, ThawSubAccount};
use keyward_authority::{Action as _, ActionContext};
use keyward_rules::account::{Email, SubAccountName};
use keyward_rules::grant::Proof;
use keyward_rules::id::AccountId;
use keyward_rules::key::{KeyName, TransfersOut};
use keyward_rules::permission::Permission;
use keyward_rules::time::Moment;
use keyward_store::Store;
use serde_json::{Value, json};

use super::{host, open};
use crate::arguments::sub_account::{SubAccount, SubAccountCreate, SubAccountList, SubAccountNamed};
use crate::{ambient, output};

/// Runs one of the sub-account commands.
pub async fn run(command: SubAccount) -> Result<()> {
    match command {
        SubAccount::Create(options) => create(options).await,
        SubAccount::List(options) => list(options).await,
        SubAccount::Freeze(options) => change(options, true).await,
        SubAccount::Thaw(options) => change(options, false).await,
    }
}

async fn master(store: &Store, email: &str) -> Result<AccountId> {
    let found = store.reader().account_by_email(&Email::parse(email)?).await?;
    Ok(found.context("this account does not exist; create it with `keyward account create`")?.id)
}

async fn create(options: SubAccountCreate) -> Result<()> {
    let SubAccountCreate { which, label } = options;
    let (name, label) =
        (SubAccountName::parse(&which.name)?, label.as_deref().map(KeyName::parse).transpose()?);
    let (store, authority) = open(&which.store).await?;
    let context = authority.context(host(), ambient::now());
    let master = master(&store, &which.account).await?;
    let id = CreateSubAccount { master, name, label }.perform(&context, Proof::None).await?;
    store.close().await;
    let shown = if which.output.json {
        json!({"id": id.to_string(), "name": which.name}).to_string()
    } else {
        format!("sub-account {} made, id {id}", which.name)
    };
    output::data(shown)
}

async fn list(options: SubAccountList) -> Result<()> {
    let (store, authority) = open(&options.store).await?;
    let context = authority.context(host(), ambient::now());
    let master = master(&store, &options.account).await?;
    let views = list_sub_accounts(&context, master).await?;
    store.close().await;
    if options.output.json {
        return output::data(Value::from(views.iter().map(as_json).collect::<Vec<_>>()).to_string());
    }
    if views.is_empty() {
        return output::data(format!("{} has no sub-accounts", options.account));
    }
    output::data(views.iter().map(as_line).collect::<Vec<_>>().join("\n"))
}

fn as_json(view: &SubAccountView) -> Value {
    let cap = view.settings.cap;
    json!({
        "id": view.id.to_string(),
        "name": view.name.as_str(),
        "label": view.settings.label.as_ref().map(ToString::to_string),
        "permissions": cap.permissions().iter().map(Permission::word).collect::<Vec<_>>(),
        "rate_cap": cap.rate().map(keyward_rules::key::RateCap::per_second),
        "transfer_out": cap.transfers() == TransfersOut::ToSubAccounts,
        "frozen_at_ms": view.settings.frozen_at.map(Moment::unix_ms),
        "keys": view.keys,
    })
}

fn as_line(view: &SubAccountView) -> String {
    let state = if view.settings.frozen_at.is_some() { "frozen" } else { "active" };
    let label = view.settings.label.as_ref().map(|label| format!("  “{label}”")).unwrap_or_default();
    let (name, keys) = (view.name.as_str(), view.keys);
    format!(
        "{name:<20}  {}  {state}  {keys:>2} of 50 keys  may {}{label}",
        view.id,
        view.settings.cap.in_words()
    )
}

async fn change(options: SubAccountNamed, freezes: bool) -> Result<()> {
    let name = SubAccountName::parse(&options.name)?;
    let (store, authority) = open(&options.store).await?;
    let context = authority.context(host(), ambient::now());
    let master = master(&store, &options.account).await?;
    let found = store.reader().sub_account(master, &name).await?;
    let id = found.with_context(|| format!("{} has no sub-account {}", options.account, options.name))?.id;
    set(&context, id, freezes).await?;
    store.close().await;
    let state = if freezes { "frozen" } else { "unfrozen" };
    let shown = if options.output.json {
        json!({"id": id.to_string(), "name": options.name, "frozen": freezes}).to_string()
    } else {
        format!("sub-account {} is {state}; gateways follow within a second", options.name)
    };
    output::data(shown)
}

async fn set(context: &ActionContext<'_>, id: AccountId, freezes: bool) -> Result<()> {
    if freezes {
        FreezeSubAccount(id).perform(context, Proof::None).await?;
    } else {
        ThawSubAccount(id).perform(context, Proof::None).await?;
    }
    Ok(())
}
