//! The rules on keys (product.md 3), by the API that is the pages' twin.

use keyward_rules::policy::Policy;
use serde_json::{Value, json};

use crate::tab::Tab;
use crate::world::{PASSPHRASE, Person, World, wish};

#[tokio::test]
async fn the_51st_key_is_refused_and_a_deleted_one_makes_room() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (mut person, mut first) = (person, Value::Null);
    for number in 0..50 {
        // Challenges are ten an hour, and the authenticator's was one of them.
        if number % 9 == 0 {
            world.pass_ms(3_600_000);
            person.token = signed_in_again(&person).await;
        }
        let key = person.key(&format!("bot {number}")).await;
        if number == 0 {
            first = key;
        }
    }
    let refused = person.api("POST", "/keys", wish("one too many")).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "too_many_keys"));
    let path = format!("/keys/{}", first["api_key"].as_str().unwrap());
    let deleted =
        person.api("DELETE", &path, json!({"name": "bot 0", "factor": crate::world::PASSWORD})).await;
    assert_eq!(deleted.status, 200, "{}", deleted.text);
    person.key("room again").await;
}

/// 50 keys take longer than one session lasts.
async fn signed_in_again(person: &crate::world::Person<'_>) -> String {
    person.sign_in(crate::world::PASSWORD, Some(&person.device)).await.field("token")
}

#[tokio::test]
async fn at_most_20_addresses_after_merging() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let with = |count: u32| {
        let list: Vec<String> = (0..count).map(|number| format!("192.0.2.{}", number * 2)).collect();
        let mut body = wish("bot");
        body["from"]["addresses"] = json!(list);
        body
    };
    let refused = person.api("POST", "/keys", with(21)).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "bad_addresses"));
    assert_eq!(person.approved("POST", "/keys", with(20)).await.status, 201);
}

#[tokio::test]
async fn names_are_unique_and_case_tells_them_apart() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    person.key("TradingBot").await;
    let refused = person.api("POST", "/keys", wish("TradingBot")).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "name_taken"));
    person.key("tradingbot").await;
    for bad in ["", " ", " x", "a\u{202e}b", "a\u{200b}b", &"x".repeat(51)] {
        let refused = person.api("POST", "/keys", wish(bad)).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "bad_name"), "{bad:?}");
    }
}

