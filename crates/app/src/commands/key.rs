//! `keyward key …`: through the same actions as every other way in.

use std::io::{IsTerminal as _, Write as _};

use anyhow::{Context as _, Result, bail};
use keyward_authority::keys::{KeyNamed, KeyWish, Outcome, delete_key, disable_key, enable_key, issue_key};
use keyward_authority::questions::{Ending, KeyView, list_keys, show_key};
use keyward_rules::account::Email;
use keyward_rules::address::{AddressSet, Binding, HostBits};
use keyward_rules::grant::Proof;
use keyward_rules::id::KeyId;
use keyward_rules::key::{Environment, KeyName, KeySpec, Passphrase, RateCap, WideRange};
use keyward_rules::permission::{Permission, Permissions};
use serde_json::{Value, json};

use super::{host, open};
use crate::ambient;
use crate::arguments::{self, Key};
use crate::sandbox::passphrase;

/// Runs one of the key commands.
pub async fn run(command: Key) -> Result<()> {
    match command {
        Key::Create(options) => create(options).await,
        Key::List(options) => list(options).await,
        Key::Show(options) => show(options).await,
        Key::Disable(options) => change(options, Change::Disable).await,
        Key::Enable(options) => change(options, Change::Enable).await,
        Key::Delete(options) => {
            if !options.yes {
                confirm(&options.which.key)?;
            }
            change(options.which, Change::Delete).await
        }
    }
}

#[derive(Clone, Copy)]
enum Change {
    Disable,
    Enable,
    Delete,
}

async fn create(options: arguments::KeyCreate) -> Result<()> {
    let rights: Result<Vec<Permission>, _> = options.permissions.iter().map(|word| word.parse()).collect();
    let binding = match &options.ip {
        None => Binding::Anywhere,
        Some(list) => Binding::Addresses(AddressSet::parse(list, HostBits::Refuse)?),
    };
    let spec = KeySpec {
        name: KeyName::parse(&options.name)?,
        permissions: Permissions::new(rights?)?,
        binding,
        wide: if options.acknowledge_wide { WideRange::Acknowledged } else { WideRange::NotAcknowledged },
        environment: if options.demo { Environment::Demo } else { Environment::Live },
        expires_at: None,
        rate_cap: options.rate_cap.map(RateCap::new).transpose()?,
    };
    let phrase = match &options.passphrase_file {
        None => passphrase()?,
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            Passphrase::parse(text.trim_end_matches(['\r', '\n']))?
        }
    };
    let email = Email::parse(&options.account)?;
    let (store, authority) = open(&options.store).await?;
    let account = store.reader().account_by_email(&email).await?;
    let account = account.context("there is no such account; make it with `keyward account create`")?.id;
    let desk = authority.desk(host(), ambient::now());
    let wish = KeyWish {
        account,
        spec,
        passphrase: phrase,
        tags: Vec::new(),
        replaces: None,
        idempotency: String::new(),
    };
    let Outcome::Made(issued) = issue_key(&desk, Proof::None, wish).await? else {
        bail!("the key was there")
    };
    store.close().await;
    if options.output.json {
        let shown = json!({"api_key": issued.id.to_string(), "secret": issued.secret.expose(),
            "passphrase": issued.passphrase.expose(), "name": issued.spec.name.as_str(),
            "permissions": words(issued.spec.permissions)});
        println!("{shown}");
    } else {
        println!("api_key     {}", issued.id);
        println!("secret      {}", issued.secret.expose());
        println!("passphrase  {}", issued.passphrase.expose());
        eprintln!("This is the only time that the secret and the passphrase are shown.");
    }
    Ok(())
}

