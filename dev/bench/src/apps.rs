//! Third-party apps at scale: a thousand apps with a thousand ranges each and their keys, in the gateway's own memory of
//! facts, beside keys with twenty addresses of their own.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use keyward_gateway::Lease;
use keyward_gateway::alarms::ObservationSender;
use keyward_gateway::follow::{Facts, Follower};
use keyward_gateway::memory::{Lookup, Memory};
use keyward_hmac_state::HmacState;
use keyward_rules::account::Email;
use keyward_rules::address::Binding;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Actor, Grant, Proof};
use keyward_rules::id::{AccountId, AppId, KeyId};
use keyward_rules::key::{Environment, KeyName};
use keyward_rules::limits::KEYS_PER_ACCOUNT;
use keyward_store::{
    AccountKind, AccountRecord, AppRecord, AppState, Entropy, KeyDraft, Location, MasterKey, Store,
};

use crate::decision::{Bench, NOW, OF_APP, PHRASE, spread, thousand_ranges, twenty};

type Failure = Box<dyn std::error::Error>;

const APPS: usize = 1_000;
/// Keys in one transaction.
const BATCH: usize = 20_000;
const ROUNDS: usize = 15;
/// Requests timed in one round, each with a key of its own.
const REQUESTS: usize = 20_000;

/// Makes a store in `folder`, which must be empty, with `count` keys over the apps and a tenth of that with addresses of
/// their own, loads it as a gateway does, and measures decisions.
pub fn measure(folder: &str, count: usize) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .map_err(|problem| problem.to_string())?
        .block_on(run(folder, count))
        .map_err(|problem| problem.to_string())
}

async fn run(folder: &str, count: usize) -> Result<(), Failure> {
    let entropy: Entropy = Arc::new(|bytes: &mut [u8]| bytes.fill(7));
    let store = Store::open(&Location::parse(folder)?, &MasterKey::new([9; 32]), entropy, NOW).await?;
    let bench = Bench::new()?;
    let apps = (0..APPS).map(app).collect::<Result<Vec<_>, _>>()?;
    put(&store, &apps).await?;
    let (own, _) = twenty()?;
    let bound_to_app =
        |number: usize| Binding::App(AppId::from_u64(number as u64 % APPS as u64 + 1).unwrap_or(NO_APP));
    insert(&store, &bench, (0, count), &bound_to_app).await?;
    insert(&store, &bench, (count, count / 10), &|_| Binding::Addresses(own.clone())).await?;

    let before = resident_mb()?;
    let only_apps = Memory::default();
    only_apps.apply_apps(&apps);
    println!("{APPS} apps of 1,000 ranges: {:.0} MB", resident_mb()? - before);
    drop((only_apps, apps));

    let (memory, began) = (Arc::new(Memory::default()), Instant::now());
    let facts = Facts::new(Arc::clone(&memory), Arc::new(ObservationSender::new().0));
    let _follower = Follower::start(store.feed(), facts, Arc::<Lease>::default(), 0).await?;
    println!(
        "{} keys and {APPS} apps loaded in {:.1} s, {:.0} MB resident",
        memory.slots(),
        began.elapsed().as_secs_f64(),
        resident_mb()?
    );
    changes(&memory)?;
    decisions(&bench, &memory, count)?;
    store.close().await;
    Ok(())
}

const NO_APP: AppId = match AppId::from_u64(1) {
    Some(id) => id,
    None => unreachable!(),
};

fn app(number: usize) -> Result<AppRecord, Failure> {
    Ok(AppRecord {
        id: AppId::from_u64(number as u64 + 1).ok_or("no app")?,
        name: format!("App {number}"),
        state: AppState::Active,
        ranges: thousand_ranges()?,
        version: 1,
    })
}

async fn put(store: &Store, apps: &[AppRecord]) -> Result<(), Failure> {
    let mut tx = store.writer().begin(grant()?, NOW).await?;
    for app in apps {
        tx.put_app(app).await?;
    }
    let event = Event::of(tx.grant(), NOW, "apps", &[]);
    tx.commit(event).await?;
    Ok(())
}