/// Names as keyboards, file systems and pickers of emoji write them, and as they are kept.
const WRITTEN: [(&str, &str); 20] = [
    ("Zu\u{308}rich bot", "Z\u{fc}rich bot"),
    ("cafe\u{301}", "caf\u{e9}"),
    ("A\u{30a}ngstro\u{308}m", "\u{c5}ngstr\u{f6}m"),
    ("Z\u{307}o\u{301}\u{142}w", "\u{17b}\u{f3}\u{142}w"),
    ("n\u{303}andu\u{301}", "\u{f1}and\u{fa}"),
    ("C\u{327}elik", "\u{c7}elik"),
    ("\u{415}\u{308}\u{43b}\u{43a}\u{430}", "\u{401}\u{43b}\u{43a}\u{430}"),
    ("\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}", "\u{d55c}\u{ad6d}"),
    ("\u{30ab}\u{3099}\u{30ad}\u{3099}", "\u{30ac}\u{30ae}"),
    ("giao di\u{323}ch", "giao d\u{1ecb}ch"),
    ("u\u{308}\u{304}", "\u{1d6}"),
    ("می\u{200c}خواهم", "می\u{200c}خواهم"),
    ("क\u{94d}\u{200d}ष", "क\u{94d}\u{200d}ष"),
    ("क\u{94d}\u{200c}ष", "क\u{94d}\u{200c}ष"),
    ("👨\u{200d}👩\u{200d}👧 fund", "👨\u{200d}👩\u{200d}👧 fund"),
    ("🏳\u{fe0f}\u{200d}🌈 desk", "🏳\u{fe0f}\u{200d}🌈 desk"),
    ("👩🏽\u{200d}💻", "👩🏽\u{200d}💻"),
    ("❤\u{fe0f}", "❤\u{fe0f}"),
    ("1\u{fe0f}\u{20e3}", "1\u{fe0f}\u{20e3}"),
    ("葛\u{e0100}城", "葛\u{e0100}城"),
];
/// Texts that hide something, or that are nothing to see.
const HIDING: [&str; 24] = [
    "",
    " ",
    "\u{3164}",
    "\u{2800}",
    "\u{200d}",
    "bot ",
    " bot",
    "a\tb",
    "a\nb",
    "a\0b",
    "a\u{202e}b",
    "a\u{2066}b",
    "a\u{200b}b",
    "\u{feff}bot",
    "a\u{ad}b",
    "tra\u{200d}der",
    "tra\u{200c}der",
    "bot\u{200d}",
    "🤖\u{200d}",
    "\u{200d}🤖",
    "a\u{fe0f}",
    "a\u{e0100}",
    "a\u{34f}b",
    "0123456789 0123456789 0123456789 0123456789 01234567",
];
/// Names that people take for one another.
const ALIKE: [(&str, &str); 13] = [
    ("bot", "bot"),
    ("bot", "b\u{43e}t"),
    ("paypal", "p\u{430}yp\u{430}l"),
    ("bot 1", "bot l"),
    ("bot I", "bot l"),
    ("bot 0", "bot O"),
    ("my bot", "my\u{a0}bot"),
    ("my bot", "my  bot"),
    ("Z\u{fc}rich", "Zu\u{308}rich"),
    ("می\u{200c}خواهم", "میخواهم"),
    ("❤\u{fe0f}", "❤"),
    ("\u{ff21}bot", "Abot"),
    ("\u{3a1}ro", "Pro"),
];
/// Names that are only close to one another.
const CLOSE: [(&str, &str); 12] = [
    ("bot", "Bot"),
    ("bot", "bots"),
    ("bot 1", "bot 2"),
    ("bot 1", "bot 11"),
    ("my bot", "mybot"),
    ("Z\u{fc}rich", "Zurich"),
    ("bot-1", "bot.1"),
    ("取引", "取弓"),
    ("🤖 a", "🦊 a"),
    ("👩\u{200d}💻", "👩"),
    ("grid", "gird"),
    ("a b", "b a"),
];

/// Two keys of a person, by their ids.
async fn two_keys(person: &Person<'_>) -> [String; 2] {
    let key = async |name: &str| person.key(name).await["api_key"].as_str().unwrap().to_owned();
    [key("first").await, key("second").await]
}

async fn rename(person: &Person<'_>, key: &str, name: &str) -> (u16, String) {
    let reply = person.api("PATCH", &format!("/keys/{key}"), json!({"name": name})).await;
    (reply.status, reply.code())
}

async fn name_of(person: &Person<'_>, key: &str) -> String {
    person.get(&format!("/keys/{key}")).await.field("name")
}

/// The answer to the form that renames a key.
async fn renamed_on_its_page(tab: &Tab<'_>, key: &str, name: &str) -> u16 {
    tab.post(&format!("/keys/{key}"), &[("name", name), ("tags", "")]).await.status
}

const DONE: (u16, String) = (200, String::new());

#[tokio::test]
async fn a_name_is_kept_composed_however_it_was_written() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let [first, second] = two_keys(&person).await;
    for (written, kept) in WRITTEN {
        assert_eq!(rename(&person, &first, written).await, DONE, "{written:?}");
        assert_eq!(name_of(&person, &first).await, kept, "{written:?}");
    }
    assert_eq!(rename(&person, &first, "first").await, DONE);
    let tab = Tab::of(&world, &person).await;
    for (written, kept) in WRITTEN {
        assert_eq!(renamed_on_its_page(&tab, &second, written).await, 303, "{written:?}");
        assert_eq!(name_of(&person, &second).await, kept, "{written:?}");
    }
    assert_eq!(rename(&person, &second, "second").await, DONE);
    for (number, (written, kept)) in WRITTEN.into_iter().enumerate() {
        if number % 9 == 0 {
            world.pass_ms(3_600_000);
            person.token = signed_in_again(&person).await;
        }
        let asked = person.api("POST", "/keys", wish(written)).await;
        assert_eq!(asked.code(), "step_up_required", "{written:?}: {}", asked.text);
        let words = asked.json()["approves"].as_array().unwrap().clone();
        let named = words.iter().any(|line| line.as_str().unwrap().contains(&format!("“{kept}”")));
        assert!(named, "{written:?}: {words:?}");
    }
    world.pass_ms(3_600_000);
    person.token = signed_in_again(&person).await;
    let made = person.approved("POST", "/keys", wish(WRITTEN[0].0)).await;
    assert_eq!(name_of(&person, &made.field("api_key")).await, WRITTEN[0].1);
}

