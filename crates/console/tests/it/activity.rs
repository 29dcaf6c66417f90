//! Charts and requests of keys: what was appended to the journal shows, nobody else's does, and a month costs little.

use std::time::Instant;

use axum::body::Body;
use axum::http::{Request, header};
use keyward_rules::grant::{Actor, Holder, Origin};
use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::person::{Device, SessionId};
use keyward_rules::time::Moment;
use keyward_store::Record;
use serde_json::Value;

use crate::doors::browser;
use crate::world::{HOME, Person, World, is_pending};

/// What keys of an account did.
pub struct Traffic {
    pub account: AccountId,
    pub keys: Vec<KeyId>,
}

pub async fn traffic(person: &Person<'_>, keys: usize) -> Traffic {
    let account = person.get("/account").await.field("id").parse().unwrap();
    let mut ids = Vec::new();
    for number in 0..keys {
        // Ten codes an hour is the bound of a step-up; sessions last half an hour without use.
        if number % 8 == 7 {
            for _ in 0..3 {
                person.world.pass_ms(25 * 60_000);
                person.get("/account").await;
            }
        }
        ids.push(person.key(&format!("bot {number}")).await["api_key"].as_str().unwrap().parse().unwrap());
    }
    Traffic { account, keys: ids }
}

impl Traffic {
    pub fn record(&self, at: Moment, number: u64) -> Record {
        let pick = |list: &[&'static str]| list[usize::try_from(number / 3).unwrap() % list.len()];
        Record {
            at,
            request: RequestId(u128::from(number)),
            key: Some(self.keys[usize::try_from(number).unwrap() % self.keys.len()]),
            account: Some(self.account),
            source: format!("203.0.113.{}", number % 7).parse().unwrap(),
            method: "GET",
            route: pick(&["/api/v5/account/balance", "/api/v5/trade/order", "/api/v5/trade/orders-pending"]),
            code: if number.is_multiple_of(11) { "50110" } else { "0" },
            upstream_status: Some(200),
            bytes_in: 0,
            bytes_out: 100,
            micros: 400 + number % 9_000,
            orders: None,
        }
    }

    /// So many records, evenly over the time before now; rolled up.
    pub async fn append(&self, world: &World, count: u64, over_ms: u64) {
        let journal = world.store.journal();
        let mut writer = journal.writer().unwrap();
        let began = world.now().unix_ms() - over_ms;
        let mut batch = Vec::new();
        for number in 0..count {
            batch.push(self.record(Moment::from_unix_ms(began + over_ms * number / count), number));
            if batch.len() == 10_000 || number + 1 == count {
                writer.append(&[], &[], &batch).await.unwrap();
                batch.clear();
            }
        }
        world.pass_ms(2_000);
        journal.roll_up(world.now()).await.unwrap();
    }
}

pub async fn page(world: &World, cookie: &str, path: &str) -> String {
    let request = Request::builder().uri(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    let answer = world.send(HOME, request).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.text
}

#[tokio::test]
async fn what_was_appended_shows_once_and_to_its_holder_alone() {
    let world = World::new().await;
    let (person, other) = (world.person("a@keyward.example").await, world.person("b@keyward.example").await);
    let traffic = traffic(&person, 2).await;
    traffic.append(&world, 1_100, 50 * 60_000).await;
    // Rolling up again counts nothing twice.
    world.store.journal().roll_up(world.now()).await.unwrap();
    let id = traffic.keys[0];
    for range in ["hour", "day", "week", "month"] {
        let chart = person.get(&format!("/keys/{id}/chart?range={range}")).await.json();
        let sum =
            |name: &str| chart[name].as_array().unwrap().iter().map(|one| one.as_u64().unwrap()).sum::<u64>();
        assert_eq!((sum("passed"), sum("refused")), (500, 50), "{range}");
        assert_eq!(chart["routes"].as_array().unwrap().len(), 3);
        assert_eq!(chart["sources"].as_array().unwrap().len(), 7);
        let all = person.get(&format!("/account/chart?range={range}")).await.json();
        let passed: u64 = all["passed"].as_array().unwrap().iter().map(|one| one.as_u64().unwrap()).sum();
        assert_eq!(passed, 1_000, "{range}");
        assert!(all["sources"].as_array().unwrap().is_empty());
    }
    for path in [format!("/keys/{id}/chart"), format!("/keys/{id}/requests")] {
        assert_eq!(other.get(&path).await.code(), "no_key");
    }
    let mine = other.get("/account/chart").await.json();
    assert!(mine["verdicts"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn requests_are_found_by_time_verdict_route_and_source() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let traffic = traffic(&person, 1).await;
    traffic.append(&world, 330, 3 * 86_400_000).await;
    let id = traffic.keys[0];
    let found = async |query: &str| -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let answer = person.get(&format!("/keys/{id}/requests?limit=1000{query}{cursor}")).await;
            assert_eq!(answer.status, 200, "{query}: {}", answer.text);
            let page = answer.json();
            all.extend(page["requests"].as_array().unwrap().clone());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    };
    assert_eq!(found("").await.len(), 330);
    assert_eq!(found("&verdict=0").await.len(), 300);
    assert_eq!(found("&verdict=refused").await.len(), 30);
    assert_eq!(found("&verdict=50110").await.len(), 30);
    assert_eq!(found("&verdict=50111").await.len(), 0);
    assert_eq!(found("&route=balance").await.len(), 111);
    for literal in ["%25", "_", "*", "bal%25nce"] {
        assert_eq!(found(&format!("&route={literal}")).await.len(), 0, "{literal}");
    }
    let from_one = found("&source=203.0.113.3").await;
    assert!(from_one.len() > 40 && from_one.iter().all(|one| one["from"] == "203.0.113.3"));
    let day_ago = world.now().unix_ms() - 86_400_000;
    // Page by page, nothing is left out, though many share a moment.
    let (mut paged, mut cursor) = (0, String::new());
    loop {
        let page = person.get(&format!("/keys/{id}/requests?limit=7{cursor}")).await.json();
        paged += page["requests"].as_array().unwrap().len();
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, 330);
    assert_eq!(person.get(&format!("/keys/{id}/requests?cursor=1")).await.code(), "bad_cursor");
    assert_eq!(found("&verdict=%00").await.len() + found("&route=%00").await.len(), 0);
    let last_day = found(&format!("&from_ms={day_ago}")).await;
    assert!((108..=112).contains(&last_day.len()), "{}", last_day.len());
    assert!(last_day.windows(2).all(|pair| pair[0]["at_ms"].as_u64() >= pair[1]["at_ms"].as_u64()));
    assert_eq!(person.get(&format!("/keys/{id}/requests?source=nowhere")).await.code(), "bad_query");
    // One search walks so far and says where it stopped; the page leads on from there.
    let first = person.get(&format!("/keys/{id}/requests?limit=1000")).await.json();
    assert!(first["requests"].as_array().unwrap().len() < 330 && first["next"].is_string());
    // The pages say the same, and an export takes the same terms.
    let cookie = browser(&world, &person).await;
    let shown =
        page(&world, &cookie, &format!("/keys/{id}/activity?range=week&verdict=50110&route=%3Cscript%3E"))
            .await;
    assert!(shown.contains("No request matches") && !shown.contains("<script>\""));
    // The search is said in words, and another range keeps it.
    let said = "Requests with the verdict “Wrong address (50110)” to routes with “&#60;script&#62;” in the last 31 days";
    assert!(shown.contains(said), "{shown}");
    for range in ["hour", "day", "week", "month"] {
        let tab =
            format!("href=\"/keys/{id}/activity?range={range}&#38;verdict=50110&#38;route=%3Cscript%3E\"");
        assert!(shown.contains(&tab), "{range}: {shown}");
    }
    assert!(shown.contains("<option value=\"50110\" selected>"), "{shown}");
    let cut = page(&world, &cookie, &format!("/keys/{id}/activity?verdict=50111")).await;
    assert!(cut.contains("Searched ") && cut.contains("Continue the search"));
    let csv = page(&world, &cookie, &format!("/keys/{id}/activity/export?format=csv&verdict=refused")).await;
    assert_eq!(csv.lines().count(), 31);
    let lines =
        page(&world, &cookie, &format!("/keys/{id}/activity/export?format=jsonl&verdict=refused")).await;
    assert_eq!(lines.lines().count(), 30);
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).unwrap()["code"] == "50110"));
    // A refusal is named, with what it means and what to do about it.
    let refused = page(&world, &cookie, &format!("/keys/{id}/activity?verdict=50110")).await;
    let changes = format!("href=\"/keys/{id}/addresses\"");
    assert!(refused.contains(">Wrong address<") && refused.contains(&changes), "{refused}");
    let tail = page(&world, &cookie, &format!("/keys/{id}/live?fragment=tail")).await;
    assert!(tail.matches("<tr>").count() == 50 && !tail.contains("<html"));
}

