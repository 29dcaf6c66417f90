//! Keys that keys create and change over the exchange's API, in random chains: none of them ever gets a right, an address or a limit
//! that its maker does not have, unless somebody approved exactly that (product.md 5). The rows are looked at after each request, and
//! the whole audit log at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use keyward_api::sub_accounts::EndpointCall;
use keyward_authority::Action as _;
use keyward_authority::accounts::CreateAccount;
use keyward_authority::approvals::{ApprovalSet, ApproveRequests, RefuseRequests};
use keyward_authority::keys::{IssueKey, Outcome};
use keyward_authority::sub_accounts::CreateSubAccount;
use keyward_console::okx::answer;
use keyward_rules::account::{Email, SubAccountName};
use keyward_rules::address::{AddressSet, Binding, HostBits};
use keyward_rules::fence::{self, Fences};
use keyward_rules::grant::{Actor, Proof, Scope};
use keyward_rules::id::{AccountId, ApprovalId, KeyId, RequestId};
use keyward_rules::key::{Environment, KeyName, KeySpec, Passphrase, RateCap, WideRange};
use keyward_rules::okx::sub_accounts::Endpoint;
use keyward_rules::permission::Permission;
use keyward_rules::time::Moment;
use serde_json::{Value, json};

use crate::world::World;

/// Chains of an ordinary run; `KEYWARD_DELEGATION_CHAINS` asks for more.
const CHAINS: u64 = 400;
/// Keys that were deleted stay as rows: with ever more of them, each look would take longer.
const CHAINS_PER_FAMILY: u64 = 20;
const HOUR_MS: u64 = 60 * 60 * 1_000;
/// What programs ask for.
const PLACES: [&str; 7] = [
    "",
    "192.0.2.7",
    "192.0.2.0/24",
    "192.0.2.0/25,2001:db8::1",
    "198.51.100.1",
    "2001:db8::/64",
    "192.0.2.7,198.51.100.1",
];
/// Addresses that tell the places apart.
const PROBES: [&str; 7] =
    ["192.0.2.7", "192.0.2.1", "192.0.2.200", "198.51.100.1", "2001:db8::1", "2001:db8::2", "203.0.113.5"];
const PERMS: [&str; 3] = ["", "read_only", "read_only,trade"];

/// Numbers that look random, the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }

    fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.roll(all.len())]
    }
}

/// A key, as far as it is held against others.
#[derive(Clone)]
struct Reach {
    rights: BTreeSet<&'static str>,
    addresses: BTreeSet<&'static str>,
    end: Option<Moment>,
    rate: Option<RateCap>,
    fences: Option<Arc<Fences>>,
}

/// Which of the probes a place admits, by the plainest reading.
fn admitted(binding: &Binding) -> BTreeSet<&'static str> {
    let admits = |address: IpAddr| match binding {
        Binding::Anywhere => true,
        Binding::Addresses(set) => set.contains(address),
        Binding::App(_) | Binding::Canary => false,
    };
    PROBES.into_iter().filter(|probe| admits(probe.parse().unwrap())).collect()
}

fn admitted_text(place: &str) -> BTreeSet<&'static str> {
    admitted(&if place == "anywhere" { Binding::Anywhere } else { bound(place) })
}

fn bound(place: &str) -> Binding {
    Binding::Addresses(AddressSet::parse(place, HostBits::Refuse).unwrap())
}

impl Reach {
    /// Whether it does nothing that `maker` cannot do.
    fn is_within(&self, maker: &Self) -> bool {
        let none = Fences::default();
        let own = |reach: &Self| reach.fences.as_deref().map(Fences::own).unwrap_or_default();
        self.rights.is_subset(&maker.rights)
            && self.addresses.is_subset(&maker.addresses)
            && maker.end.is_none_or(|most| self.end.is_some_and(|end| end <= most))
            && maker.rate.is_none_or(|most| self.rate.is_some_and(|rate| rate <= most))
            && (own(maker) == none || own(self).is_within(&own(maker)))
    }
}

struct Chains<'w> {
    world: &'w World,
    master: AccountId,
    subs: Vec<(AccountId, &'static str)>,
    makers: Vec<(KeyId, Reach)>,
    /// Those of all families.
    every_maker: Vec<(KeyId, Reach)>,
    dice: Dice,
    /// What each living key reaches, as last seen.
    seen: BTreeMap<KeyId, Reach>,
    /// What waits, with the request that asked.
    waiting: Vec<ApprovalId>,
    /// What somebody approved and no request has used.
    approved: BTreeSet<ApprovalId>,
    requests: u64,
    /// What the run came across, so that it cannot pass by doing nothing.
    met: BTreeMap<&'static str, u64>,
}

