//! Limits of keys (docs/operating/limits.md): how they are set and changed, and what each change asks for.

use keyward_authority::{MarketData, Settings};
use serde_json::{Value, json};

use crate::tab::Tab;
use crate::world::{PASSWORD, Person, World, wish};

const HOUR_MS: u64 = 3_600_000;

async fn key_with(person: &Person<'_>, name: &str, rights: &[&str], limits: Value) -> String {
    let mut body = wish(name);
    (body["limits"], body["permissions"]) = (limits, json!(rights));
    let made = person.approved("POST", "/keys", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.field("api_key")
}

async fn limits_of(person: &Person<'_>, key: &str) -> Value {
    person.get(&format!("/keys/{key}/limits")).await.json()
}

#[tokio::test]
async fn limits_come_with_a_key_and_stay_with_its_successor() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    for bad in [
        json!({"max_order_value": "0"}),
        json!({"max_order_value": "1e3"}),
        json!({"max_ordr_value": "1"}),
        json!({"withdrawal": {"destinations": []}}),
        json!([]),
    ] {
        let mut body = wish("odd");
        body["limits"] = bad.clone();
        let refused = person.api("POST", "/keys", body).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "bad_limits"), "{bad}");
    }
    let limits = json!({"instruments": ["BTC-USDT"], "max_order_value": "500.00", "daily_value": "5000"});
    let key = key_with(&person, "bot", &["read", "trade"], limits).await;
    let shown = limits_of(&person, &key).await;
    assert_eq!(
        shown["limits"],
        json!({"instruments": ["BTC-USDT"], "max_order_value": "500", "daily_value": "5000"})
    );
    assert_eq!(shown["words"][0], "trades only BTC-USDT");
    let unused = json!([{"sum": "value", "whose": "key", "used": "0", "limit": "5000", "enforced": true}]);
    assert_eq!(shown["used_today"], unused);
    let outlook = person.get(&format!("/keys/{key}/outlook?from=127.0.0.1")).await.json();
    let line = |what: &str| outlook.as_array().unwrap().iter().find(|one| one["what"] == what).unwrap();
    assert_eq!(line("place orders")["limits"], shown["words"], "what it can do is within its limits");
    assert_eq!(line("cancel orders")["limits"], Value::Null);
    let body = json!({"name": "bot 2", "passphrase": "Other-Pass1!"});
    let next = person.approved("POST", &format!("/keys/{key}/rotate"), body).await.field("api_key");
    assert_eq!(limits_of(&person, &next).await["limits"], shown["limits"]);
    let plain = person.key("plain").await;
    let id = plain["api_key"].as_str().unwrap();
    assert_eq!(person.get(&format!("/keys/{id}")).await.json()["limits"], Value::Null);
}

/// M4: stricter with one factor and at once, anything else with a step-up.
#[tokio::test]
async fn stricter_limits_take_one_factor_and_others_a_step_up() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let path = format!("/keys/{key}/limits");
    let with = |limits: Value| json!({"name": "bot", "limits": limits, "factor": PASSWORD});
    let put = |limits: Value| person.api("PUT", &path, with(limits));
    assert_eq!(put(json!({"max_order_value": "500"})).await.status, 200);
    assert_eq!(put(json!({"max_order_value": "500"})).await.code(), "unchanged");
    assert_eq!(put(json!({"max_order_value": "400", "instruments": ["BTC-*"]})).await.status, 200);
    assert_eq!(put(json!({"max_order_value": "400", "instruments": ["BTC-USDT"]})).await.status, 200);
    for wider in [
        json!({"max_order_value": "401", "instruments": ["BTC-USDT"]}),
        json!({"max_order_value": "400", "instruments": ["BTC-*"]}),
        json!({"max_order_value": "400"}),
        json!({"max_order_value": "400", "instruments": ["BTC-USDT"], "whole_position": true}),
        json!({}),
    ] {
        let asked = put(wider.clone()).await;
        assert_eq!((asked.status, asked.code().as_str()), (403, "step_up_required"), "{wider}");
    }
    assert_eq!(limits_of(&person, &key).await["limits"]["max_order_value"], "400");
    let wrong = person.api("PUT", &path, json!({"name": "other", "limits": {}, "factor": PASSWORD})).await;
    assert_eq!(wrong.code(), "name_mismatch");
    let none = person.approved("PUT", &path, json!({"name": "bot", "limits": {}})).await;
    assert_eq!(none.status, 200, "{}", none.text);
    assert_eq!(person.get(&format!("/keys/{key}")).await.json()["limits"], Value::Null);
    let other = world.person("b@keyward.example").await;
    assert_eq!(other.get(&path).await.status, 404);
    assert_eq!(other.api("PUT", &path, with(json!({"daily_orders": 1}))).await.status, 404);
}

