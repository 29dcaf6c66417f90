//! The sandbox's people: each can sign in with what the credentials file says.

use anyhow::{Context as _, Result};
use keyward_authority::accounts::CreateAccount;
use keyward_authority::{Action as _, ActionContext, Authenticator, Authority};
use keyward_rules::account::Email;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Actor, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::person::Password;
use keyward_rules::staff::Role;
use serde_json::{Map, Value, json};

use super::passphrase::passphrase;
use crate::ambient;

/// The e-mail address of the sandbox's trader.
pub const TRADER: &str = "trader@keyward.example";
/// The address of the account that owns the apps.
pub const BROKER: &str = "broker@keyward.example";

/// Their names in the credentials file, and their addresses.
const PEOPLE: [(&str, &str); 4] = [
    ("trader", TRADER),
    ("operator", "operator@keyward.example"),
    ("operator2", "operator2@keyward.example"),
    ("broker", BROKER),
];

/// Puts a person behind each account; the trader's is there already.
pub async fn make(authority: &Authority) -> Result<Map<String, Value>> {
    let mut people = Map::new();
    for (name, address) in PEOPLE {
        let context = authority.context(Actor::System("sandbox"), ambient::now());
        let email = Email::parse(address)?;
        let account = match authority.access.door.account_by_email(&email).await? {
            Some(account) => account.id,
            None => CreateAccount(email).perform(&context, Proof::None).await?.id,
        };
        let role = name.starts_with("operator").then_some(Role::Operator);
        people.insert(name.to_owned(), make_one(&context, account, address, role).await?);
    }
    Ok(people)
}

/// Registering needs a mail; the sandbox's people are there from the start, written with their audit record.
async fn make_one(
    context: &ActionContext<'_>,
    account: AccountId,
    address: &str,
    role: Option<Role>,
) -> Result<Value> {
    let mut entropy = [0; 20 + 16];
    (context.authority.entropy)(&mut entropy);
    let (secret, salt) = entropy.split_first_chunk::<20>().context("entropy has 36 bytes")?;
    let authenticator = Authenticator::from_entropy(*secret);
    let password = passphrase()?;
    let presented = Password::choose(password.expose())?;
    let nowhere = keyward_rules::address::Source::of(std::net::Ipv4Addr::LOCALHOST.into());
    let hash = context
        .authority
        .hasher
        .hash((nowhere, keyward_authority::HashPriority::Known), presented, salt.try_into()?)
        .await?;

    let grant = context.actor.may(ActionKind::SeedSandbox, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    tx.insert_person(account, &hash, "amber kite 427").await?;
    tx.set_totp(account, Some(authenticator.secret()), 0).await?;
    if role.is_some() {
        tx.set_role(account, role).await?;
    }
    let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &[]);
    tx.commit(event).await?;
    Ok(json!({
        "email": address, "password": password.expose(), "totp_secret": authenticator.base32()
    }))
}