impl Chains<'_> {
    async fn ask(&mut self, (key, maker): &(KeyId, Reach), endpoint: Endpoint, body: Value) -> Value {
        self.requests += 1;
        let call = EndpointCall {
            request: RequestId(self.requests.into()),
            key: *key,
            account: self.master,
            environment: Environment::Live,
            source: "192.0.2.7".parse().unwrap(),
            agent: "chains/1".to_owned(),
            endpoint,
            target: Bytes::from_static(b"/x"),
            body: Bytes::from(body.to_string()),
        };
        let reply = answer(&self.world.authority, &call, self.world.now()).await;
        let said: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(said["code"], reply.code);
        assert_ne!(reply.code, "50001", "{said}");
        for element in said["data"].as_array().into_iter().flatten() {
            if let Some(id) = element["approvalId"].as_str().filter(|_| reply.code == "90450") {
                let id: ApprovalId = id.parse().unwrap();
                if !self.waiting.contains(&id) {
                    self.waiting.push(id);
                }
                *self.met.entry("waits").or_default() += 1;
            }
        }
        self.look(maker, &said).await;
        said
    }

    /// Looks at every key after a request of a key that reaches `maker`.
    async fn look(&mut self, maker: &Reach, said: &Value) {
        let mut more = 0;
        let mut now = BTreeMap::new();
        for (sub, _) in &self.subs {
            let rows = self.world.store.reader().keys_of(Scope::All, *sub).await.unwrap();
            for key in rows.into_iter().map(Result::unwrap).filter(|key| !key.life.is_over()) {
                let reach = Reach {
                    rights: key.permissions.iter().map(Permission::word).collect(),
                    addresses: admitted(&key.binding),
                    end: key.expires_at,
                    rate: key.rate_cap,
                    fences: key.fences,
                };
                let gained = match self.seen.get(&key.id) {
                    None => !reach.is_within(maker),
                    Some(before) => !reach.is_within(before),
                };
                more += usize::from(gained);
                now.insert(key.id, reach);
            }
        }
        self.seen = now;
        let used = self.use_up().await;
        assert!(more <= used, "more than the maker has, and nobody approved it: {said}");
        *self.met.entry("wider").or_default() += u64::try_from(more).unwrap();
    }

    /// How many approvals the last request used up.
    async fn use_up(&mut self) -> usize {
        let mut used = Vec::new();
        for id in &self.approved {
            let found = self.world.store.reader().request_approval(*id).await.unwrap().unwrap();
            if found.state(self.world.now()).word() == "used" {
                used.push(*id);
            }
        }
        self.approved.retain(|id| !used.contains(id));
        used.len()
    }

    async fn decide(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let at = self.dice.roll(self.waiting.len());
        let id = self.waiting.swap_remove(at);
        let set = ApprovalSet::new([id]).unwrap();
        let context = self.world.authority.context(Actor::Host("ops".to_owned()), self.world.now());
        if self.dice.roll(3) == 0 {
            RefuseRequests(set).perform(&context, Proof::None).await.unwrap();
        } else {
            ApproveRequests(set).perform(&context, Proof::None).await.unwrap();
            self.approved.insert(id);
        }
    }

    fn request(&mut self, sub: &str, number: u64, own: &[String]) -> (Endpoint, Value) {
        let (perm, place) = (self.dice.one_of(&PERMS), self.dice.one_of(&PLACES));
        match self.dice.roll(8) {
            0..4 => {
                let label = format!("bot{number}x{}", self.dice.roll(3));
                let passphrase = format!("Chain-Pass1!{label}");
                let body = json!({ "subAcct": sub, "label": label, "passphrase": passphrase, "perm": perm, "ip": place });
                (Endpoint::CreateKey, body)
            }
            4..7 if !own.is_empty() => {
                let key = &own[self.dice.roll(own.len())];
                (Endpoint::ModifyKey, json!({ "subAcct": sub, "apiKey": key, "ip": place, "perm": "" }))
            }
            _ => {
                let on = self.dice.roll(2) == 0;
                (Endpoint::SetTransferOut, json!({ "subAcct": sub, "canTransOut": on }))
            }
        }
    }

    async fn chain(&mut self, number: u64) {
        // What waited before is over.
        self.world.pass_ms(25 * HOUR_MS);
        self.waiting.clear();
        self.approved.clear();
        let at = self.dice.roll(self.subs.len());
        let (sub, name) = self.subs[at];
        let at = self.dice.roll(self.makers.len());
        let maker = self.makers[at].clone();
        let mut asked: Vec<(Endpoint, Value)> = Vec::new();
        for _ in 0..2 + self.dice.roll(5) {
            let own: Vec<String> = self.own(sub).await;
            let (endpoint, body) = match self.dice.roll(3) {
                // The same again, by the same key or by another.
                0 if !asked.is_empty() => asked[self.dice.roll(asked.len())].clone(),
                _ => self.request(name, number, &own),
            };
            asked.push((endpoint, body.clone()));
            let other = self.dice.roll(5) == 0;
            let who =
                if other { self.makers[self.dice.roll(self.makers.len())].clone() } else { maker.clone() };
            let said = self.ask(&who, endpoint, body).await;
            if said["code"] == "0" {
                *self.met.entry("done").or_default() += 1;
            }
            if self.dice.roll(2) == 0 {
                self.decide().await;
            }
        }
        for key in self.own(sub).await {
            let said = self.ask(&maker, Endpoint::DeleteKey, json!({ "subAcct": name, "apiKey": key })).await;
            assert_eq!(said["code"], "0");
        }
    }

    async fn own(&self, sub: AccountId) -> Vec<String> {
        let rows = self.world.store.reader().keys_of(Scope::All, sub).await.unwrap();
        let living = rows.into_iter().map(Result::unwrap).filter(|key| !key.life.is_over());
        living.map(|key| key.id.to_string()).collect()
    }

    /// Every change by a key that gave more than the key has rests on an approval that a person gave before, and that nothing else
    /// rests on.
    async fn audit(&self) -> (usize, usize) {
        let (mut from, mut approved, mut rested, mut by_keys) = (0, BTreeSet::new(), 0, 0);
        let makers: BTreeMap<String, &Reach> =
            self.every_maker.iter().map(|(id, reach)| (format!("key:{id}"), reach)).collect();
        loop {
            let page = self.world.store.log().records(from).await.unwrap();
            let Some((last, _)) = page.last() else { break };
            from = *last + 1;
            for (_, record) in &page {
                let record: Value = serde_json::from_str(record).unwrap();
                let fact = |name: &str| record["facts"][name].as_str().unwrap_or_default().to_owned();
                let (action, actor) = (record["action"].as_str().unwrap(), record["actor"].as_str().unwrap());
                if action == "transfer.approve" {
                    assert!(actor.starts_with("host:"), "people approve: {record}");
                    approved.extend(fact("approvals").split(',').map(str::to_owned));
                }
                let Some(maker) = makers.get(actor) else { continue };
                by_keys += 1;
                let wider = match action {
                    "key.issue" => {
                        let rights: BTreeSet<String> =
                            fact("permissions").split(',').map(str::to_owned).collect();
                        let beyond = rights.iter().any(|right| !maker.rights.contains(right.as_str()));
                        beyond || !admitted_text(&fact("where")).is_subset(&maker.addresses)
                    }
                    "key.widen" | "key.narrow" => {
                        let moved = fact("where");
                        let (before, after) = moved.split_once(" -> ").unwrap();
                        let grows = !admitted_text(after).is_subset(&admitted_text(before));
                        assert!(action == "key.widen" || !grows, "{record}");
                        action == "key.widen"
                    }
                    "sub_account.loosen" => true,
                    "sub_account.tighten" | "key.delete" | "key.edit" | "transfer.ask" => false,
                    other => panic!("a key may not {other}"),
                };
                let factors = record["factors"].as_str().unwrap_or_default();
                if let Some(id) = factors.strip_prefix("approval ") {
                    assert!(approved.remove(id), "used once, after it was given: {record}");
                    rested += 1;
                } else {
                    assert!(!wider, "nobody approved it: {record}");
                }
            }
        }
        (by_keys, rested)
    }
}