/// The limits of an account: as a key's, but over all keys, those of later days included.
#[tokio::test]
async fn an_accounts_limits_come_to_all_its_keys() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let before = key_with(&person, "before", &["read", "trade"], json!({"max_order_value": "500"})).await;
    let of_account = json!({"daily_value": "9000", "monitor": {"daily_orders": 10}});
    let with = |limits: Value| json!({"limits": limits, "factor": PASSWORD});
    let put = |limits: Value| person.api("PUT", "/account/limits", with(limits));
    assert_eq!(put(of_account.clone()).await.status, 200);
    let after = person.key("after").await["api_key"].as_str().unwrap().to_owned();
    for (key, own) in [(&before, json!({"max_order_value": "500"})), (&after, json!({}))] {
        let shown = limits_of(&person, key).await;
        assert_eq!(shown["limits"], own);
        let words = ["orders of at most 9,000 USD a day", "watched only: at most 10 orders a day"];
        assert_eq!(shown["account_words"], json!(words));
        let sums = shown["used_today"].as_array().unwrap();
        let enforced: Vec<_> =
            sums.iter().map(|sum| (sum["whose"].clone(), sum["enforced"].clone())).collect();
        assert_eq!(enforced, [(json!("account"), json!(true)), (json!("account"), json!(false))]);
    }
    let outlook = person.get(&format!("/keys/{after}/outlook?from=127.0.0.1")).await.json();
    let line = outlook.as_array().unwrap().iter().find(|one| one["what"] == "place orders").unwrap();
    assert_eq!(line["limits"][0], "orders of at most 9,000 USD a day, over all keys of the account");
    assert_eq!(person.get("/account/limits").await.json()["limits"], of_account);
    assert_eq!(put(of_account).await.code(), "unchanged");
    // A key's own limits change without the account's, and the account's without the key's.
    let own = json!({"name": "before", "limits": {"max_order_value": "400"}, "factor": PASSWORD});
    assert_eq!(person.api("PUT", &format!("/keys/{before}/limits"), own).await.status, 200);
    assert_eq!(put(json!({"daily_value": "8000"})).await.status, 200);
    let shown = limits_of(&person, &before).await;
    assert_eq!(shown["limits"], json!({"max_order_value": "400"}));
    assert_eq!(shown["account_words"], json!(["orders of at most 8,000 USD a day"]));
    // Wider ones ask for a step-up; a stranger's account is not there.
    assert_eq!(put(json!({"daily_value": "8001"})).await.code(), "step_up_required");
    assert_eq!(put(json!({})).await.code(), "step_up_required");
    assert_eq!(person.approved("PUT", "/account/limits", json!({"limits": {}})).await.status, 200);
    assert_eq!(limits_of(&person, &after).await["account_words"], json!([]));
    let stranger = world.person("b@keyward.example").await;
    let id = person.get("/account").await.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(stranger.get(&format!("/account/limits?account={id}")).await.status, 404);
    let theirs = json!({"limits": {"daily_orders": 1}, "account": id, "factor": PASSWORD});
    assert_eq!(stranger.api("PUT", "/account/limits", theirs).await.status, 404);
    // The same on pages.
    let tab = Tab::of(&world, &person).await;
    let done = tab.confirmed("/limits", &[("limit_day", "7000")]).await;
    assert!(done.status == 303, "{} {}", done.status, done.text);
    let page = tab.get(&format!("/keys/{after}")).await.text;
    assert!(page.contains("Orders of at most 7,000 USD a day."), "{page}");
    assert!(page.contains("Value of orders, all keys"), "{page}");
    let form = tab.get("/limits").await.text;
    assert!(form.contains("value=\"7000\""), "{form}");
    assert!(form.contains("Used today") && form.contains("0 of 7,000 USD"), "{form}");
}

