//! The sandbox's accounts and keys: one key for each way in which a key can behave.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use keyward_authority::Action as _;
use keyward_authority::accounts::CreateAccount;
use keyward_authority::keys::{DeleteKey, DisableKey, IssueKey, KeyNamed, Outcome};
use keyward_authority::sub_accounts::CreateSubAccount;
use keyward_authority::{ActionContext, Authority};
use keyward_rules::account::{Email, SubAccountName};
use keyward_rules::address::{AddressSet, Binding, HostBits};
use keyward_rules::app::{AppName, AppStanding, VersionStanding};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Actor, Proof};
use keyward_rules::id::{AccountId, AppId, KeyId};
use keyward_rules::key::{Environment, Hold, KeyName, KeySpec, WideRange};
use keyward_store::{AppProfile, AppRecord, AppState, RangeVersion};
use serde_json::{Map, Value, json};

use super::passphrase::passphrase;
use super::people::{self, BROKER, TRADER};
use crate::ambient;

/// The name of the trader's sub-account.
const SUB_ACCOUNT: &str = "probeSub01";

/// One fixture key.
struct Fixture {
    name: &'static str,
    permissions: &'static str,
    reach: Reach,
    after: After,
    expect: &'static str,
}

#[derive(Clone, Copy)]
enum Reach {
    Anywhere,
    Loopback,
    Elsewhere,
    AppHere,
    AppElsewhere,
}

/// What happens to the key once it is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Nothing,
    Demo,
    Sub,
    Disable,
    Delete,
    Expire,
    Freeze,
}

const fn fixture(
    name: &'static str,
    permissions: &'static str,
    reach: Reach,
    after: After,
    expect: &'static str,
) -> Fixture {
    Fixture { name, permissions, reach, after, expect }
}

const FIXTURES: [Fixture; 16] = [
    fixture("read", "read", Reach::Loopback, After::Nothing, "0"),
    fixture("trade", "read,trade", Reach::Loopback, After::Nothing, "0"),
    fixture("withdraw", "read,withdraw", Reach::Loopback, After::Nothing, "0"),
    fixture("funding", "read,funding", Reach::Loopback, After::Nothing, "0"),
    fixture("manage", "read,trade,funding,manage", Reach::Loopback, After::Nothing, "0"),
    fixture("unbound", "read,trade", Reach::Anywhere, After::Nothing, "0"),
    fixture("no_read", "trade", Reach::Loopback, After::Nothing, "50120"),
    fixture("bound_elsewhere", "read,trade", Reach::Elsewhere, After::Nothing, "50110"),
    fixture("app_here", "read,trade", Reach::AppHere, After::Nothing, "0"),
    fixture("app_elsewhere", "read,trade", Reach::AppElsewhere, After::Nothing, "50110"),
    fixture("disabled", "read,trade", Reach::Loopback, After::Disable, "50114"),
    fixture("deleted", "read,trade", Reach::Loopback, After::Delete, "50119"),
    fixture("expired", "read,trade", Reach::Loopback, After::Expire, "50119"),
    fixture("frozen", "read,trade", Reach::Loopback, After::Freeze, "50100"),
    fixture("demo", "read,trade", Reach::Loopback, After::Demo, "50101"),
    fixture("sub", "read,trade,funding", Reach::Loopback, After::Sub, "0"),
];

/// The sandbox's fixtures, by name.
pub struct Fixtures {
    /// The keys.
    pub keys: Map<String, Value>,
    /// The people.
    pub people: Map<String, Value>,
}

/// Gives the fixtures, made now or kept from an earlier start of the same folder.
pub async fn make(authority: &Authority, folder: &Path) -> Result<Fixtures> {
    let kept = folder.join("credentials.json");
    if !kept.exists() {
        let keys = make_keys(authority).await?;
        return Ok(Fixtures { keys, people: people::make(authority).await? });
    }
    let text = std::fs::read_to_string(&kept).context("the kept credentials cannot be read")?;
    let document: Value = serde_json::from_str(&text).context("the kept credentials are no JSON")?;
    let part = |name: &str| document.get(name).and_then(Value::as_object).cloned();
    let keys = part("keys").context("the kept credentials have no keys")?;
    // A folder from before there was a console has no people yet.
    let people = match part("people") {
        Some(people) => people,
        None => people::make(authority).await?,
    };
    Ok(Fixtures { keys, people })
}

