//! From a committed change to the last request that is still accepted.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use keyward_authority::Action as _;
use keyward_authority::keys::{DisableKey, EnableKey, KeyNamed};
use keyward_authority::{Authority, Settings};
use keyward_hmac_state::HmacState;
use keyward_rules::address::Binding;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Actor, Proof};
use keyward_rules::id::KeyId;
use keyward_rules::okx::sign;
use keyward_rules::time::Moment;
use keyward_store::{AppState, Entropy, Location, MasterKey, Store};
use serde_json::Value;

use crate::wire::Wire;

/// The bound of a change (docs/PERFORMANCE.md).
const BOUND_MS: f64 = 20.0;

/// What is changed there and back.
#[derive(Clone, Copy)]
pub enum Change {
    /// The `trade` key is disabled and enabled.
    Key,
    /// The app of the `app_here` key is frozen and thawed.
    App,
}

impl Change {
    /// The key's name, and the code that it is refused with.
    const fn key(self) -> (&'static str, &'static str) {
        match self {
            Self::Key => ("trade", "50114"),
            Self::App => ("app_here", "50100"),
        }
    }

    async fn stop(self, authority: &Authority, id: KeyId) -> Result<(), Failure> {
        match self {
            Self::Key => {
                let context = authority.context(Actor::Host("bench".to_owned()), now());
                DisableKey(KeyNamed::by_id(id)).perform(&context, Proof::None).await?;
                Ok(())
            }
            Self::App => set_app(authority, id, AppState::Frozen).await,
        }
    }

    async fn start(self, authority: &Authority, id: KeyId) -> Result<(), Failure> {
        match self {
            Self::Key => {
                let context = authority.context(Actor::Host("bench".to_owned()), now());
                EnableKey(id).perform(&context, Proof::None).await?;
                Ok(())
            }
            Self::App => set_app(authority, id, AppState::Active).await,
        }
    }
}

type Failure = Box<dyn std::error::Error>;

/// Freezes or thaws the key's app by itself, without the questions that operators answer first.
async fn set_app(authority: &Authority, id: KeyId, state: AppState) -> Result<(), Failure> {
    let grant = Actor::System("sandbox").may(ActionKind::SeedSandbox, Proof::None)?;
    let mut tx = authority.access.writer.begin(grant, now()).await?;
    let Some(Binding::App(app)) = tx.key(id).await?.map(|key| key.binding) else {
        return Err("no app's key".into());
    };
    let mut app = tx.app(app).await?.ok_or("no such app")?;
    (app.state, app.version) = (state, app.version + 1);
    tx.put_app(&app).await?;
    let event = Event::of(tx.grant(), now(), &format!("app:{}", app.id), &[]);
    tx.commit(event).await?;
    Ok(())
}

/// Makes the change and takes it back in a running sandbox, `times` times, while requests are sent with the key.
pub fn measure(what: Change, data: &str, credentials: &str, times: usize) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|problem| problem.to_string())?;
    runtime.block_on(change(what, data, credentials, times)).map_err(|problem| problem.to_string())
}