async fn list(options: arguments::KeyList) -> Result<()> {
    let email = Email::parse(&options.account)?;
    let (store, authority) = open(&options.store).await?;
    let account = store.reader().account_by_email(&email).await?;
    let account = account.context("there is no such account; make it with `keyward account create`")?.id;
    let (keys, altered) = list_keys(&authority.desk(host(), ambient::now()), account).await?;
    store.close().await;
    if altered > 0 {
        eprintln!(
            "keyward: {altered} stored keys do not verify: they were altered outside the program, and are held"
        );
    }
    if options.output.json {
        println!("{}", Value::Array(keys.iter().map(as_json).collect()));
        return Ok(());
    }
    if keys.is_empty() {
        eprintln!("No keys yet. `keyward key create --help` shows how to make one.");
        return Ok(());
    }
    println!("{:<36}  {:<9} {:<22} {:<24} NAME", "API KEY", "STATE", "PERMISSIONS", "FROM");
    for key in &keys {
        println!(
            "{:<36}  {:<9} {:<22} {:<24} {}",
            key.id.to_string(),
            key.state,
            key.permissions.to_string(),
            key.from,
            key.name
        );
    }
    Ok(())
}

async fn show(options: arguments::KeyName) -> Result<()> {
    let id = parse_id(&options.key)?;
    let (store, authority) = open(&options.store).await?;
    let key = show_key(&authority.desk(host(), ambient::now()), id).await?;
    store.close().await;
    if options.output.json {
        println!("{}", as_json(&key));
        return Ok(());
    }
    let moment =
        |at: Option<keyward_rules::time::Moment>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    println!("api key      {}", key.id);
    println!("name         {}", key.name);
    println!("state        {}", key.state);
    println!("permissions  {}", key.permissions);
    println!("from         {}", key.from);
    println!("environment  {}", key.environment);
    if let Some(cap) = key.rate_cap {
        println!("rate cap     {cap} requests a second");
    }
    println!("created      {}", key.created_at);
    println!("last used    {} {}", moment(key.last_used_at), key.last_used_from);
    println!("ends         {}", moment(key.ending.map(Ending::at)));
    Ok(())
}

async fn change(options: arguments::KeyName, change: Change) -> Result<()> {
    let id = parse_id(&options.key)?;
    let (store, authority) = open(&options.store).await?;
    let (desk, key) = (authority.desk(host(), ambient::now()), KeyNamed::at_the_host(id));
    let (revision, word) = match change {
        Change::Disable => (disable_key(&desk, Proof::None, &key).await?, "disabled"),
        Change::Enable => (enable_key(&desk, Proof::None, id).await?, "enabled"),
        Change::Delete => (delete_key(&desk, Proof::None, &key).await?, "deleted"),
    };
    store.close().await;
    if options.output.json {
        println!("{}", json!({"api_key": id.to_string(), "done": word, "revision": revision.map(|n| n.0)}));
    } else {
        println!("{id} {word}");
    }
    Ok(())
}

/// Asks for the key's beginning, so that nobody deletes the wrong one by habit.
fn confirm(key: &str) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("deleting is final: add --yes to do it without being asked");
    }
    let start = key.get(..8).unwrap_or(key);
    eprint!("Deleting {key} is final. Type its first eight characters to go on: ");
    std::io::stderr().flush()?;
    let mut typed = String::new();
    std::io::stdin().read_line(&mut typed)?;
    if typed.trim() == start { Ok(()) } else { bail!("nothing was deleted") }
}

fn parse_id(text: &str) -> Result<KeyId> {
    text.parse().context("an API key is a lower-case UUID, as `keyward key list` shows it")
}

fn words(permissions: Permissions) -> Vec<&'static str> {
    permissions.iter().map(Permission::word).collect()
}

fn as_json(key: &KeyView) -> Value {
    json!({
        "api_key": key.id.to_string(), "name": key.name.as_str(), "state": key.state,
        "permissions": words(key.permissions), "from": key.from, "rate_cap": key.rate_cap, "environment": key.environment.word(),
        "created_at_ms": key.created_at.unix_ms(), "last_used_at_ms": key.last_used_at.map(|at| at.unix_ms()),
        "last_used_from": key.last_used_from, "ends_at_ms": key.ending.map(|ending| ending.at().unix_ms())
    })
}