#[tokio::test]
async fn a_name_that_hides_something_is_refused_everywhere() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let [key, _] = two_keys(&person).await;
    let tab = Tab::of(&world, &person).await;
    for name in HIDING {
        let refused = (422, "bad_name".to_owned());
        assert_eq!(rename(&person, &key, name).await, refused, "{name:?}");
        let made = person.api("POST", "/keys", wish(name)).await;
        assert_eq!((made.status, made.code()), refused, "{name:?}");
        let next = json!({"name": name, "passphrase": "Other-Pass1!"});
        let rotated = person.api("POST", &format!("/keys/{key}/rotate"), next).await;
        assert_eq!((rotated.status, rotated.code()), refused, "{name:?}");
        // Blanks around a name of a form are left out; they hide nothing.
        if name.trim() == name || name.trim().is_empty() {
            assert_eq!(renamed_on_its_page(&tab, &key, name).await, 422, "{name:?}");
        }
    }
    assert_eq!(name_of(&person, &key).await, "first");
}

#[tokio::test]
async fn a_name_that_looks_like_another_keys_is_taken() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let [first, second] = two_keys(&person).await;
    let tab = Tab::of(&world, &person).await;
    let taken = (409, "name_taken".to_owned());
    for (one, other) in ALIKE {
        for (there, wanted) in [(one, other), (other, one)] {
            assert_eq!(rename(&person, &first, there).await, DONE, "{there:?}");
            assert_eq!(rename(&person, &second, wanted).await, taken, "{there:?} {wanted:?}");
            let made = person.api("POST", "/keys", wish(wanted)).await;
            assert_eq!((made.status, made.code()), taken, "{there:?} {wanted:?}");
            let next = json!({"name": wanted, "passphrase": "Other-Pass1!"});
            let rotated = person.api("POST", &format!("/keys/{second}/rotate"), next).await;
            assert_eq!((rotated.status, rotated.code()), taken, "{there:?} {wanted:?}");
            assert_eq!(renamed_on_its_page(&tab, &second, wanted).await, 422, "{there:?} {wanted:?}");
            let fields = [
                ("name", wanted),
                ("permission", "read"),
                ("reach", "addresses"),
                ("addresses", "127.0.0.1"),
                ("passphrase", PASSPHRASE),
            ];
            assert_eq!(tab.post("/keys/new", &fields).await.status, 422, "{there:?} {wanted:?}");
            // A key may get a name that looks like its own.
            assert_eq!(rename(&person, &first, wanted).await, DONE, "{there:?} {wanted:?}");
        }
    }
    assert_eq!(name_of(&person, &second).await, "second", "a refusal changes nothing");
    // The name of a key that is deleted is free again, and so are those that look like it.
    let (one, other) = ALIKE[1];
    assert_eq!(rename(&person, &first, one).await, DONE);
    let body = json!({"name": one, "factor": crate::world::PASSWORD});
    assert_eq!(person.api("DELETE", &format!("/keys/{first}"), body).await.status, 200);
    assert_eq!(rename(&person, &second, other).await, DONE);
}