/// M4: a row that somebody takes out of the database makes nothing wider, neither a change nor a new key.
#[tokio::test]
async fn an_accounts_limits_cannot_be_taken_away_in_the_database() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let put = |day: &str| {
        let body = json!({"limits": {"daily_value": day}, "factor": PASSWORD});
        person.api("PUT", "/account/limits", body)
    };
    assert_eq!(put("9000").await.status, 200);
    let file = rusqlite::Connection::open(world.folder.join("keyward.db")).unwrap();
    let older: (String, i64, Vec<u8>) = file
        .query_row("SELECT fences, data_key, seal FROM account_limits", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(put("100").await.status, 200);
    let put_back = "UPDATE account_limits SET fences = ?1, data_key = ?2, seal = ?3";
    file.execute(put_back, rusqlite::params![older.0, older.1, older.2]).unwrap();
    assert!(put("8000").await.status >= 500, "an older row");
    file.execute("DELETE FROM account_limits", []).unwrap();
    assert!(put("8000").await.status >= 500, "no row");
    assert!(person.approved("POST", "/keys", wish("wider")).await.status >= 500);
    assert_eq!(limits_of(&person, &key).await["account_words"], json!(["orders of at most 100 USD a day"]));
}

/// A destination that is added to a list rests for a day; the list's first ones, and those of a new key, take nothing away.
#[tokio::test]
async fn a_new_destination_rests_for_a_day() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let place = |address: &str| json!({"ccy": "USDT", "chain": "USDT-TRC20", "address": address});
    let list = |places: &[Value]| json!({"withdrawal": {"destinations": places}});
    let key = key_with(&person, "out", &["read", "withdraw"], list(&[place("Ta")])).await;
    let path = format!("/keys/{key}/limits");
    let rests = |shown: &Value| -> Vec<Option<u64>> {
        let places = shown["limits"]["withdrawal"]["destinations"].as_array().unwrap();
        places.iter().map(|one| one["usable_from_ms"].as_str().map(|ms| ms.parse().unwrap())).collect()
    };
    assert_eq!(rests(&limits_of(&person, &key).await), [None]);
    let both = list(&[place("Ta"), place("Tb")]);
    let body = json!({"name": "out", "limits": both});
    assert_eq!(person.approved("PUT", &path, body).await.status, 200);
    let shown = limits_of(&person, &key).await;
    let now = world.now().unix_ms();
    let until = rests(&shown)[1].unwrap();
    assert!(rests(&shown)[0].is_none() && (now + 23 * HOUR_MS..=now + 24 * HOUR_MS).contains(&until));
    // Nobody can say that it can be used earlier: what is said of that is passed over, and so nothing changes.
    let mut sooner = shown["limits"].clone();
    sooner["withdrawal"]["destinations"][1]["usable_from_ms"] = json!("1");
    let body = json!({"name": "out", "limits": sooner, "factor": PASSWORD});
    assert_eq!(person.api("PUT", &path, body).await.code(), "unchanged");
    // To take the first away is stricter, and the other goes on to rest.
    let body = json!({"name": "out", "limits": list(&[place("Tb")]), "factor": PASSWORD});
    assert_eq!(person.api("PUT", &path, body).await.status, 200);
    assert_eq!(rests(&limits_of(&person, &key).await), [Some(until)]);
}

#[tokio::test]
async fn the_pages_set_and_change_limits() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    let mut fields = vec![
        ("name", "bot"),
        ("permission", "read"),
        ("permission", "trade"),
        ("reach", "addresses"),
        ("addresses", "127.0.0.1"),
        ("passphrase", "Console-Pass1!"),
        ("limit_instruments", "BTC-USDT"),
        ("limit_order", "5,000"),
    ];
    let refused = tab.post("/keys/new", &fields).await;
    assert!(refused.status == 422 && refused.text.contains("without commas"), "{}", refused.text);
    *fields.last_mut().unwrap() = ("limit_order", "500");
    let asked = tab.post("/keys/new", &fields).await;
    assert!(asked.text.contains("trades only BTC-USDT; at most 500 USD an order"), "{}", asked.text);
    let made = tab.stepped_up("/keys/new", &fields).await;
    assert!(made.status == 200, "{}", made.text);
    let list = person.get("/keys").await.json();
    let key = list["keys"][0]["api_key"].as_str().unwrap().to_owned();
    let page = tab.get(&format!("/keys/{key}")).await.text;
    assert!(page.contains("Trades only BTC-USDT.") && page.contains("At most 500 USD an order."), "{page}");
    let form = tab.get(&format!("/keys/{key}/limits")).await.text;
    assert!(form.contains("value=\"BTC-USDT\"") && form.contains("value=\"500\""), "{form}");
    let path = format!("/keys/{key}/limits");
    let stricter = [("limit_instruments", "BTC-USDT"), ("limit_order", "400"), ("limit_day", "1000")];
    let done = tab.confirmed(&path, &stricter).await;
    assert!(done.status == 303, "{} {}", done.status, done.text);
    let wider = [("limit_instruments", "BTC-USDT, ETH-USDT"), ("limit_order", "400"), ("limit_day", "1000")];
    let asked = tab.post(&path, &wider).await;
    assert!(asked.text.contains("Change the limits?") && asked.text.contains("mail"), "{}", asked.text);
    assert_eq!(limits_of(&person, &key).await["limits"]["max_order_value"], "400");
    let page = tab.get(&format!("/keys/{key}")).await.text;
    assert!(page.contains("Used today") && page.contains("0 of 1,000 USD"), "{page}");
}

