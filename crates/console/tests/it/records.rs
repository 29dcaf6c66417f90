//! Records as people read them, on the pages: names of one's own things and of nobody else's, days, filters.

use keyward_authority::Action as _;
use keyward_authority::duties::sweep_keys;
use keyward_authority::keys::{IssueKey, Outcome};
use keyward_authority::sub_accounts::CreateSubAccount;
use keyward_rules::account::SubAccountName;
use keyward_rules::address::{AddressSet, Binding, HostBits};
use keyward_rules::grant::{Actor, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::key::{Environment, KeyName, KeySpec, Passphrase, WideRange};
use serde_json::json;

use crate::operators::{id_of, two_operators};
use crate::tab::Tab;
use crate::world::{PASSWORD, Person, World, wish};

async fn key(person: &Person<'_>, name: &str) -> String {
    person.key(name).await["api_key"].as_str().unwrap().to_owned()
}

/// A key of a new sub-account, made at the host.
async fn key_of_a_sub_account(world: &World, master: AccountId, name: &str) -> String {
    let context = world.authority.context(Actor::Host("ops".to_owned()), world.now());
    let create = CreateSubAccount { master, name: SubAccountName::parse("trading1").unwrap(), label: None };
    let account = create.perform(&context, Proof::None).await.unwrap();
    let spec = KeySpec {
        name: KeyName::parse(name).unwrap(),
        permissions: "read,trade".parse().unwrap(),
        binding: Binding::Addresses(AddressSet::parse("192.0.2.7", HostBits::Refuse).unwrap()),
        wide: WideRange::NotAcknowledged,
        environment: Environment::Live,
        expires_at: None,
        rate_cap: None,
        fences: None,
    };
    let passphrase = Passphrase::parse("Aa1!sub-pass").unwrap();
    let wish =
        IssueKey { account, spec, passphrase, tags: Vec::new(), replaces: None, idempotency: String::new() };
    match wish.perform(&context, Proof::None).await.unwrap() {
        Outcome::Made(issued) => issued.id.to_string(),
        Outcome::MadeBefore(_) => panic!("nothing was made before"),
    }
}

/// How many records a page shows.
fn shown(text: &str) -> usize {
    text.matches("<dt>Record</dt>").count()
}

#[tokio::test]
async fn a_holder_reads_the_names_of_their_own_keys_only() {
    let world = World::new().await;
    let owner = world.person("a@keyward.example").await;
    let own = key(&owner, "TradingBot").await;
    let sub = key_of_a_sub_account(&world, id_of(&owner).await.parse().unwrap(), "SubBot").await;
    let page = Tab::of(&world, &owner).await.get("/trail").await.text;
    let sentence = format!("You created the API key <a href=\"/keys/{own}\">TradingBot</a>");
    assert!(page.contains(&sentence), "{page}");
    assert!(page.contains(&format!("<code class=\"soft\">{}</code>", &own[..8])));
    assert!(page.contains("<dt>permissions</dt><dd>read, trade</dd>"), "{page}");
    assert!(
        page.contains("<dt>addresses</dt><dd>127.0.0.1, ::1</dd>")
            && page.contains("<dt>account</dt><dd>you</dd>")
    );
    // The sub-account's key stands there by its id. Its name is in the fact of its own record, and nowhere else.
    assert!(page.contains(&format!(
        "An operator (ops) created the API key <span class=\"mono\">{}…</span>",
        &sub[..8]
    )));
    assert_eq!(page.matches("SubBot").count(), 1, "{page}");
    assert!(!page.contains(&format!("href=\"/keys/{sub}\"")));
}

#[tokio::test]
async fn operators_read_addresses_and_in_their_own_list_no_name_of_a_stranger() {
    let world = World::new().await;
    let (ann, _) = two_operators(&world).await;
    let (bob, eve) = (world.person("bob@keyward.example").await, world.person("eve@keyward.example").await);
    let frozen = key(&bob, "Bobs Bot").await;
    key(&eve, "Eves Bot").await;
    let body = json!({"why": "drill", "factor": PASSWORD});
    assert_eq!(ann.api("POST", &format!("/operations/keys/{frozen}/freeze"), body).await.status, 204);
    let tab = Tab::of(&world, &ann).await;
    let all = tab.get("/operations/audit").await.text;
    let who =
        format!("<a href=\"/operations/accounts/{}\">ann@keyward.example (operator)</a>", id_of(&ann).await);
    let what = format!("froze <a href=\"/operations/keys/{frozen}\">Bobs Bot</a>");
    assert!(all.contains(&format!("{who} {what}")), "{all}");
    assert!(all.contains("bob@keyward.example</a> created the API key") && all.contains("Eves Bot"));
    let own = tab.get("/trail").await.text;
    assert!(
        own.contains(&format!(
            "You (as an operator) froze <span class=\"mono\">key {}…</span>",
            &frozen[..8]
        )),
        "{own}"
    );
    assert!(!own.contains("Bobs Bot") && !own.contains(&bob.email));
    // By address, and no longer by number only.
    let of_bob = tab.get("/operations/audit?account=bob%40keyward.example").await.text;
    assert!(of_bob.contains("Bobs Bot") && !of_bob.contains("Eves Bot"), "{of_bob}");
    let number = tab.get(&format!("/operations/audit?account={}", id_of(&bob).await)).await.text;
    assert_eq!(shown(&number), shown(&of_bob));
    let unknown = tab.get("/operations/audit?account=nobody%40keyward.example").await;
    assert!(unknown.status == 422 && unknown.text.contains("There is no such account"), "{}", unknown.text);
    let apps = tab.get("/operations/audit?kind=apps").await.text;
    assert!(
        apps.contains("No record matches.") && apps.contains("<option value=\"apps\" selected>"),
        "{apps}"
    );
}

#[tokio::test]
async fn records_and_alerts_stand_under_their_days() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    key(&person, "TradingBot").await;
    for heading in ["<h2>Today</h2>", "<h2>Yesterday</h2>", "<h2>Friday 15 January 2027</h2>"] {
        let person = person.sign_in_again().await;
        let tab = Tab::of(&world, &person).await;
        for (path, row) in [("/trail", "created the API key"), ("/alerts", "An API key was created")] {
            let page = tab.get(path).await.text;
            let (at, row) = (page.find(heading), page.find(row).unwrap());
            let at = at.unwrap_or_else(|| panic!("{path}: {heading} is not in {page}"));
            let next = page[at + 1..].find("<h2>").map_or(page.len(), |next| at + 1 + next);
            assert!(at < row && row < next, "{path}: {heading}");
            assert!(page.contains("Days and times are in UTC."));
        }
        world.pass_days(1);
    }
}