fn spec(number: usize, rights: &str, place: &str, more: (Option<u64>, Option<u64>, &str)) -> KeySpec {
    let (end, rate, limits) = more;
    KeySpec {
        name: KeyName::parse(&format!("maker{number}")).unwrap(),
        permissions: rights.parse().unwrap(),
        binding: bound(place),
        wide: WideRange::NotAcknowledged,
        environment: Environment::Live,
        expires_at: end.map(Moment::from_unix_ms),
        rate_cap: rate.map(|rate| RateCap::new(rate).unwrap()),
        fences: (!limits.is_empty()).then(|| Arc::new(fence::read(limits).unwrap())),
    }
}

#[expect(clippy::disallowed_methods, reason = "how many chains a long run has")]
fn chains_wanted() -> u64 {
    let wanted = std::env::var("KEYWARD_DELEGATION_CHAINS").ok();
    wanted.and_then(|text| text.parse().ok()).unwrap_or(CHAINS)
}

/// A master account with two sub-accounts and the keys that administer them.
async fn family(
    world: &World,
    number: u64,
) -> (AccountId, Vec<(AccountId, &'static str)>, Vec<(KeyId, Reach)>) {
    let host = || world.authority.context(Actor::Host("ops".to_owned()), world.now());
    let email = Email::parse(&format!("master{number}@keyward.example")).unwrap();
    let master = CreateAccount(email).perform(&host(), Proof::None).await.unwrap().id;
    let mut subs = Vec::new();
    for name in ["alpha01", "beta001"] {
        let create = CreateSubAccount { master, name: SubAccountName::parse(name).unwrap(), label: None };
        subs.push((create.perform(&host(), Proof::None).await.unwrap(), name));
    }
    let far = world.now().unix_ms() + 200 * 365 * 24 * HOUR_MS;
    let mut makers = Vec::new();
    for (number, (rights, place, more)) in [
        ("read,manage", "192.0.2.0/24", (None, None, "")),
        ("read,trade,manage", "192.0.2.7", (Some(far), None, "")),
        ("read,trade,funding,manage", "192.0.2.0/25,2001:db8::1", (None, Some(5), "")),
        (
            "read,trade,manage",
            "192.0.2.7,198.51.100.1",
            (Some(far), Some(9), r#"{"instruments":["BTC-USDT"]}"#),
        ),
        ("read,manage", "2001:db8::/64", (None, None, r#"{"daily_orders":5}"#)),
    ]
    .into_iter()
    .enumerate()
    {
        let spec = spec(number, rights, place, more);
        let reach = Reach {
            rights: spec.permissions.iter().map(Permission::word).collect(),
            addresses: admitted(&spec.binding),
            end: spec.expires_at,
            rate: spec.rate_cap,
            fences: spec.fences.clone(),
        };
        let passphrase = Passphrase::parse(&format!("Maker-Pass1!{number}")).unwrap();
        let (tags, idempotency) = (Vec::new(), String::new());
        let wish = IssueKey { account: master, spec, passphrase, tags, replaces: None, idempotency };
        let Outcome::Made(made) = wish.perform(&host(), Proof::None).await.unwrap() else {
            panic!("made before")
        };
        makers.push((made.id, reach));
    }
    (master, subs, makers)
}

#[tokio::test]
async fn no_key_gets_more_than_its_maker_without_an_approval() {
    let chains = chains_wanted();
    let world = World::new().await;
    let (master, subs, makers) = family(&world, 0).await;
    let mut run = Chains {
        world: &world,
        master,
        subs,
        every_maker: makers.clone(),
        makers,
        dice: Dice(0x9e37_79b9_7f4a_7c15),
        seen: BTreeMap::new(),
        waiting: Vec::new(),
        approved: BTreeSet::new(),
        requests: 0,
        met: BTreeMap::new(),
    };
    for number in 0..chains {
        if number > 0 && number % CHAINS_PER_FAMILY == 0 {
            (run.master, run.subs, run.makers) = family(&world, number).await;
            run.every_maker.extend(run.makers.clone());
            run.seen.clear();
        }
        run.chain(number).await;
    }
    let (by_keys, rested) = run.audit().await;
    // A run that meets nothing proves nothing.
    let met = |what: &str| run.met.get(what).copied().unwrap_or_default();
    assert!(met("done") > chains / 2 && met("waits") > chains / 2, "{:?}", run.met);
    assert!(met("wider") > chains / 20 && rested > 0 && by_keys > rested, "{:?} {by_keys} {rested}", run.met);
    println!(
        "{chains} chains, {} requests, {:?}, {by_keys} changes by keys, {rested} of them approved",
        run.requests, run.met
    );
}