#[tokio::test]
async fn a_name_that_is_only_close_to_another_keys_is_free() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let [first, second] = two_keys(&person).await;
    let tab = Tab::of(&world, &person).await;
    for (one, other) in CLOSE {
        for (there, wanted) in [(one, other), (other, one)] {
            assert_eq!(rename(&person, &second, "second").await, DONE);
            assert_eq!(rename(&person, &first, there).await, DONE, "{there:?}");
            assert_eq!(rename(&person, &second, wanted).await, DONE, "{there:?} {wanted:?}");
            assert_eq!(name_of(&person, &second).await, wanted);
            assert_eq!(rename(&person, &second, "second").await, DONE);
            assert_eq!(renamed_on_its_page(&tab, &second, wanted).await, 303, "{there:?} {wanted:?}");
            assert_eq!(name_of(&person, &second).await, wanted);
        }
    }
}

#[tokio::test]
async fn passphrases_are_strong_and_not_used_twice() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let with = |passphrase: &str| {
        let mut body = wish(&format!("bot {}", passphrase.len()));
        body["passphrase"] = passphrase.into();
        body
    };
    for weak in
        ["", "Aa1!aaa", "aa1!aaaa", "AA1!AAAA", "Aaa!aaaa", "Aa1aaaaa", "Aa1! aaaa", &"Aa1!".repeat(9)]
    {
        let refused = person.api("POST", "/keys", with(weak)).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "bad_passphrase"), "{weak}");
        assert!(weak.is_empty() || !refused.text.contains(weak), "a refusal never repeats it");
    }
    assert_eq!(person.approved("POST", "/keys", with(PASSPHRASE)).await.status, 201);
    let mut again = with(PASSPHRASE);
    again["name"] = "another".into();
    let refused = person.approved("POST", "/keys", again).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "passphrase_taken"));
    assert!(!refused.text.contains(PASSPHRASE), "a refusal never repeats it");
}

#[tokio::test]
async fn permissions_are_chosen_and_never_change() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let with = |rights: Value| {
        let mut body = wish("bot");
        body["permissions"] = rights;
        body
    };
    for bad in [json!([]), json!(["all"]), json!(["Read"]), json!(["read", ""])] {
        let refused = person.api("POST", "/keys", with(bad.clone())).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "bad_permissions"), "{bad}");
    }
    let key = person.key("bot").await;
    let id = key["api_key"].as_str().unwrap();
    // Every path that changes a key: none takes permissions, and the attempt changes nothing else.
    for (method, path, body) in [
        ("PATCH", format!("/keys/{id}"), json!({"name": "renamed", "permissions": ["withdraw"]})),
        (
            "PUT",
            format!("/keys/{id}/addresses"),
            json!({"name": "bot", "factor": "x",
            "from": {"reach": "addresses", "addresses": ["127.0.0.1"], "permissions": ["withdraw"]}}),
        ),
        ("POST", format!("/keys/{id}/enable"), json!({"permissions": ["withdraw"]})),
        (
            "POST",
            format!("/keys/{id}/rotate"),
            json!({"name": "next", "passphrase": "Other-Pass1!", "permissions": ["withdraw"]}),
        ),
        ("PUT", format!("/keys/{id}"), json!({"permissions": ["withdraw"]})),
        ("POST", format!("/keys/{id}"), json!({"permissions": ["withdraw"]})),
    ] {
        let refused = person.api(method, &path, body).await;
        assert!(matches!(refused.status, 405 | 422), "{method} {path}: {} {}", refused.status, refused.text);
    }
    let shown = person.get(&format!("/keys/{id}")).await.json();
    assert_eq!((&shown["permissions"], &shown["name"]), (&json!(["read", "trade"]), &json!("bot")));
    // A rotation keeps them.
    let body = json!({"name": "next", "passphrase": "Other-Pass1!"});
    let rotated = person.approved("POST", &format!("/keys/{id}/rotate"), body).await;
    assert_eq!(rotated.json()["permissions"], json!(["read", "trade"]));
}

#[tokio::test]
async fn two_factor_must_be_on_before_any_key() {
    let world = World::new().await;
    let person = world.without_factor("a@keyward.example").await;
    let refused = person.api("POST", "/keys", wish("bot")).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "two_factor_off"));
}