#[tokio::test]
async fn two_searches_at_a_time_and_a_client_that_leaves_ends_its_own() {
    let world = World::new().await;
    let (person, other) = (world.person("a@keyward.example").await, world.person("b@keyward.example").await);
    let (traffic, theirs) = (traffic(&person, 1).await, traffic(&other, 1).await);
    traffic.append(&world, 33, 60_000).await;
    let cookie = browser(&world, &person).await;
    let (id, searches) = (traffic.keys[0], &world.authority.searches);
    let holder = Actor::Holder(Holder {
        acting: None,
        account: traffic.account,
        session: SessionId::from_entropy([1; 16]),
        device_since: keyward_rules::time::Moment::EPOCH,
        origin: Origin { address: HOME.parse().unwrap(), device: Device::of("tests") },
    });
    let path = format!("/keys/{id}/requests");
    let (one, two) = (searches.begin(&holder).unwrap(), searches.begin(&holder).unwrap());
    let refused = person.get(&path).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "searching"));
    for path in [format!("/keys/{id}/activity"), format!("/keys/{id}/activity/export?format=csv")] {
        let request =
            Request::builder().uri(&path).header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
        let answer = world.send(HOME, request).await;
        assert_eq!(answer.status, 429, "{path}");
        assert!(answer.text.contains("Another search of yours is still running"), "{}", answer.text);
    }
    page(&world, &cookie, &format!("/keys/{id}/live?fragment=tail&after=0")).await;
    assert_eq!(other.get(&format!("/keys/{}/requests", theirs.keys[0])).await.status, 200);
    drop(one);
    assert_eq!(person.get(&path).await.status, 200);
    drop(two);
    assert_eq!(searches.under_way(), 0);
    // Dropped in the middle, as it is when a client closes its connection. A search may end before it is seen.
    let mut seen = false;
    for _ in 0..100 {
        let mut search = Box::pin(person.get(&path));
        while searches.under_way() == 0 && is_pending(&mut search).await {
            tokio::task::yield_now().await;
        }
        seen = searches.under_way() == 1;
        drop(search);
        assert_eq!(searches.under_way(), 0);
        if seen {
            break;
        }
    }
    assert!(seen, "no search was under way when it was dropped");
}

