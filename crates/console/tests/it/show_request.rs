//! One request with all that was recorded of it: as a page, beside its list, and never of somebody else.

use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::time::Moment;
use keyward_store::Record;

use crate::activity::traffic;
use crate::apps::{bound, in_force, verified};
use crate::operators::{id_of, two_operators};
use crate::tab::Tab;
use crate::world::World;

/// Where the app's servers are, and where somebody else is.
const WITHIN: &str = "198.51.100.77";
const ELSEWHERE: &str = "192.0.2.201";

#[tokio::test]
async fn a_request_opens_as_a_page_and_beside_its_list() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let traffic = traffic(&person, 2).await;
    traffic.append(&world, 24, 60_000).await;
    let (tab, id) = (Tab::of(&world, &person).await, traffic.keys[0]);
    let link = format!("/keys/{id}/requests/23");
    let markup = format!("href=\"{link}\" hx-get=\"{link}\" hx-target=\"#drawer\"");
    for list in [format!("/keys/{id}/activity"), format!("/keys/{id}/live"), "/activity/live".to_owned()] {
        let shown = tab.get(&list).await.text;
        assert_eq!(shown.matches(&markup).count(), 1, "{list}: {shown}");
    }
    let shown = tab.get(&link).await.text;
    let facts = [
        "GET /api/v5/trade/order",
        ">bot 0</a>",
        "203.0.113.1",
        "Wrong address",
        "<code>50110</code>",
        "Call from a bound address",
        "HTTP 200",
        "100 bytes",
        "0.422 ms",
        "00000000000000000000000000000016",
    ];
    for fact in facts {
        assert!(shown.contains(fact), "{fact}: {shown}");
    }
    assert!(shown.contains(&format!("href=\"/keys/{id}/addresses\">Change the addresses</a>")), "{shown}");
    // The key's request before it is two records further back, and there is none after it.
    let before = format!("/keys/{id}/requests/21");
    assert!(shown.contains(&format!("href=\"{before}\">Earlier request</a>")), "{shown}");
    assert!(!shown.contains("Later request") && !shown.contains("#drawer"), "{shown}");
    let beside = tab.part(&link).await.text;
    assert!(!beside.contains("<html") && beside.contains("id=\"drawer-title\""), "{beside}");
    assert!(beside.contains("<form method=\"dialog\">") && beside.contains(&format!("hx-get=\"{before}\"")));
    assert!(beside.contains("203.0.113.1") && beside.contains(" UTC</time>"), "{beside}");
    assert!(tab.get(&before).await.text.contains("Later request"));

    // Of another key of one's own, unknown, or no number at all: there is no such request.
    for wrong in ["24", "0", "-1", "9999", "9223372036854775808", "x"] {
        let missing = tab.get(&format!("/keys/{id}/requests/{wrong}")).await;
        assert!(missing.status == 404 && missing.text.contains("not recorded for this key"), "{wrong}");
    }
    let other = world.person("b@keyward.example").await;
    let other = Tab::of(&world, &other).await;
    for reply in [other.get(&link).await, other.part(&link).await] {
        assert!(reply.status == 404 && !reply.text.contains("203.0.113"), "{}", reply.text);
    }
}

#[tokio::test]
async fn a_request_of_an_apps_key_shows_no_address() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (bob, hal) = (world.person("bob@broker.example").await, world.person("hal@keyward.example").await);
    let app = verified((&ann, &ben), &bob, "Trade Pal").await;
    in_force((&ann, &ben), &bob, (&app, "198.51.100.64/26"), 0).await;
    let key = bound(&hal, &app, "bot").await;
    let (id, account): (KeyId, AccountId) = (key.parse().unwrap(), id_of(&hal).await.parse().unwrap());
    let record = |number: u64| Record {
        at: Moment::from_unix_ms(world.now().unix_ms() - 60_000),
        request: RequestId(u128::from(number)),
        key: Some(id),
        account: Some(account),
        source: if number < 3 { WITHIN } else { ELSEWHERE }.parse().unwrap(),
        method: "GET",
        route: "/api/v5/account/balance",
        code: if number < 3 { "0" } else { "50110" },
        upstream_status: (number < 3).then_some(200),
        bytes_in: 0,
        bytes_out: 100,
        micros: 400,
        orders: None,
    };
    let batch: Vec<Record> = (0..6).map(record).collect();
    world.store.journal().writer().unwrap().append(&[], &[], &batch).await.unwrap();
    world.pass_ms(2_000);
    let tab = Tab::of(&world, &hal).await;
    let (passed, refused) = (format!("/keys/{key}/requests/1"), format!("/keys/{key}/requests/6"));
    assert!(tab.get(&passed).await.text.contains("the app&#39;s servers"));
    let told = tab.get(&refused).await.text;
    assert!(told.contains("elsewhere") && told.contains("ask the app"), "{told}");
    assert!(!told.contains("Change the addresses") && told.contains("was not asked"), "{told}");
    let live = tab.get("/activity/live").await.text;
    assert_eq!(live.matches("<td data-label=\"Verdict\"").count(), 6, "{live}");
    assert!(!live.contains("name=\"source\"") && live.contains("open the live view of one key"), "{live}");
    let paths = [passed, refused, format!("/keys/{key}/live"), "/activity/live".to_owned()];
    for path in &paths {
        for text in [tab.get(path).await.text, tab.part(path).await.text] {
            assert!(!text.contains(WITHIN) && !text.contains(ELSEWHERE), "{path}: {text}");
        }
    }
    // Asked for an address within and for one that is not, the answers are the same.
    let views = [format!("/keys/{key}/live"), format!("/keys/{key}/activity"), "/activity/live".to_owned()];
    for path in views {
        let asked = async |address: &str| {
            let text = tab.get(&format!("{path}?source={address}")).await.text;
            let main = text.split("<main").nth(1).unwrap().split("</main>").next().unwrap();
            main.replace(address, "the address")
        };
        assert_eq!(asked(WITHIN).await, asked(ELSEWHERE).await, "{path}");
    }
}
