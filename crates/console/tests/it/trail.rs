//! A holder's own trail: nobody else's records, nothing of others in shared ones, and proofs that check.

use axum::body::Body;
use axum::http::{Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_authority::AuditFilter;
use keyward_authority::duties::sweep_keys;
use keyward_authority::questions::search_audit;
use keyward_rules::grant::Actor;
use keyward_rules::log::{Checkpoint, Hash, Origin, SigningKey, check_inclusion};
use keyward_rules::trail::RecordFilter;
use serde_json::{Value, json};

use crate::operators::two_operators;
use crate::tab::Tab;
use crate::world::{HOME, PASSWORD, Person, World, wish};

fn key() -> SigningKey {
    SigningKey::from_seed(Origin::parse("keyward/audit").unwrap(), &[5; 32]).unwrap()
}

/// Signs the log as it stands, as the worker does.
async fn sign(world: &World) {
    let log = world.store.log();
    let size = log.size().await.unwrap();
    let origin = Origin::parse("keyward/audit").unwrap();
    let checkpoint = Checkpoint { origin, size, root: log.root(size).await.unwrap() };
    log.keep_checkpoint(size, &checkpoint.sign(&key()), world.now()).await.unwrap();
}

fn actions(page: &Value) -> Vec<&str> {
    page["records"].as_array().unwrap().iter().map(|one| one["action"].as_str().unwrap()).collect()
}

fn check(proof: &Value) {
    let hash = |value: &Value| Hash::from_base64(value.as_str().unwrap()).unwrap();
    let checkpoint = Checkpoint::open(proof["checkpoint"].as_str().unwrap(), key().verifier()).unwrap();
    let path: Vec<Hash> = proof["path"].as_array().unwrap().iter().map(hash).collect();
    let leaf = hash(&proof["leaf"]);
    check_inclusion(&path, proof["index"].as_u64().unwrap(), leaf, checkpoint.size, checkpoint.root).unwrap();
    if let Some(record) = proof["record"].as_str() {
        assert_eq!(Hash::of_leaf(record.as_bytes()), leaf);
    }
}

#[tokio::test]
async fn a_record_has_a_link_to_its_proof_once_it_is_signed() {
    let world = World::new().await;
    let (officer, _) = two_operators(&world).await;
    let tab = Tab::of(&world, &officer).await;
    let newest = world.store.log().size().await.unwrap();
    for (list, link) in [
        ("/trail", format!("/trail/{newest}/proof")),
        ("/operations/audit", format!("/operations/audit/{newest}/proof")),
    ] {
        let shown = tab.get(list).await.text;
        assert!(!shown.contains("/proof\"") && shown.contains("signed within a minute"), "{list}: {shown}");
        let early = tab.get(&link).await;
        assert!(early.status == 422 && early.headers.get(header::CONTENT_DISPOSITION).is_none(), "{link}");
    }
    sign(&world).await;
    let bot = officer.key("bot").await;
    let after = world.store.log().size().await.unwrap();
    assert!(after > newest && bot["api_key"].is_string());
    for (list, at) in [("/trail", "/trail"), ("/operations/audit", "/operations/audit")] {
        let shown = tab.get(list).await.text;
        assert!(shown.contains("signed within a minute"), "{list}: what came since is not signed yet");
        assert!(
            !shown.contains(&format!("{at}/{after}/proof")) && !shown.contains(" download"),
            "{list}: {shown}"
        );
    }
    sign(&world).await;
    for at in ["/trail", "/operations/audit"] {
        let shown = tab.get(at).await.text;
        assert!(
            shown.contains(&format!("href=\"{at}/{after}/proof\"")) && !shown.contains("within a minute"),
            "{at}"
        );
        let file = tab.get(&format!("{at}/{after}/proof")).await;
        let name = file.headers[header::CONTENT_DISPOSITION].to_str().unwrap();
        assert!(file.status == 200 && name.ends_with(".tlog-proof\""), "{name}");
    }
}

#[tokio::test]
async fn a_holder_sees_and_proves_their_own_records_only() {
    let world = World::new().await;
    let (owner, other) = (world.person("a@keyward.example").await, world.person("b@keyward.example").await);
    let made = owner.key("bot").await;
    let page = owner.get("/trail?limit=2").await.json();
    assert_eq!(actions(&page)[0], "key.issue");
    assert_eq!(page["records"][0]["subject"], format!("key:{}", made["api_key"].as_str().unwrap()));
    let n = page["records"][0]["n"].as_u64().unwrap();
    assert_eq!(page["next"], page["records"][1]["n"]);
    let next = owner.get(&format!("/trail?limit=100&cursor={}", page["next"])).await.json();
    assert!(!actions(&next).is_empty() && next["records"][0]["n"].as_u64().unwrap() < n);

    let path = format!("/trail/{n}/proof");
    let early = owner.get(&path).await;
    assert_eq!((early.status, early.code().as_str()), (409, "not_yet_signed"));
    sign(&world).await;
    let proof = owner.get(&path).await.json();
    check(&proof);
    assert!(proof["record"].as_str().unwrap().contains("key.issue"));

    let theirs = other.get("/trail?limit=100").await;
    assert!(!theirs.text.contains(made["api_key"].as_str().unwrap()) && !theirs.text.contains("a@keyward"));
    for odd in [
        n.to_string().as_str(),
        "0",
        "99999999",
        "18446744073709551615",
        "-1",
        "%2B1",
        "01",
        "x",
        "1e3",
        "%2e%2e",
    ] {
        let answer = other.get(&format!("/trail/{odd}/proof")).await;
        assert_eq!(answer.status, 404, "{odd}: {}", answer.text);
    }
    for odd in ["limit=0", "limit=101", "limit=-1", "cursor=-1", "cursor=x", "account=1"] {
        assert_eq!(owner.get(&format!("/trail?{odd}")).await.status, 422, "{odd}");
    }
    let all = owner.get("/trail?cursor=18446744073709551615&limit=100").await;
    assert_eq!(all.status, 200);
}

#[tokio::test]
async fn what_a_duty_did_for_many_shows_no_other_holder() {
    let world = World::new().await;
    let (one, two) = (world.person("a@keyward.example").await, world.person("b@keyward.example").await);
    let mut ids = Vec::new();
    for person in [&one, &two] {
        let mut loose = wish("loose");
        loose["from"] = json!({"reach": "anywhere"});
        ids.push(person.approved("POST", "/keys", loose).await.field("api_key"));
    }
    world.pass_days(31);
    let context = world.authority.context(Actor::System("sweep"), world.now());
    assert_eq!(sweep_keys(&context).await.unwrap().len(), 2);
    sign(&world).await;
    let one = Person { token: one.sign_in(PASSWORD, None).await.field("token"), ..one };
    let page = one.get("/trail").await;
    let swept =
        page.json()["records"].as_array().unwrap().iter().find(|one| one["action"] == "key.sweep").cloned();
    let swept = swept.expect("the sweep is in the trail");
    assert_eq!(swept["facts"], json!({}), "the list names others' keys");
    assert!(page.text.contains(&ids[0]) && !page.text.contains(&ids[1]));
    let proof = one.get(&format!("/trail/{}/proof", swept["n"])).await.json();
    check(&proof);
    assert_eq!(proof["record"], Value::Null);
}

#[tokio::test]
async fn the_page_lists_and_the_proof_is_a_file() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    person.approved("POST", "/keys", wish("\"><script>alert(1)</script>")).await;
    let cookie = crate::doors::browser(&world, &person).await;
    sign(&world).await;
    let get = |path: &str| {
        let request = Request::builder().uri(path).header(header::COOKIE, &cookie);
        world.send(HOME, request.body(Body::empty()).unwrap())
    };
    let page = get("/trail").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("API key created") && !page.text.contains("<script>alert"), "{}", page.text);
    let n = page.text.split("href=\"/trail/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let proof = get(&format!("/trail/{n}/proof")).await;
    assert_eq!(proof.status, 200, "{}", proof.text);
    let name = proof.headers.get(header::CONTENT_DISPOSITION).unwrap();
    assert_eq!(name, format!("attachment; filename=\"keyward-{n}.tlog-proof\"").as_str());
    let mut lines = proof.text.lines();
    assert_eq!(lines.next(), Some("c2sp.org/tlog-proof@v1"));
    let record = STANDARD.decode(lines.next().unwrap().strip_prefix("extra ").unwrap()).unwrap();
    assert!(String::from_utf8(record).unwrap().contains("\"actor\""));
    assert_eq!(get("/trail/999999/proof").await.status, 404);
    assert_eq!(get("/trail/x/proof").await.status, 404);
}