#[tokio::test]
async fn who_watches_asks_for_what_is_new_alone() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let traffic = traffic(&person, 1).await;
    traffic.append(&world, 60, 60_000).await;
    let (cookie, id) = (browser(&world, &person).await, traffic.keys[0]);
    let after = |text: &str| -> i64 {
        let cursor = text.split("after=").nth(1).expect("a cursor");
        cursor.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
    };
    let first = page(&world, &cookie, &format!("/keys/{id}/live?verdict=")).await;
    assert_eq!((first.matches("<td data-label=\"Verdict\"").count(), after(&first)), (50, 60));
    let tail = |after: i64, terms: &str| format!("/keys/{id}/live?fragment=tail&after={after}{terms}");
    let look = async |path: String| {
        let request =
            Request::builder().uri(path).header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
        world.send(HOME, request).await
    };
    assert_eq!(look(tail(60, "")).await.status, 204, "nothing new");
    // One took long: it is recorded now, with a moment before all that was seen.
    let late = traffic.record(Moment::from_unix_ms(world.now().unix_ms() - 3_600_000), 11);
    let fresh = [traffic.record(world.now(), 1), late, traffic.record(world.now(), 2)];
    world.store.journal().writer().unwrap().append(&[], &[], &fresh).await.unwrap();
    let newer = look(tail(60, "")).await;
    assert_eq!(
        (newer.status, newer.text.matches("<td data-label=\"Verdict\"").count(), after(&newer.text)),
        (200, 3, 63)
    );
    assert!(newer.text.starts_with("<tr class=\"look\"") && newer.text.contains("every 2s"));
    assert_eq!(look(tail(63, "")).await.status, 204);
    let refused = look(tail(60, "&verdict=refused")).await;
    assert_eq!(refused.text.matches("<td data-label=\"Verdict\"").count(), 1);
    assert!(refused.text.contains("verdict=refused"), "it goes on with the same terms");
    // Without JavaScript the same is a link to a page.
    let plain = page(&world, &cookie, &format!("/keys/{id}/live?after=60")).await;
    assert_eq!((plain.matches("<td data-label=\"Verdict\"").count(), after(&plain)), (3, 63));
    assert!(plain.contains("<html") && plain.contains(">Newer</a>"));
    // More than fits says so.
    let many: Vec<Record> = (0..70).map(|number| traffic.record(world.now(), number)).collect();
    world.store.journal().writer().unwrap().append(&[], &[], &many).await.unwrap();
    let full = look(tail(63, "")).await;
    assert!(full.text.contains("than fit here") && after(&full.text) == 133);
    assert_eq!(look(tail(i64::MAX, "")).await.status, 200, "a cursor from nowhere begins at the newest");
}