#[tokio::test]
async fn filters_find_what_they_say() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (one, two) = (key(&person, "One").await, key(&person, "Two").await);
    let tab = Tab::of(&world, &person).await;
    let find = async |query: &str| tab.get(&format!("/trail?{query}")).await.text;
    let keys = find("kind=keys").await;
    assert_eq!(shown(&keys), 2, "{keys}");
    assert!(keys.contains("<option value=\"keys\" selected>") && !keys.contains(">Signed in"));
    let sessions = find("kind=sign-in").await;
    assert!(sessions.contains("Signed in") && !sessions.contains("You created the API key"), "{sessions}");
    let first = find(&format!("key={one}")).await;
    assert_eq!(shown(&first), 1);
    assert!(first.contains(&format!("/keys/{one}\">One</a>")) && !first.contains(&format!("/keys/{two}\">")));
    assert_eq!(shown(&find("q=key+CREATED").await), 2, "titles are searched");
    assert_eq!(shown(&find(&format!("q=created&kind=keys&key={two}")).await), 1);
    assert!(find("q=nothing+of+the+kind").await.contains("No record matches."));
    assert!(find("kind=apps").await.contains("No record matches."));
    assert_eq!(tab.get("/trail?key=nonsense").await.status, 404);
}

#[tokio::test]
async fn older_records_keep_the_filter() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let id = key(&person, "bot").await;
    for number in 0..60 {
        let renamed =
            person.api("PATCH", &format!("/keys/{id}"), json!({"name": format!("bot {number}")})).await;
        assert!((200..300).contains(&renamed.status), "{}", renamed.text);
    }
    let tab = Tab::of(&world, &person).await;
    let first = tab.get("/trail?kind=keys").await.text;
    assert_eq!(shown(&first), 50);
    let link = first.split("class=\"button\" href=\"/trail?").nth(1).unwrap().split('"').next().unwrap();
    let link = link.replace("&#38;", "&");
    assert!(link.starts_with("before=") && link.ends_with("&kind=keys"), "{link}");
    let rest = tab.get(&format!("/trail?{link}")).await.text;
    assert_eq!(shown(&rest), 11, "{rest}");
    assert!(rest.contains("You created the API key") && !rest.contains("Signed in"));
    assert!(!rest.contains(">Older</a>"), "there is nothing older");
    assert!(rest.contains("bot 0 → bot 1"), "before and after");
    let officers = two_operators(&world).await;
    let audit = Tab::of(&world, &officers.0).await.get("/operations/audit?kind=keys&q=bot").await.text;
    assert!(audit.contains("&#38;kind=keys") && audit.contains("q=bot&#38;kind=keys"), "{audit}");
}

#[tokio::test]
async fn what_is_withheld_is_not_found_either() {
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
    let one = one.sign_in_again().await;
    let tab = Tab::of(&world, &one).await;
    let all = tab.get("/trail").await.text;
    assert!(all.contains("Keyward ended API keys") && !all.contains(&ids[1]), "{all}");
    assert!(tab.get(&format!("/trail?q={}", ids[1])).await.text.contains("No record matches."));
    assert!(tab.get(&format!("/trail?key={}", ids[1])).await.text.contains("No record matches."));
    assert_eq!(shown(&tab.get(&format!("/trail?key={}", ids[0])).await.text), 1, "its making");
}
