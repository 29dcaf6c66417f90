//! OKX's endpoints for sub-accounts, as a gateway hands them over: who may still ask, what is never shown, what is never mixed.

use bytes::Bytes;
use keyward_api::sub_accounts::EndpointCall;
use keyward_authority::Action as _;
use keyward_authority::approvals::{ApprovalSet, ApproveRequests};
use keyward_authority::keys::{DisableKey, EnableKey, IssueKey, KeyNamed, Outcome};
use keyward_authority::sub_accounts::{CapChange, ChangeSubAccountCap, CreateSubAccount};
use keyward_console::okx::answer;
use keyward_rules::account::SubAccountName;
use keyward_rules::address::{AddressSet, Binding, HostBits};
use keyward_rules::grant::{Actor, Proof};
use keyward_rules::id::{AccountId, ApprovalId, KeyId, RequestId};
use keyward_rules::key::{Environment, KeyName, KeySpec, Passphrase, SubAccountCap, TransfersOut, WideRange};
use keyward_rules::okx::sub_accounts::Endpoint;
use serde_json::{Value, json};

use crate::operators::id_of;
use crate::world::{HOME, PASSWORD, Person, World};

macro_rules! on_both {
    ($($part:ident),+) => {
        mod sqlite { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::new().await).await; })+ }
        mod postgres { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::postgres().await).await; })+ }
    };
}

on_both!(a_change_is_made_once_with_its_approval);

/// A master with a key that administers, and a sub-account.
struct Desk {
    world: World,
    /// What the master's first device knows, and their authenticator's secret.
    device: (String, String),
    master: AccountId,
    sub: AccountId,
    key: KeyId,
    environment: Environment,
}

fn spec(name: &str, rights: &str, environment: Environment) -> KeySpec {
    KeySpec {
        name: KeyName::parse(name).unwrap(),
        permissions: rights.parse().unwrap(),
        binding: Binding::Addresses(AddressSet::parse("192.0.2.7", HostBits::Refuse).unwrap()),
        wide: WideRange::NotAcknowledged,
        environment,
        expires_at: None,
        rate_cap: None,
        fences: None,
    }
}

impl Desk {
    async fn of(world: World, email: &str, environment: Environment) -> Self {
        let person = world.person(email).await;
        let master: AccountId = id_of(&person).await.parse().unwrap();
        world.pass_days(2);
        let context = world.authority.context(Actor::Host("ops".to_owned()), world.now());
        let create =
            CreateSubAccount { master, name: SubAccountName::parse("alpha01").unwrap(), label: None };
        let sub = create.perform(&context, Proof::None).await.unwrap();
        let device = (person.device.clone(), person.secret.clone());
        let mut desk = Self { device, master, sub, key: KeyId::from_entropy([0; 16]), environment, world };
        desk.key = desk.issue(master, spec("maker", "read,trade,manage", environment)).await;
        desk
    }

    async fn issue(&self, account: AccountId, spec: KeySpec) -> KeyId {
        let passphrase = Passphrase::parse(&format!("Desk-Pass1!{}", spec.name)).unwrap();
        let (tags, idempotency) = (Vec::new(), String::new());
        let wish = IssueKey { account, spec, passphrase, tags, replaces: None, idempotency };
        let context = self.world.authority.context(Actor::Host("ops".to_owned()), self.world.now());
        let Outcome::Made(made) = wish.perform(&context, Proof::None).await.unwrap() else {
            panic!("made before")
        };
        made.id
    }

    async fn ask(&self, endpoint: Endpoint, what: &Value) -> Value {
        let (target, body) = match what.as_str() {
            Some(query) => (format!("/x?{query}"), String::new()),
            None => ("/x".to_owned(), what.to_string()),
        };
        let call = EndpointCall {
            request: RequestId(7),
            key: self.key,
            account: self.master,
            environment: self.environment,
            source: "192.0.2.7".parse().unwrap(),
            agent: "tests/1".to_owned(),
            endpoint,
            target: Bytes::from(target),
            body: Bytes::from(body),
        };
        let reply = answer(&self.world.authority, &call, self.world.now()).await;
        let said: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(said["code"], reply.code);
        said
    }

    async fn code(&self, endpoint: Endpoint, what: &Value) -> String {
        self.ask(endpoint, what).await["code"].as_str().unwrap().to_owned()
    }