/// Keys `first` to `first + count`, fifty to an account, all with one secret and passphrase.
async fn insert(
    store: &Store,
    bench: &Bench,
    (first, count): (usize, usize),
    binding: &impl Fn(usize) -> Binding,
) -> Result<(), Failure> {
    for from in (first..first + count).step_by(BATCH) {
        let (mut accounts, mut drafts) = (Vec::new(), Vec::new());
        for number in from..(from + BATCH).min(first + count) {
            let account = AccountId::from_u64((number / KEYS_PER_ACCOUNT) as u64 + 1).ok_or("no account")?;
            if number.is_multiple_of(KEYS_PER_ACCOUNT) {
                let kind = AccountKind::Master(Email::parse(&format!("holder-{account}@keyward.example"))?);
                accounts.push(AccountRecord { id: account, kind, created_at: NOW });
            }
            drafts.push(KeyDraft {
                id: key(number),
                account,
                master: None,
                name: KeyName::parse(&format!("bot {number}"))?,
                permissions: "read,trade".parse()?,
                binding: binding(number),
                environment: Environment::Live,
                expires_at: None,
                new_device_until: None,
                rate_cap: None,
                fences: None,
                passphrase: bench.passphrases.tag(account, PHRASE),
                hmac: HmacState::from_bytes(&bench.state),
            });
        }
        let grant = grant()?;
        let event = Event::of(&grant, NOW, "keys", &[]);
        store.writer().insert_many((grant, NOW), accounts, drafts, event).await?;
    }
    Ok(())
}

/// How long the applier takes to put other ranges of one app in place.
fn changes(memory: &Memory) -> Result<(), Failure> {
    let app = app(APPS / 2)?;
    let mut micros = Vec::new();
    for _ in 0..101 {
        let began = Instant::now();
        memory.apply_app(app.id, Some(&app));
        micros.push(began.elapsed().as_secs_f64() * 1e6);
    }
    println!("one app's ranges put in place for all its keys: {} µs", spread(micros));
    Ok(())
}

/// Look-up and decision in turn for each kind of key, with another key each time.
fn decisions(bench: &Bench, memory: &Memory, count: usize) -> Result<(), Failure> {
    let (_, own) = twenty()?;
    let [v4, v6] = OF_APP;
    let kinds: [(&str, usize, usize, IpAddr); 3] = [
        ("20 addresses of its own", count, count / 10, own),
        ("an app of 1,000 ranges, from IPv4", 0, count, v4),
        ("an app of 1,000 ranges, from IPv6", 0, count, v6),
    ];
    let mut figures: Vec<Vec<f64>> = kinds.iter().map(|_| Vec::new()).collect();
    for round in 0..ROUNDS {
        for ((_, first, among, source), figures) in kinds.iter().zip(&mut figures) {
            let chosen = (0..REQUESTS).map(|at| key(first + scattered(round * REQUESTS + at) % among));
            figures.push(timed(bench, memory, &chosen.collect::<Vec<_>>(), *source)?);
        }
    }
    let beside = figures.first().cloned().unwrap_or_default();
    for ((name, ..), figures) in kinds.iter().zip(figures) {
        let ratios = figures.iter().zip(&beside).map(|(one, other)| one / other).collect();
        println!("{name}: {} ns, ratio {}", spread(figures), spread(ratios));
    }
    Ok(())
}

/// Nanoseconds for one look-up and decision.
fn timed(bench: &Bench, memory: &Memory, keys: &[KeyId], source: IpAddr) -> Result<f64, Failure> {
    let mut case = bench.case("get")?;
    case.source = source;
    let texts: Vec<String> = keys.iter().map(KeyId::to_string).collect();
    let (mut tat, began) = (0, Instant::now());
    for (id, text) in keys.iter().zip(texts) {
        case.key = text;
        let Lookup::Facts(facts) = memory.facts(*id) else { return Err("a key is not known".into()) };
        if !bench.decide(&case, Some(facts), &mut tat) {
            return Err("a request was refused".into());
        }
    }
    Ok(began.elapsed().as_secs_f64() * 1e9 / keys.len() as f64)
}

fn key(number: usize) -> KeyId {
    let spread = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    KeyId::from_entropy((u128::from(spread) << 64 | number as u128).to_be_bytes())
}

/// Neighbours land far apart.
fn scattered(number: usize) -> usize {
    let word = (number as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    usize::try_from((word ^ (word >> 31)) >> 16).unwrap_or_default()
}

fn grant() -> Result<Grant, Failure> {
    Ok(Actor::System("sandbox").may(ActionKind::SeedSandbox, Proof::None)?)
}

fn resident_mb() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1_024.0)
}