#[tokio::test]
async fn withdraw_and_manage_need_addresses_and_wide_ones_an_acknowledgement() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let with = |right: &str, from: Value| {
        let mut body = wish("bot");
        body["permissions"] = json!(["read", right]);
        body["from"] = from;
        body
    };
    for right in ["withdraw", "manage"] {
        for from in [
            json!({"reach": "anywhere"}),
            json!({"reach": "addresses", "addresses": ["0.0.0.0/0"], "acknowledge_wide": true}),
        ] {
            let refused = person.api("POST", "/keys", with(right, from)).await;
            assert_eq!((refused.status, refused.code().as_str()), (422, "key_refused"), "{right}");
        }
    }
    let wide = |acknowledged: bool| {
        with("trade", json!({"reach": "addresses", "addresses": ["::/0"], "acknowledge_wide": acknowledged}))
    };
    assert_eq!(person.api("POST", "/keys", wide(false)).await.code(), "key_refused");
    let made = person.approved("POST", "/keys", wide(true)).await;
    let shown = person.get(&format!("/keys/{}", made.field("api_key"))).await.json();
    assert_eq!((&shown["bound"], &shown["ends_by"]), (&json!(false), &json!("idle")), "counts as unbound");
}

#[tokio::test]
async fn an_empty_list_is_never_anywhere() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key = person.key("bot").await;
    let path = format!("/keys/{}/addresses", key["api_key"].as_str().unwrap());
    for from in [
        json!({"reach": "addresses", "addresses": []}),
        json!({"reach": "addresses", "addresses": [""]}),
        json!({"reach": "addresses", "addresses": [" "]}),
        json!({"reach": "addresses", "addresses": [","]}),
        json!({"reach": "addresses"}),
        json!({}),
        json!({"reach": "everywhere"}),
        json!({"reach": "addresses", "addresses": ["010.0.0.1"]}),
        json!({"reach": "addresses", "addresses": ["192.0.2.1/24"]}),
        Value::Null,
    ] {
        let mut body = wish("other");
        body["from"] = from.clone();
        assert_eq!(person.api("POST", "/keys", body).await.status, 422, "create {from}");
        let change = json!({"name": "bot", "from": from, "factor": crate::world::PASSWORD});
        assert_eq!(person.api("PUT", &path, change).await.status, 422, "update {from}");
    }
    let shown = person.get(&format!("/keys/{}", key["api_key"].as_str().unwrap())).await.json();
    assert_eq!(shown["from"], json!("127.0.0.1,::1"), "unchanged");
}

#[tokio::test]
async fn a_repeated_creation_gives_the_key_without_its_secret() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let mut body = wish("bot");
    body["idempotency_key"] = "one".into();
    let made = person.approved("POST", "/keys", body.clone()).await;
    assert_eq!(made.status, 201);
    // Asked again, it is neither judged as a taken name nor made twice.
    let mut again = body.clone();
    again["name"] = "bot".into();
    let asked = person.approved("POST", "/keys", again).await;
    assert_eq!((asked.status, asked.field("api_key")), (200, made.field("api_key")), "{}", asked.text);
    assert!(asked.json()["secret"].is_null() && !asked.text.contains(&made.field("secret")));
    body["name"] = "other".into();
    body["passphrase"] = "Third-Pass1!".into();
    let other = person.approved("POST", "/keys", body).await;
    assert_eq!((other.status, other.code().as_str()), (409, "idempotency_mismatch"));
}

#[tokio::test]
async fn narrowing_takes_one_factor_and_widening_a_step_up() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key = person.key("bot").await;
    let path = format!("/keys/{}/addresses", key["api_key"].as_str().unwrap());
    let to = |list: Value| json!({"name": "bot", "from": {"reach": "addresses", "addresses": list}});
    let mut narrow = to(json!(["127.0.0.1"]));
    assert_eq!(
        person.api("PUT", &path, narrow.clone()).await.code(),
        "factor_required",
        "no factor, no change"
    );
    narrow["factor"] = crate::world::PASSWORD.into();
    assert_eq!(person.api("PUT", &path, narrow).await.status, 200);
    let mut wide = to(json!(["127.0.0.1", "192.0.2.7"]));
    wide["factor"] = crate::world::PASSWORD.into();
    assert_eq!(
        person.api("PUT", &path, wide.clone()).await.code(),
        "step_up_required",
        "one factor never loosens"
    );
    assert_eq!(person.approved("PUT", &path, wide).await.status, 200);
}

