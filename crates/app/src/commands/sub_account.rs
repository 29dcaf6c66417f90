//! `keyward sub-account …`.

use std::io::IsTerminal as _;

use anyhow::{Context as _, Result, bail};
use keyward_authority::questions::{SubAccountView, list_sub_accounts};
use keyward_authority::sub_accounts::{
    CloseSubAccount, CreateSubAccount, FreezeSubAccount, SubAccountNamed as Named, ThawSubAccount,
};
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
        SubAccount::Freeze(options) => change(options, Change::Freeze).await,
        SubAccount::Thaw(options) => change(options, Change::Thaw).await,
        SubAccount::Close(options) => {
            if !options.yes {
                confirm(&options.which.name)?;
            }
            change(options.which, Change::Close).await
        }
    }
}

#[derive(Clone, Copy)]
enum Change {
    Freeze,
    Thaw,
    Close,
}

/// Asks for the name once more, so that nobody closes the wrong one by habit.
fn confirm(name: &str) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("you cannot undo this: add --yes to close the sub-account without a question");
    }
    output::ask(format_args!("You cannot undo this. To close {name}, type its name: "))
        .context("nothing was closed")?;
    let mut typed = String::new();
    std::io::stdin().read_line(&mut typed)?;
    if typed.trim() == name { Ok(()) } else { bail!("nothing was closed") }
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
        "state": view.settings.state_word(),
        "frozen_at_ms": view.settings.frozen_at.map(Moment::unix_ms),
        "closing_since_ms": view.settings.life.closing_since().map(Moment::unix_ms),
        "closed_at_ms": view.settings.life.closed_at().map(Moment::unix_ms),
        "keys": view.keys,
    })
}

fn as_line(view: &SubAccountView) -> String {
    let state = view.settings.state_word();
    let label = view.settings.label.as_ref().map(|label| format!("  “{label}”")).unwrap_or_default();
    let (name, keys) = (view.name.as_str(), view.keys);
    format!(
        "{name:<20}  {}  {state}  {keys:>2} of 50 keys  may {}{label}",
        view.id,
        view.settings.cap.in_words()
    )
}

async fn change(options: SubAccountNamed, to: Change) -> Result<()> {
    let name = SubAccountName::parse(&options.name)?;
    let (store, authority) = open(&options.store).await?;
    let context = authority.context(host(), ambient::now());
    let master = master(&store, &options.account).await?;
    let found = store.reader().sub_account(master, &name).await?;
    let id = found.with_context(|| format!("{} has no sub-account {}", options.account, options.name))?.id;
    let state = set(&context, id, to).await?;
    store.close().await;
    let shown = if options.output.json {
        json!({"id": id.to_string(), "name": options.name, "state": state, "frozen": state == "frozen"})
            .to_string()
    } else {
        format!("sub-account {} is {}; gateways follow within a second", options.name, in_words(state))
    };
    output::data(shown)
}

/// Does it; gives the word for what the sub-account is afterwards.
async fn set(context: &ActionContext<'_>, id: AccountId, to: Change) -> Result<&'static str> {
    Ok(match to {
        Change::Freeze => {
            FreezeSubAccount(id).perform(context, Proof::None).await?;
            "frozen"
        }
        Change::Thaw => {
            ThawSubAccount(id).perform(context, Proof::None).await?;
            "active"
        }
        Change::Close => {
            let named = Named { account: id, name: String::new() };
            CloseSubAccount(named).perform(context, Proof::None).await?.word()
        }
    })
}

fn in_words(state: &str) -> &str {
    match state {
        "active" => "unfrozen",
        "closing" => "being closed",
        same => same,
    }
}