/// The figures of docs/PERFORMANCE.md: `cargo test --release -p keyward-console --test it -- --ignored --nocapture figures`.
/// `KEYWARD_RECORDS` says how many records there are; a million without it.
#[tokio::test]
#[ignore = "writes millions of records; prints figures and asserts none"]
#[expect(clippy::disallowed_methods, reason = "a figure of time is what it is for")]
async fn figures_of_a_month_with_many_records() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let traffic = traffic(&person, 50).await;
    let records = std::env::var("KEYWARD_RECORDS").ok().and_then(|count| count.parse().ok());
    let records = records.unwrap_or(1_000_000);
    traffic.append(&world, records, 30 * 86_400_000).await;
    let person =
        Person { token: person.sign_in(crate::world::PASSWORD, None).await.field("token"), ..person.clone() };
    let cookie = browser(&world, &person).await;
    let id = traffic.keys[0];
    for path in [
        "/keys".to_owned(),
        format!("/keys/{id}"),
        format!("/keys/{id}/live"),
        format!("/keys/{id}/requests/{}", records - 49),
        "/activity/live".to_owned(),
        format!("/keys/{id}/activity?range=hour"),
        format!("/keys/{id}/activity?range=month"),
        format!("/keys/{id}/activity?range=month&verdict=50110"),
        format!("/keys/{id}/activity?range=month&verdict=50111"),
        "/activity?range=month".to_owned(),
    ] {
        let mut times = Vec::new();
        for _ in 0..21 {
            let began = Instant::now();
            page(&world, &cookie, &path).await;
            times.push(began.elapsed());
        }
        times.sort();
        println!("{path}: median {:?}, slowest {:?}", times[10], times[20]);
    }
}