#[tokio::test]
async fn harm_needs_the_exact_name() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key = person.key("TradingBot").await;
    let id = key["api_key"].as_str().unwrap();
    for (method, path) in [
        ("POST", format!("/keys/{id}/disable")),
        ("DELETE", format!("/keys/{id}")),
        ("POST", format!("/keys/{id}/leaked")),
    ] {
        let refused =
            person.api(method, &path, json!({"name": "tradingbot", "factor": crate::world::PASSWORD})).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "name_mismatch"), "{path}");
    }
    assert_eq!(person.get(&format!("/keys/{id}")).await.json()["state"], "active");
}

#[tokio::test]
async fn a_rotation_overlaps_and_its_predecessor_does_not_count() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key = person.key("bot").await;
    let id = key["api_key"].as_str().unwrap().to_owned();
    for hours in [0, 169, u64::MAX] {
        let body = json!({"name": "bot 2", "passphrase": "Other-Pass1!", "overlap_hours": hours});
        assert_eq!(
            person.api("POST", &format!("/keys/{id}/rotate"), body).await.code(),
            "bad_overlap",
            "{hours}"
        );
    }
    let body = json!({"name": "bot 2", "passphrase": "Other-Pass1!"});
    let next = person.approved("POST", &format!("/keys/{id}/rotate"), body.clone()).await;
    assert_eq!(next.status, 201, "{}", next.text);
    assert_ne!(next.field("secret"), key["secret"].as_str().unwrap());
    let old = person.get(&format!("/keys/{id}")).await.json();
    assert_eq!(
        (&old["state"], &old["ends_by"], old["successor"].as_str()),
        (&json!("active"), &json!("overlap"), Some(next.field("api_key").as_str()))
    );
    assert_eq!(person.api("POST", &format!("/keys/{id}/rotate"), body).await.code(), "rotated_already");
    let ended = person
        .api(
            "POST",
            &format!("/keys/{id}/end-overlap"),
            json!({"name": "bot", "factor": crate::world::PASSWORD}),
        )
        .await;
    assert_eq!(ended.status, 200);
    assert_eq!(person.get(&format!("/keys/{id}")).await.json()["state"], "expired");
}

#[tokio::test]
async fn the_outlook_is_the_gateways_verdict() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key = person.key("bot").await;
    let path = format!("/keys/{}/outlook?from=", key["api_key"].as_str().unwrap());
    let codes = |reply: crate::world::Reply| -> Vec<String> {
        let lines = reply.json();
        lines.as_array().unwrap().iter().map(|line| line["code"].as_str().unwrap().to_owned()).collect()
    };
    let here = codes(person.get(&format!("{path}127.0.0.1")).await);
    assert_eq!(here, ["0", "0", "0", "50120", "50120", "50120"]);
    assert!(codes(person.get(&format!("{path}203.0.113.1")).await).iter().all(|code| code == "50110"));
    assert_eq!(person.get(&format!("{path}nowhere")).await.status, 422);
}

#[tokio::test]
async fn paging_never_gives_more_than_asked() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    for number in 0..3 {
        person.key(&format!("bot {number}")).await;
    }
    for bad in ["0", "-1", "101", "99999999999999999999", "x", ""] {
        assert_eq!(person.get(&format!("/keys?limit={bad}")).await.status, 422, "{bad}");
        assert_eq!(person.get(&format!("/alerts?limit={bad}")).await.status, 422, "{bad}");
    }
    let page = person.get("/keys?limit=2").await.json();
    assert_eq!(page["keys"].as_array().unwrap().len(), 2);
    let rest = person.get(&format!("/keys?limit=2&cursor={}", page["next"].as_str().unwrap())).await.json();
    assert_eq!((rest["keys"].as_array().unwrap().len(), rest["next"].is_null()), (1, true));
    assert_eq!(
        person.get("/keys?cursor=0b7c2f1e-8a43-4d0f-9b2a-3c5d6e7f8091").await.json()["keys"],
        json!([])
    );
}