/// M6: a quarantine leaves reading, and cancelling unless it is the stricter one.
#[tokio::test]
async fn a_quarantine_is_laid_with_one_factor_and_lifted_with_a_step_up() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let path = |word: &str| format!("/keys/{key}/{word}");
    let factor = || json!({"name": "bot", "factor": PASSWORD});
    let holds = async || person.get(&path("")[..path("").len() - 1]).await.json()["holds"].clone();
    assert_eq!(person.api("POST", &path("lift-quarantine"), json!({})).await.code(), "unchanged");
    assert_eq!(person.api("POST", &path("stop-trading"), factor()).await.status, 200);
    assert_eq!(holds().await, json!(["quarantine: reads and cancels only"]));
    assert_eq!(person.api("POST", &path("stop-trading"), factor()).await.code(), "unchanged");
    assert_eq!(person.api("POST", &path("read-only"), factor()).await.status, 200);
    assert_eq!(
        person.api("POST", &path("stop-trading"), factor()).await.code(),
        "unchanged",
        "it is stricter already"
    );
    let page = Tab::of(&world, &person).await.get(&path("settings")).await.text;
    assert!(page.contains("lift-quarantine") && !page.contains("stop-trading"), "{page}");
    let asked = person.api("POST", &path("lift-quarantine"), json!({})).await;
    assert_eq!(asked.code(), "step_up_required");
    assert_eq!(person.approved("POST", &path("lift-quarantine"), json!({})).await.status, 200);
    assert_eq!(holds().await, json!([]));
    // All keys at once; one that is in quarantine already stays as it is.
    let other = person.key("other").await["api_key"].as_str().unwrap().to_owned();
    assert_eq!(person.api("POST", &path("read-only"), factor()).await.status, 200);
    let all = person.api("POST", "/keys/stop-trading", json!({"factor": PASSWORD})).await;
    assert_eq!((all.status, all.json()["stopped"].as_u64()), (200, Some(1)), "{}", all.text);
    let held = person.get(&format!("/keys/{other}")).await.json()["holds"].clone();
    assert_eq!(held, json!(["quarantine: reads and cancels only"]));
    assert_eq!(holds().await, json!(["quarantine: reads only"]));
    let stranger = world.person("b@keyward.example").await;
    assert_eq!(stranger.api("POST", &path("stop-trading"), factor()).await.status, 404);
}

/// Limits that compare with a price could only refuse where there is none.
#[tokio::test]
async fn without_prices_limits_that_need_them_cannot_be_set() {
    let rules = Settings { market: MarketData::Missing, ..Settings::default() };
    let world = World::under(rules).await;
    let person = world.person("a@keyward.example").await;
    let mut body = wish("bot");
    body["limits"] = json!({"max_order_value": "500"});
    let refused = person.api("POST", "/keys", body).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "no_market_data"), "{}", refused.text);
    let others = json!({"instruments": ["BTC-USDT"], "daily_orders": 9});
    let key = key_with(&person, "bot", &["read", "trade"], others).await;
    let body = json!({"name": "bot", "factor": PASSWORD, "limits": {"instruments": ["BTC-USDT"], "daily_value": "5"}});
    assert_eq!(person.api("PUT", &format!("/keys/{key}/limits"), body).await.code(), "no_market_data");
    let tab = Tab::of(&world, &person).await;
    let asked = tab.post(&format!("/keys/{key}/limits"), &[("limit_order", "500")]).await;
    assert!(asked.text.contains("publishes no instruments and prices"), "{}", asked.text);
}