#[tokio::test]
async fn only_who_sees_all_may_search_and_no_symbol_has_a_meaning() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    for name in ["50% off", "a_b", "axb", "{{x}}"] {
        person.approved("POST", "/keys", wish(name)).await;
    }
    let find = async |actor: Actor, text: &str| {
        let context = world.authority.context(actor, world.now());
        let filter = AuditFilter {
            sought: RecordFilter { text: text.to_owned(), ..RecordFilter::default() },
            ..AuditFilter::default()
        };
        search_audit(&context, &filter, 100).await.map(|found| found.rows.len())
    };
    let host = || Actor::Host("ops".to_owned());
    assert_eq!(find(host(), "% off").await.unwrap(), 1);
    assert_eq!(find(host(), "a_b").await.unwrap(), 1);
    assert_eq!(find(host(), "{{").await.unwrap(), 1);
    assert_eq!(find(host(), "a%b").await.unwrap(), 0);
    assert!(find(Actor::System("ready"), "").await.unwrap() > 4);
    let visitor = keyward_rules::grant::Origin {
        address: HOME.parse().unwrap(),
        device: keyward_rules::person::Device::of("x"),
    };
    assert!(find(Actor::Visitor(visitor), "").await.is_err());
}

/// F76: whoever can write to places of their choice owns the machine, so places are set in the file alone.
#[test]
fn where_checkpoints_go_is_no_part_of_the_api() {
    let document = serde_json::to_value(keyward_console::api::document()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let settable = operation["requestBody"].to_string() + &operation["parameters"].to_string();
            assert!(!settable.contains("checkpoint"), "{method} {path}");
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let members = schema["properties"].as_object().into_iter().flatten();
        let told = members.map(|(member, _)| member.as_str()).filter(|member| member.contains("checkpoint"));
        assert!(name == "TrailProof" || told.count() == 0, "{name}");
    }
}