    async fn approve(&self, said: &Value) {
        let id: ApprovalId = said["data"][0]["approvalId"].as_str().unwrap().parse().unwrap();
        let context = self.world.authority.context(Actor::Host("ops".to_owned()), self.world.now());
        ApproveRequests(ApprovalSet::new([id]).unwrap()).perform(&context, Proof::None).await.unwrap();
    }

    /// The master, signed in on a device that is known, or on another one.
    async fn signed_in(&self, device: Option<&str>) -> Person<'_> {
        let person = Person {
            world: &self.world,
            email: "master@keyward.example".to_owned(),
            token: String::new(),
            device: String::new(),
            from: HOME.to_owned(),
            secret: self.device.1.clone(),
            recovery: Vec::new(),
            acting: String::new(),
        };
        let reply = person.sign_in(PASSWORD, device).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        Person { token: reply.field("token"), ..person }
    }

    async fn listed(&self) -> Vec<String> {
        let said = self.ask(Endpoint::ListKeys, &json!("subAcct=alpha01")).await;
        let label = |key: &Value| key["label"].as_str().unwrap().to_owned();
        said["data"].as_array().unwrap().iter().map(label).collect()
    }
}

fn wish(label: &str, ip: &str) -> Value {
    json!({ "subAcct": "alpha01", "label": label, "passphrase": format!("Desk-Pass1!{label}"), "ip": ip })
}

async fn a_change_is_made_once_with_its_approval(world: World) {
    let desk = Desk::of(world, "master@keyward.example", Environment::Live).await;
    let asked = wish("bot", "192.0.2.8");
    let said = desk.ask(Endpoint::CreateKey, &asked).await;
    assert_eq!(said["code"], "90450");
    let mails = desk.world.mails("master@keyward.example").await;
    let mail = mails.iter().find(|mail| mail.contains("A request waits for your approval")).unwrap();
    assert!(mail.contains("bot") && mail.contains("192.0.2.8") && mail.contains("alpha01"), "{mail}");
    assert!(!mail.contains("Desk-Pass1"), "{mail}");
    desk.approve(&said).await;
    // Ten at the same time: one key is made.
    let all = futures_util::future::join_all((0..10).map(|_| desk.ask(Endpoint::CreateKey, &asked))).await;
    let done = all.iter().filter(|said| said["code"] == "0").count();
    assert_eq!((done, desk.listed().await), (1, vec!["bot".to_owned()]), "{all:?}");
}

/// The key is looked at in the transaction of each change: what the gateway saw may be over.
#[tokio::test]
async fn a_key_that_lost_its_right_changes_nothing() {
    let desk = Desk::of(World::new().await, "master@keyward.example", Environment::Live).await;
    let approved = desk.ask(Endpoint::CreateKey, &wish("later", "192.0.2.8")).await;
    desk.approve(&approved).await;
    let context = || desk.world.authority.context(Actor::Host("ops".to_owned()), desk.world.now());
    DisableKey(KeyNamed::by_id(desk.key)).perform(&context(), Proof::None).await.unwrap();
    for (endpoint, body) in [
        (Endpoint::CreateKey, wish("now", "192.0.2.7")),
        (Endpoint::CreateKey, wish("later", "192.0.2.8")),
        (Endpoint::CreateKey, wish("waits", "")),
        (Endpoint::CreateSubAccount, json!({ "subAcct": "beta001", "type": "1" })),
        (Endpoint::SetTransferOut, json!({ "subAcct": "alpha01", "canTransOut": true })),
    ] {
        assert_eq!(desk.code(endpoint, &body).await, "50100", "{body}");
    }
    assert!(desk.listed().await.is_empty());
    // It was not used up by what did not happen.
    EnableKey(desk.key).perform(&context(), Proof::None).await.unwrap();
    assert_eq!(desk.code(Endpoint::CreateKey, &wish("later", "192.0.2.8")).await, "0");
}