#[tokio::test]
async fn a_key_ends_by_its_own_date_and_an_end_lies_ahead() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let with = |days: Value| {
        let mut body = wish("bot");
        body["ends_after_days"] = days;
        body
    };
    for bad in [json!(0), json!(3651), json!(-1), json!("7")] {
        assert_eq!(person.api("POST", "/keys", with(bad.clone())).await.status, 422, "{bad}");
    }
    let made = person.approved("POST", "/keys", with(json!(7))).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let shown = person.get(&format!("/keys/{}", made.field("api_key"))).await.json();
    assert_eq!(shown["ends_by"], "date");
    let left = shown["ends_at_ms"].as_u64().unwrap() - world.now().unix_ms();
    assert!((6..=8).contains(&(left / 86_400_000)));
}

#[tokio::test]
async fn tags_narrow_the_list() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let mut body = wish("tagged");
    body["tags"] = json!(["grid", "arb"]);
    person.approved("POST", "/keys", body).await;
    person.key("plain").await;
    let names = |reply: crate::world::Reply| -> Vec<String> {
        let page = reply.json();
        page["keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(person.get("/keys?tag=grid").await), ["tagged"]);
    assert_eq!(names(person.get("/keys?tag=none").await), [""; 0]);
    for bad in [json!(["<b>"]), json!(["a,b"]), json!(["x".repeat(21)])] {
        let mut body = wish("odd");
        body["tags"] = bad;
        assert_eq!(person.api("POST", "/keys", body).await.code(), "bad_tags");
    }
}

#[tokio::test]
async fn a_rate_cap_is_a_number_of_its_own_and_rotations_keep_it() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let with = |cap: Value| {
        let mut body = wish("bot");
        body["rate_cap"] = cap;
        body
    };
    for bad in [json!(0), json!(1001), json!(-1), json!("7")] {
        assert_eq!(person.api("POST", "/keys", with(bad.clone())).await.status, 422, "{bad}");
    }
    let made = person.approved("POST", "/keys", with(json!(7))).await;
    let path = format!("/keys/{}", made.field("api_key"));
    assert_eq!(person.get(&path).await.json()["rate_cap"], 7);
    let body = json!({"name": "bot 2", "passphrase": "Other-Pass1!"});
    let next = person.approved("POST", &format!("{path}/rotate"), body).await;
    assert_eq!(person.get(&format!("/keys/{}", next.field("api_key"))).await.json()["rate_cap"], 7);
}

#[tokio::test]
async fn a_policy_bounds_the_age_of_new_keys_and_may_free_withdrawals() {
    use keyward_authority::Settings;
    use keyward_rules::key::{KeyPolicy, Need};
    let world = World::new().await;
    let keys = KeyPolicy { withdraw_binding: Need::Optional, max_age_days: Some(30), ..KeyPolicy::default() };
    let ruled =
        world.ruled(Settings { policy: Policy { keys, ..Policy::default() }, ..Settings::default() }).await;
    let person = ruled.person("a@keyward.example").await;
    let mut body = wish("payer");
    body["permissions"] = json!(["withdraw"]);
    body["from"] = json!({"reach": "anywhere"});
    let made = person.approved("POST", "/keys", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let key = person.key("bot").await;
    let path = format!("/keys/{}", key["api_key"].as_str().unwrap());
    let left = person.get(&path).await.json()["ends_at_ms"].as_u64().unwrap() - world.now().unix_ms();
    assert!(left <= 30 * 86_400_000);
    let next = person
        .approved("POST", &format!("{path}/rotate"), json!({"name": "bot 2", "passphrase": "Other-Pass1!"}))
        .await;
    let next = person.get(&format!("/keys/{}", next.field("api_key"))).await.json();
    assert_eq!(next["ends_by"], "date");
    std::mem::forget(ruled);
}
