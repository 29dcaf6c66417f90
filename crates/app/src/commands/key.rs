//! `keyward key …`: through the same actions as every other way in.

use std::io::IsTerminal as _;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use keyward_authority::Action as _;
use keyward_authority::keys::{
    ChangeFences, DeleteKey, DisableKey, EnableKey, IssueKey, KeyNamed, LiftQuarantine, MakeReadOnly,
    Outcome, StopTrading,
};
use keyward_authority::questions::{Ending, KeyView, list_keys, show_key};
use keyward_rules::account::Email;
use keyward_rules::address::{AddressSet, Binding, HostBits};
use keyward_rules::fence::{self, Fences};
use keyward_rules::grant::Proof;
use keyward_rules::id::KeyId;
use keyward_rules::key::{Environment, KeyName, KeySpec, Passphrase, RateCap, WideRange};
use keyward_rules::permission::{Permission, Permissions};
use keyward_rules::secret::Secret;
use serde_json::{Value, json};

use super::{host, open};
use crate::arguments::{self, Key};
use crate::sandbox::passphrase;
use crate::{ambient, output};

/// Runs one of the key commands.
pub async fn run(command: Key) -> Result<()> {
    match command {
        Key::Create(options) => create(options).await,
        Key::List(options) => list(options).await,
        Key::Show(options) => show(options).await,
        Key::Edit(options) => edit(options).await,
        Key::Disable(options) => change(options, Change::Disable).await,
        Key::Enable(options) => change(options, Change::Enable).await,
        Key::StopTrading(options) => change(options, Change::StopTrading).await,
        Key::ReadOnly(options) => change(options, Change::ReadOnly).await,
        Key::LiftQuarantine(options) => change(options, Change::LiftQuarantine).await,
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
    StopTrading,
    ReadOnly,
    LiftQuarantine,
    Delete,
}

async fn create(options: arguments::KeyCreate) -> Result<()> {
    let rights: Result<Vec<Permission>, _> = match options.canary {
        true => Ok(vec![Permission::Read]),
        false => options.permissions.iter().map(|word| word.parse()).collect(),
    };
    let binding = match &options.ip {
        None if options.canary => Binding::Canary,
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
        fences: match &options.limits {
            None => None,
            Some(text) => Some(limits(text)?).filter(|limits| !limits.is_empty()).map(Arc::new),
        },
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
    let account = account.context("this account does not exist; create it with `keyward account create`")?.id;
    let context = authority.context(host(), ambient::now());
    let wish = IssueKey {
        account,
        spec,
        passphrase: phrase,
        tags: Vec::new(),
        replaces: None,
        idempotency: String::new(),
    };
    let Outcome::Made(issued) = wish.perform(&context, Proof::None).await? else {
        bail!("the key was there")
    };
    store.close().await;
    let shown = Secret::new(if options.output.json {
        let shown = json!({"api_key": issued.id.to_string(), "secret": issued.secret.expose(),
            "passphrase": issued.passphrase.expose(), "name": issued.spec.name.as_str(),
            "permissions": words(issued.spec.permissions)});
        format!("{shown}\n")
    } else {
        let (secret, phrase) = (issued.secret.expose(), issued.passphrase.expose());
        format!("api_key     {}\nsecret      {secret}\npassphrase  {phrase}\n", issued.id)
    });
    output::once(shown.expose()).with_context(|| {
        let key = issued.id;
        format!("the API key {key} was made, but its secret is lost, so delete the key and make another")
    })?;
    if !options.output.json {
        output::note("This is the only time that the secret and the passphrase are shown.");
    }
    Ok(())
}

async fn list(options: arguments::KeyList) -> Result<()> {
    let email = Email::parse(&options.account)?;
    let (store, authority) = open(&options.store).await?;
    let account = store.reader().account_by_email(&email).await?;
    let account = account.context("this account does not exist; create it with `keyward account create`")?.id;
    let now = ambient::now();
    let (mut keys, altered) = list_keys(&authority.context(host(), now), account).await?;
    store.close().await;
    if altered > 0 {
        output::note(format_args!(
            "keyward: {altered} stored keys do not verify: they were altered outside the program, and are held"
        ));
    }
    if let Some(days) = options.unused_days {
        keys.retain(|key| key.is_unused(days, now));
        if keys.is_empty() && !options.output.json {
            output::note(format_args!("Every living key was used within the last {days} days."));
            return Ok(());
        }
    }
    if options.output.json {
        return output::data(Value::Array(keys.iter().map(as_json).collect()));
    }
    if keys.is_empty() {
        output::note("No keys yet. `keyward key create --help` shows how to make one.");
        return Ok(());
    }
    let head = format!("{:<36}  {:<9} {:<22} {:<24} NAME\n", "API KEY", "STATE", "PERMISSIONS", "FROM");
    output::data(head + &keys.iter().map(line).collect::<String>())
}

/// A key's line in the list.
fn line(key: &KeyView) -> String {
    let (id, permissions) = (key.id.to_string(), key.permissions.to_string());
    format!("{id:<36}  {:<9} {permissions:<22} {:<24} {}\n", key.state, key.from, key.name)
}

async fn show(options: arguments::KeyName) -> Result<()> {
    let id = parse_id(&options.key)?;
    let (store, authority) = open(&options.store).await?;
    let key = show_key(&authority.context(host(), ambient::now()), id).await?;
    store.close().await;
    if options.output.json {
        return output::data(as_json(&key));
    }
    output::data(page(&key))
}

/// Everything about a key, a line each.
fn page(key: &KeyView) -> String {
    let moment =
        |at: Option<keyward_rules::time::Moment>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    let fences =
        key.fences.as_ref().map(|fences| format!("limits       {}\n", fences.in_words())).unwrap_or_default();
    let works_from = key.works_from.map(|at| format!("reads only   until {at}, because of a new device\n"));
    let works_from = works_from.unwrap_or_default();
    let cap = key.rate_cap.map(|cap| format!("rate cap     {cap} requests a second\n")).unwrap_or_default();
    [
        format!("api key      {}\n", key.id),
        format!("name         {}\n", key.name),
        format!("purpose      {}\n", key.purpose),
        format!("state        {}\n", key.state),
        works_from,
        format!("permissions  {}\n", key.permissions),
        format!("from         {}\n", key.from),
        format!("environment  {}\n", key.environment),
        cap,
        fences,
        format!("created      {}\n", key.created_at),
        format!("last used    {} {}\n", moment(key.last_used_at), key.last_used_from),
        format!("ends         {}\n", moment(key.ending.map(Ending::at))),
    ]
    .concat()
}

/// Reads limits from the command line, or from the file that it names.
pub fn limits(given: &str) -> Result<Fences> {
    let text = match given.strip_prefix('@') {
        None => given.to_owned(),
        Some(file) => std::fs::read_to_string(file).with_context(|| format!("{file} cannot be read"))?,
    };
    Ok(fence::read(text.trim())?.usable_now())
}

async fn edit(options: arguments::KeyEdit) -> Result<()> {
    let (id, to) = (parse_id(&options.which.key)?, limits(&options.limits)?);
    let words = to.in_words();
    let (store, authority) = open(&options.which.store).await?;
    let context = authority.context(host(), ambient::now());
    let change = ChangeFences { which: KeyNamed::by_id(id), to };
    let revision = change.perform(&context, Proof::None).await?;
    store.close().await;
    let shown = if options.which.output.json {
        json!({"api_key": id.to_string(), "done": "limits changed", "limits": words, "revision": revision.map(|n| n.0)})
            .to_string()
    } else {
        format!("{id} limits: {words}")
    };
    output::data(shown)
        .with_context(|| format!("the limits of the API key {id} were changed, but that was not shown"))
}

async fn change(options: arguments::KeyName, change: Change) -> Result<()> {
    let id = parse_id(&options.key)?;
    let (store, authority) = open(&options.store).await?;
    let (context, key) = (authority.context(host(), ambient::now()), KeyNamed::by_id(id));
    let (revision, word) = match change {
        Change::Disable => (DisableKey(key).perform(&context, Proof::None).await?, "disabled"),
        Change::Enable => (EnableKey(id).perform(&context, Proof::None).await?, "enabled"),
        Change::StopTrading => {
            (StopTrading(key).perform(&context, Proof::None).await?, "stopped from trading")
        }
        Change::ReadOnly => (MakeReadOnly(key).perform(&context, Proof::None).await?, "limited to reading"),
        Change::LiftQuarantine => {
            (LiftQuarantine(id).perform(&context, Proof::None).await?, "released from quarantine")
        }
        Change::Delete => (DeleteKey(key).perform(&context, Proof::None).await?, "deleted"),
    };
    store.close().await;
    let shown = if options.output.json {
        json!({"api_key": id.to_string(), "done": word, "revision": revision.map(|n| n.0)}).to_string()
    } else {
        format!("{id} {word}")
    };
    output::data(shown).with_context(|| format!("the API key {id} was {word}, but that was not shown"))
}

/// Asks for the key's beginning, so that nobody deletes the wrong one by habit.
fn confirm(key: &str) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("you cannot undo a deletion: add --yes to delete without a question");
    }
    let start = key.get(..8).unwrap_or(key);
    output::ask(format_args!("You cannot undo this. To delete {key}, type its first eight characters: "))
        .context("nothing was deleted")?;
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
        "api_key": key.id.to_string(), "name": key.name.as_str(), "purpose": key.purpose, "state": key.state,
        "works_from_ms": key.works_from.map(|at| at.unix_ms()),
        "permissions": words(key.permissions), "from": key.from, "rate_cap": key.rate_cap,
        "limits": key.fences.as_ref().map(|fences| fences.to_json()), "environment": key.environment.word(),
        "created_at_ms": key.created_at.unix_ms(), "last_used_at_ms": key.last_used_at.map(|at| at.unix_ms()),
        "last_used_from": key.last_used_from, "ends_at_ms": key.ending.map(|ending| ending.at().unix_ms())
    })
}