#[tokio::test]
async fn canaries_and_keys_of_the_other_environment_are_not_there() {
    let desk = Desk::of(World::new().await, "master@keyward.example", Environment::Live).await;
    let canary = KeySpec { binding: Binding::Canary, ..spec("canary", "read", Environment::Live) };
    let canary = desk.issue(desk.sub, canary).await;
    let demo = desk.issue(desk.sub, spec("demo", "read", Environment::Demo)).await;
    let live = desk.issue(desk.sub, spec("live", "read", Environment::Live)).await;
    assert_eq!(desk.listed().await, ["live"]);
    for hidden in [canary, demo] {
        let body = json!({ "subAcct": "alpha01", "apiKey": hidden.to_string(), "label": "x" });
        assert_eq!(desk.code(Endpoint::ModifyKey, &body).await, "59506");
        assert_eq!(desk.code(Endpoint::DeleteKey, &body).await, "59506");
    }
    let body = json!({ "subAcct": "alpha01", "apiKey": live.to_string() });
    assert_eq!(desk.code(Endpoint::DeleteKey, &body).await, "0");
}

#[tokio::test]
async fn a_demo_key_makes_demo_keys() {
    let desk = Desk::of(World::new().await, "master@keyward.example", Environment::Demo).await;
    let said = desk.ask(Endpoint::CreateKey, &wish("bot", "192.0.2.7")).await;
    let id: KeyId = said["data"][0]["apiKey"].as_str().unwrap().parse().unwrap();
    let made = desk.world.store.reader().key(keyward_rules::grant::Scope::All, id).await.unwrap().unwrap();
    assert_eq!((made.environment, made.account), (Environment::Demo, desk.sub));
}

/// Another master's sub-account of the same name is another one.
#[tokio::test]
async fn a_key_reaches_its_own_masters_sub_accounts_alone() {
    let desk = Desk::of(World::new().await, "master@keyward.example", Environment::Live).await;
    let key = desk.issue(desk.sub, spec("bot", "read", Environment::Live)).await;
    let other = Desk::of(desk.world.second_node().await, "other@keyward.example", Environment::Live).await;
    assert!(other.listed().await.is_empty());
    let body = json!({ "subAcct": "alpha01", "apiKey": key.to_string() });
    assert_eq!(other.code(Endpoint::DeleteKey, &body).await, "59506");
    assert_eq!(desk.listed().await, ["bot"]);
}

/// What a key would get by an approval, it would not get on a device that is new (threat F2).
#[tokio::test]
async fn a_change_is_not_approved_on_a_new_device() {
    let desk = Desk::of(World::new().await, "master@keyward.example", Environment::Live).await;
    let said = desk.ask(Endpoint::CreateKey, &wish("bot", "192.0.2.8")).await;
    let body = json!({"approvals": [said["data"][0]["approvalId"]]});
    let new = desk.signed_in(None).await;
    let refused = new.approved("POST", "/approvals/approve", body.clone()).await;
    assert_eq!((refused.status, refused.code()), (409, "new_device".to_owned()), "{}", refused.text);
    assert_eq!(desk.code(Endpoint::CreateKey, &wish("bot", "192.0.2.8")).await, "90450");
    let known = desk.signed_in(Some(&desk.device.0)).await;
    assert_eq!(known.approved("POST", "/approvals/approve", body).await.status, 200);
    assert_eq!(desk.code(Endpoint::CreateKey, &wish("bot", "192.0.2.8")).await, "0");
}

/// What the master decided meanwhile stays decided: an approval of transfers gives nothing else back.
#[tokio::test]
async fn an_approval_of_transfers_changes_transfers_alone() {
    let desk = Desk::of(World::new().await, "master@keyward.example", Environment::Live).await;
    let on = json!({ "subAcct": "alpha01", "canTransOut": true });
    let said = desk.ask(Endpoint::SetTransferOut, &on).await;
    assert_eq!(said["code"], "90450");
    desk.approve(&said).await;
    let context = desk.world.authority.context(Actor::Host("ops".to_owned()), desk.world.now());
    let less = ChangeSubAccountCap { account: desk.sub, to: CapChange::Whole(SubAccountCap::narrowest()) };
    less.perform(&context, Proof::None).await.unwrap();
    assert_eq!(desk.code(Endpoint::SetTransferOut, &on).await, "0");
    let cap = desk.world.store.reader().sub_account_settings(desk.sub).await.unwrap().cap;
    assert_eq!(cap, SubAccountCap::narrowest().transfers_to(TransfersOut::ToSubAccounts));
}