async fn change(what: Change, data: &str, credentials: &str, times: usize) -> Result<(), Failure> {
    let (name, refusal) = what.key();
    let document: Value = serde_json::from_str(&std::fs::read_to_string(credentials)?)?;
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let url = text(&document, "gateway_url").ok_or("no gateway_url")?;
    let entry = document.get("keys").and_then(|keys| keys.get(name)).ok_or("no such key")?;
    let key = ["api_key", "secret", "passphrase"].map(|field| text(entry, field).unwrap_or_default());
    let [id, _, _] = &key;
    let id: KeyId = id.parse()?;

    let entropy: Entropy = Arc::new(|bytes: &mut [u8]| {
        // Nonces for the seals of a sandbox's key: the kernel's, as everywhere.
        let filled = std::fs::File::open("/dev/urandom")
            .and_then(|mut file| std::io::Read::read_exact(&mut file, bytes));
        assert!(filled.is_ok(), "the system gives no random bytes");
    });
    let master = MasterKey::parse(&std::fs::read_to_string(Path::new(data).join("master.key"))?)?;
    let store = Store::open(&Location::parse(data)?, &master, Arc::clone(&entropy), now()).await?;
    let authority = Authority::new(&store, entropy, Settings::default());

    // An answer may be late for other reasons than the verdict, so two moments count: when the last request that was accepted
    // was sent, and when its answer came. The verdict was between them.
    let began = Instant::now();
    let micros = move || u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    let [sent, accepted, refused] = std::array::from_fn(|_| Arc::new(AtomicU64::new(0)));
    let stop = Arc::new(AtomicBool::new(false));
    let sender = {
        let [sent, accepted, refused] = [&sent, &accepted, &refused].map(Arc::clone);
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || -> Result<(), String> {
            let mut wire = Wire::open(&url)?;
            while !stop.load(Ordering::Relaxed) {
                let asked = micros();
                match wire.ask(&request(&key))?.as_str() {
                    "0" => {
                        sent.store(asked, Ordering::Release);
                        accepted.store(micros(), Ordering::Release);
                    }
                    code if code == refusal => refused.store(micros(), Ordering::Release),
                    // The key changed between the verdict and the forward: neither accepted nor refused for good.
                    "50013" => {}
                    other => return Err(format!("code {other}")),
                }
            }
            Ok(())
        })
    };
    let (mut delays, mut sends) = (Vec::new(), Vec::new());
    for _ in 0..times {
        what.stop(&authority, id).await?;
        let committed = micros();
        if !until(&sender, || refused.load(Ordering::Acquire) > committed) {
            break;
        }
        let since =
            |moment: &AtomicU64| moment.load(Ordering::Acquire).saturating_sub(committed) as f64 / 1_000.0;
        sends.push(since(&sent));
        delays.push(since(&accepted));
        what.start(&authority, id).await?;
        let committed = micros();
        if !until(&sender, || accepted.load(Ordering::Acquire) > committed) {
            break;
        }
    }
    stop.store(true, Ordering::Relaxed);
    sender.join().map_err(|_| "the sender failed")??;
    for (what, mut times) in [("sent", sends), ("answered", delays)] {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
        let late = times.iter().filter(|time| **time > BOUND_MS).count();
        let last = times.last().copied().unwrap_or_default();
        println!(
            "change to last accept, {what}: p50 {:.1} ms, p95 {:.1} ms, longest {last:.1} ms, {late} of {} over {BOUND_MS} ms",
            at(0.5),
            at(0.95),
            times.len()
        );
    }
    store.close().await;
    Ok(())
}

/// Whether it came about before the sender ended.
fn until(sender: &std::thread::JoinHandle<Result<(), String>>, done: impl Fn() -> bool) -> bool {
    while !done() {
        if sender.is_finished() {
            return false;
        }
        // A loop without pause would take half of a small machine from the gateway that is measured.
        std::thread::sleep(Duration::from_micros(200));
    }
    true
}

fn now() -> Moment {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    Moment::from_unix_ms(u64::try_from(now).unwrap_or_default())
}

fn request([key, secret, phrase]: &[String; 3]) -> Vec<u8> {
    let (target, stamp) = ("/api/v5/account/balance", now().to_string());
    let state = HmacState::from_key(secret.as_bytes());
    let made = sign(&state, stamp.as_bytes(), b"GET", target.as_bytes(), b"");
    let made = String::from_utf8_lossy(made.as_bytes()).into_owned();
    format!(
        "GET {target} HTTP/1.1\r\nHost: keyward\r\nOK-ACCESS-KEY: {key}\r\nOK-ACCESS-SIGN: {made}\r\nOK-ACCESS-TIMESTAMP: {stamp}\r\nOK-ACCESS-PASSPHRASE: {phrase}\r\n\r\n"
    )
    .into_bytes()
}