async fn make_keys(authority: &Authority) -> Result<Map<String, Value>> {
    let context = || authority.context(Actor::System("sandbox"), ambient::now());
    let trader = CreateAccount(Email::parse(TRADER)?).perform(&context(), Proof::None).await?.id;
    let sub = CreateSubAccount { master: trader, name: SubAccountName::parse(SUB_ACCOUNT)?, label: None };
    let sub = sub.perform(&context(), Proof::None).await?;
    let broker = CreateAccount(Email::parse(BROKER)?).perform(&context(), Proof::None).await?.id;
    let here = make_app(&context(), broker, "Sandbox Broker Here", "127.0.0.0/16,::1").await?;
    let ranges = "203.0.113.0/24,2001:db8::/32";
    let elsewhere = make_app(&context(), broker, "Sandbox Broker Elsewhere", ranges).await?;
    let mut keys = Map::new();
    for fixture in &FIXTURES {
        let account = if fixture.after == After::Sub { sub } else { trader };
        let binding = match fixture.reach {
            Reach::Anywhere => Binding::Anywhere,
            Reach::Loopback => addresses("127.0.0.1,::1")?,
            Reach::Elsewhere => addresses("203.0.113.10")?,
            Reach::AppHere => Binding::App(here),
            Reach::AppElsewhere => Binding::App(elsewhere),
        };
        keys.insert(fixture.name.to_owned(), make_key(&context(), fixture, account, binding).await?);
    }
    Ok(keys)
}

async fn make_key(
    context: &ActionContext<'_>,
    fixture: &Fixture,
    account: AccountId,
    binding: Binding,
) -> Result<Value> {
    let spec = KeySpec {
        name: KeyName::parse(fixture.name)?,
        permissions: fixture.permissions.parse()?,
        binding,
        wide: WideRange::NotAcknowledged,
        environment: if fixture.after == After::Demo { Environment::Demo } else { Environment::Live },
        // In the future when it is made, past when it is first used.
        expires_at: (fixture.after == After::Expire).then(|| context.now.plus_ms(1)),
        rate_cap: None,
        fences: None,
    };
    let wish = IssueKey {
        account,
        spec,
        passphrase: passphrase()?,
        tags: Vec::new(),
        replaces: None,
        idempotency: String::new(),
    };
    let Outcome::Made(issued) = wish.perform(context, Proof::None).await? else { bail!("the key was there") };
    after(context, fixture.after, issued.id).await?;
    let permissions: Vec<&str> = fixture.permissions.split(',').collect();
    Ok(json!({
        "api_key": issued.id.to_string(), "secret": issued.secret.expose(), "passphrase": issued.passphrase.expose(),
        "permissions": permissions, "expect": fixture.expect
    }))
}

async fn after(context: &ActionContext<'_>, after: After, key: KeyId) -> Result<()> {
    match after {
        After::Nothing | After::Demo | After::Sub | After::Expire => {}
        After::Disable => drop(DisableKey(KeyNamed::by_id(key)).perform(context, Proof::None).await?),
        After::Delete => drop(DeleteKey(KeyNamed::by_id(key)).perform(context, Proof::None).await?),
        After::Freeze => freeze(context, key).await?,
    }
    Ok(())
}

/// Freezing takes an operator; the fixture is written through the store, with its audit record.
async fn freeze(context: &ActionContext<'_>, id: KeyId) -> Result<()> {
    let grant = context.actor.may(ActionKind::SeedSandbox, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let mut key = tx.key(id).await?.context("the key was just made")?;
    key.life = key.life.hold(Hold::Frozen)?;
    tx.update_key(key).await?;
    let event = Event::of(tx.grant(), context.now, &format!("key:{id}"), &[("holds", "+ frozen".to_owned())]);
    tx.commit(event).await?;
    Ok(())
}

/// Registering takes a broker and two operators; the fixture is written through the store, with its audit record.
async fn make_app(context: &ActionContext<'_>, owner: AccountId, name: &str, ranges: &str) -> Result<AppId> {
    let grant = context.actor.may(ActionKind::SeedSandbox, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let mut entropy = [0; 8];
    (context.authority.entropy)(&mut entropy);
    let id = AppId::from_entropy(entropy);
    let ranges = AddressSet::parse(ranges, HostBits::Refuse)?;
    tx.put_app_profile(&AppProfile {
        id,
        owner,
        name: AppName::parse(name)?,
        home_page: "https://broker.example".to_owned(),
        contact: BROKER.to_owned(),
        permissions: "read,trade".parse()?,
        logo: None,
        standing: AppStanding::Verified,
        reason: String::new(),
        verified_at: Some(context.now),
        frozen: None,
        demand: None,
        created_at: context.now,
        changed_at: context.now,
        version: 1,
    })
    .await?;
    tx.put_range_version(&RangeVersion {
        app: id,
        number: 1,
        standing: VersionStanding::Active,
        ranges: ranges.clone(),
        note: String::new(),
        submitted_by: owner,
        submitted_at: context.now,
        decided: None,
        reason: String::new(),
        overlap_ms: 0,
        active_at: Some(context.now),
        ends_at: None,
        proven: Vec::new(),
        version: 1,
    })
    .await?;
    tx.put_app(&AppRecord { id, name: name.to_owned(), state: AppState::Active, ranges, version: 1 }).await?;
    let event = Event::of(tx.grant(), context.now, &format!("app:{id}"), &[("name", name.to_owned())]);
    tx.commit(event).await?;
    Ok(id)
}

fn addresses(text: &str) -> Result<Binding> {
    Ok(Binding::Addresses(AddressSet::parse(text, HostBits::Refuse)?))
}
