//! Sub-accounts: what a master decides, what members may do, and what neither reaches.

use keyward_authority::Settings;
use keyward_rules::grant::Scope;
use keyward_rules::key::Hold;
use keyward_rules::policy::Policy;
use serde_json::{Value, json};

use crate::tab::Tab;
use crate::world::{HOME, PASSWORD, Person, Reply, World, wish};

async fn create(person: &Person<'_>, name: &str) -> String {
    let made = person.api("POST", "/sub-accounts", json!({"name": name, "factor": PASSWORD})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.field("id")
}

fn wish_for(name: &str, rights: &[&str]) -> Value {
    let mut body = wish(name);
    body["permissions"] = json!(rights);
    body
}

/// Whether each key of a sub-account is held because of what its master decided, by name.
async fn held(world: &World, sub: &str) -> Vec<(String, bool)> {
    let keys = world.store.reader().keys_of(Scope::All, sub.parse().unwrap()).await.unwrap();
    let one = |key: keyward_store::KeyRecord| (key.name.to_string(), key.life.holds.has(Hold::SubAccount));
    let mut all: Vec<_> = keys.into_iter().map(|key| one(key.unwrap())).collect();
    all.sort();
    all
}

async fn allow(person: &Person<'_>, sub: &str, permissions: &[&str], more: Value) -> Reply {
    let mut body = json!({"permissions": permissions});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    person.api("PUT", &format!("/sub-accounts/{sub}/allowed"), body).await
}

/// Invites and accepts.
async fn join(master: &Person<'_>, member: &Person<'_>, sub: &str) {
    let path = format!("/sub-accounts/{sub}/members");
    let invited = master.approved("POST", &path, json!({"email": member.email})).await;
    assert_eq!(invited.status, 204, "{}", invited.text);
    let accept = format!("/sub-accounts/{sub}/accept");
    assert_eq!(member.api("POST", &accept, json!({"factor": PASSWORD})).await.status, 204);
}

#[tokio::test]
async fn a_master_creates_one_and_its_keys_are_its_own() {
    let world = World::new().await;
    let master = world.person("a@keyward.example").await;
    for bad in ["short", "with space", "toolongname0123456789", ""] {
        let refused = master.api("POST", "/sub-accounts", json!({"name": bad, "factor": PASSWORD})).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "bad_name"), "{bad}");
    }
    let asked = master.api("POST", "/sub-accounts", json!({"name": "alpha1"})).await;
    assert_eq!((asked.status, asked.code().as_str()), (403, "factor_required"));
    let sub = create(&master, "alpha1").await;
    let twice = master.api("POST", "/sub-accounts", json!({"name": "alpha1", "factor": PASSWORD})).await;
    assert_eq!((twice.status, twice.code().as_str()), (409, "name_taken"));
    let listed = master.get("/sub-accounts").await.json();
    assert_eq!(listed[0]["permissions"], json!(["read", "trade", "funding"]), "never withdraw by default");
    // Its keys are made for it, counted for it, and seen by who acts for it.
    let own = master.key("main").await["api_key"].as_str().unwrap().to_owned();
    let acting = master.acting_for(&sub);
    let key = acting.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let names = |reply: Reply| -> Vec<String> {
        let all = reply.json()["keys"].as_array().unwrap().clone();
        all.iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(acting.get("/keys").await), ["bot"]);
    assert_eq!(names(master.get("/keys").await), ["main"]);
    assert_eq!(
        acting.get(&format!("/keys/{own}")).await.status,
        404,
        "the master's own key is not the sub-account's"
    );
    assert_eq!(master.get(&format!("/keys/{key}")).await.status, 404);
    assert_eq!(master.get("/sub-accounts").await.json()[0]["keys"], 1);
    // Nothing of the person is done for a sub-account.
    let phrase =
        acting.api("PUT", "/account/phrase", json!({"phrase": "amber kite", "factor": PASSWORD})).await;
    assert_eq!((phrase.status, phrase.code().as_str()), (403, "not_allowed"), "{}", phrase.text);
    assert_eq!(acting.get("/account").await.status, 404);
    let nested = acting.api("POST", "/sub-accounts", json!({"name": "nested1", "factor": PASSWORD})).await;
    assert_eq!((nested.status, nested.code().as_str()), (403, "not_allowed"), "{}", nested.text);
    // A stranger neither acts for it nor sees it.
    let stranger = world.person("b@keyward.example").await;
    assert_eq!(stranger.acting_for(&sub).get("/keys").await.code(), "no_sub_account");
    assert_eq!(stranger.get(&format!("/sub-accounts/{sub}")).await.code(), "no_sub_account");
    for (method, path, body) in [
        ("POST", "freeze", json!({"factor": PASSWORD})),
        ("PUT", "allowed", json!({"permissions": ["read"], "factor": PASSWORD})),
        ("POST", "members", json!({"email": "b@keyward.example"})),
        ("POST", "accept", json!({"factor": PASSWORD})),
    ] {
        let refused = stranger.api(method, &format!("/sub-accounts/{sub}/{path}"), body).await;
        assert_eq!(refused.status, 404, "{path}: {}", refused.text);
    }
    for odd in ["1", "x", "0", &"9".repeat(30)] {
        assert_eq!(master.acting_for(odd).get("/keys").await.code(), "no_sub_account", "{odd}");
    }
}

#[tokio::test]
async fn what_a_master_approves_for_one_account_is_not_approved_for_another() {
    let world = World::new().await;
    let master = world.person("a@keyward.example").await;
    let (one, two) = (create(&master, "alpha1").await, create(&master, "alpha2").await);
    // The same words, the same key's name; only the account differs.
    let (first, second) = (master.acting_for(&one), master.acting_for(&two));
    let asked = first.api("POST", "/keys", wish("bot")).await;
    assert_eq!(asked.code(), "step_up_required");
    let mut body = wish("bot");
    let code = world.code(&master.email).await;
    body["step_up"] =
        json!({"challenge": asked.field("challenge"), "mail_code": code, "factor": master.totp()});
    let elsewhere = second.api("POST", "/keys", body.clone()).await;
    assert_eq!(elsewhere.code(), "challenge_for_something_else", "{}", elsewhere.text);
    // A page of one account does nothing after a switch to another.
    let tab = Tab::of(&world, &master).await;
    let stale = tab.csrf.clone();
    let mut other = Tab::of(&world, &master).await;
    other.switch(&two).await;
    assert_ne!(stale, other.csrf);
    let refused = tab
        .with_cookie_of(&other)
        .forged("/keys/disable-all", &format!("csrf={stale}&factor={PASSWORD}"))
        .await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert!(refused.text.contains("switched accounts"), "{}", refused.text);
}

#[tokio::test]
async fn keys_may_do_no_more_than_the_master_allows() {
    let world = World::new().await;
    let master = world.person("a@keyward.example").await;
    let sub = create(&master, "alpha1").await;
    let acting = master.acting_for(&sub);
    for (name, rights) in [("reads", &["read"][..]), ("trades", &["read", "trade"])] {
        assert_eq!(acting.approved("POST", "/keys", wish_for(name, rights)).await.status, 201);
    }
    let refused = acting.api("POST", "/keys", wish_for("out", &["read", "withdraw"])).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "key_refused"), "{}", refused.text);
    assert!(refused.text.contains("permission withdraw"), "{}", refused.text);
    let manages = acting.api("POST", "/keys", wish_for("manages", &["manage"])).await;
    assert_eq!(manages.code(), "key_refused");
    // Less takes one factor, and holds what may do more.
    let less = allow(&master, &sub, &["read"], json!({"factor": PASSWORD})).await;
    assert_eq!(less.status, 204, "{}", less.text);
    assert_eq!(held(&world, &sub).await, [("reads".to_owned(), false), ("trades".to_owned(), true)]);
    assert_eq!(acting.api("POST", "/keys", wish_for("more", &["read", "trade"])).await.code(), "key_refused");
    // More takes a step-up, and what was held works again.
    let more = allow(&master, &sub, &["read", "trade"], json!({"factor": PASSWORD})).await;
    assert_eq!(more.code(), "step_up_required");
    let path = format!("/sub-accounts/{sub}/allowed");
    let more = master.approved("PUT", &path, json!({"permissions": ["read", "trade"]})).await;
    assert_eq!(more.status, 204, "{}", more.text);
    assert_eq!(held(&world, &sub).await, [("reads".to_owned(), false), ("trades".to_owned(), false)]);
    assert_eq!(
        allow(&master, &sub, &["read", "trade"], json!({"factor": PASSWORD})).await.code(),
        "unchanged"
    );
    // A rate for each key: keys without one are held.
    let rate = allow(&master, &sub, &["read", "trade"], json!({"rate_cap": 5, "factor": PASSWORD})).await;
    assert_eq!(rate.status, 204, "{}", rate.text);
    assert!(held(&world, &sub).await.iter().all(|(_, held)| *held));
    let mut slow = wish_for("slow", &["read"]);
    slow["rate_cap"] = json!(6);
    assert_eq!(acting.api("POST", "/keys", slow.clone()).await.code(), "key_refused");
    slow["rate_cap"] = json!(5);
    assert_eq!(acting.approved("POST", "/keys", slow).await.status, 201);
    let manage = allow(&master, &sub, &["read", "manage"], json!({"factor": PASSWORD})).await;
    assert_eq!((manage.status, manage.code().as_str()), (422, "bad_permissions"));
}

#[tokio::test]
async fn a_frozen_sub_account_makes_no_keys_and_has_none_that_work() {
    let world = World::new().await;
    let master = world.person("a@keyward.example").await;
    let sub = create(&master, "alpha1").await;
    let acting = master.acting_for(&sub);
    let key = acting.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let freeze = format!("/sub-accounts/{sub}/freeze");
    assert_eq!(master.api("POST", &freeze, json!({"factor": PASSWORD})).await.status, 204);
    assert_eq!(master.api("POST", &freeze, json!({"factor": PASSWORD})).await.code(), "unchanged");
    assert_eq!(held(&world, &sub).await, [("bot".to_owned(), true)]);
    assert_eq!(acting.approved("POST", "/keys", wish("two")).await.code(), "sub_account_frozen");
    let rotate = json!({"name": "bot 2", "passphrase": "Other-Pass1!"});
    let rotated = acting.approved("POST", &format!("/keys/{key}/rotate"), rotate).await;
    assert_eq!(rotated.code(), "sub_account_frozen", "{}", rotated.text);
    // Allowing more does not thaw.
    let all = json!({"permissions": ["read", "trade", "funding", "withdraw"]});
    assert_eq!(master.approved("PUT", &format!("/sub-accounts/{sub}/allowed"), all).await.status, 204);
    assert_eq!(held(&world, &sub).await, [("bot".to_owned(), true)]);
    let thaw = format!("/sub-accounts/{sub}/thaw");
    assert_eq!(master.api("POST", &thaw, json!({})).await.code(), "step_up_required");
    assert_eq!(master.approved("POST", &thaw, json!({})).await.status, 204);
    assert_eq!(held(&world, &sub).await, [("bot".to_owned(), false)]);
    // Whoever takes the row out of the database gets the least, and not the most.
    let file = rusqlite::Connection::open(world.folder.join("keyward.db")).unwrap();
    file.execute("DELETE FROM sub_accounts", []).unwrap();
    assert_eq!(acting.api("POST", "/keys", wish("three")).await.code(), "key_refused");
}

/// A member sees the sub-account and nothing else of the master's, and is gone at once when the master says so.
#[tokio::test]
async fn a_member_administers_one_sub_account_until_the_master_ends_it() {
    let world = World::new().await;
    let master = world.person("a@keyward.example").await;
    let member = world.person("m@keyward.example").await;
    let (sub, other) = (create(&master, "alpha1").await, create(&master, "alpha2").await);
    assert_eq!(member.acting_for(&sub).get("/keys").await.code(), "no_sub_account");
    let path = format!("/sub-accounts/{sub}/members");
    let one_factor = json!({"email": member.email, "factor": PASSWORD});
    assert_eq!(master.api("POST", &path, one_factor).await.status, 422, "an invitation takes a step-up");
    let invited = master.approved("POST", &path, json!({"email": member.email})).await;
    assert_eq!(invited.status, 204, "{}", invited.text);
    let mails = world.mails(&member.email).await;
    let says = "a@keyward.example invites you to administer the sub-account “alpha1”";
    let mail = mails.iter().find(|mail| mail.contains(says)).unwrap_or_else(|| panic!("{mails:?}"));
    assert!(!mail.contains("/brake/"), "no link of the master's: {mail}");
    // An invitation alone opens nothing, and is for its address alone.
    assert_eq!(member.acting_for(&sub).get("/keys").await.code(), "no_sub_account");
    let accept = format!("/sub-accounts/{sub}/accept");
    let stranger = world.person("s@keyward.example").await;
    assert_eq!(stranger.api("POST", &accept, json!({"factor": PASSWORD})).await.code(), "no_invitation");
    assert_eq!(member.get("/invitations").await.json()[0]["name"], "alpha1");
    assert_eq!(member.api("POST", &accept, json!({"factor": PASSWORD})).await.status, 204);
    assert_eq!(member.get("/invitations").await.json(), json!([]));
    assert_eq!(member.api("POST", &accept, json!({"factor": PASSWORD})).await.code(), "no_invitation");
    // Keys of the sub-account, approved by the member's own mailbox and factor.
    let acting = member.acting_for(&sub);
    let key = acting.key("theirs").await["api_key"].as_str().unwrap().to_owned();
    assert_eq!(master.acting_for(&sub).get(&format!("/keys/{key}")).await.status, 200);
    let told = world.mails(&master.email).await;
    assert!(told.iter().any(|mail| mail.contains("An API key was created")), "the master hears of it");
    // The master reads what the member did, whole; the member reads not from where the master acts.
    let issued = |trail: Value| -> Value {
        let records = trail["records"].as_array().unwrap().clone();
        records
            .into_iter()
            .find(|one| one["action"] == "key.issue" && one["subject"] == format!("key:{key}"))
            .unwrap()
    };
    for who in [&master, &master.acting_for(&sub)] {
        let record = issued(who.get("/trail").await.json());
        assert_eq!(record["facts"]["permissions"], "read,trade", "{record}");
    }
    let of_master = master.acting_for(&sub).key("masters").await["api_key"].as_str().unwrap().to_owned();
    let trail = acting.get("/trail").await.json();
    let record = trail["records"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["subject"] == format!("key:{of_master}"))
        .unwrap();
    assert!(record["from"].as_str().unwrap_or_default().is_empty(), "{record}");
    assert!(record["factors"].as_str().unwrap_or_default().is_empty(), "{record}");
    // An emergency stop of the master's is not a member's to undo.
    let stop = json!({"name": "theirs", "factor": PASSWORD});
    let for_sub = master.acting_for(&sub);
    assert_eq!(for_sub.api("POST", &format!("/keys/{key}/disable"), stop).await.status, 200);
    let enable = acting.api("POST", &format!("/keys/{key}/enable"), json!({})).await;
    assert_eq!((enable.status, enable.code().as_str()), (403, "not_allowed"), "{}", enable.text);
    assert_eq!(for_sub.approved("POST", &format!("/keys/{key}/enable"), json!({})).await.status, 200);
    // Nothing else of the master's: no other sub-account, no settings, no limits, no members.
    assert_eq!(member.acting_for(&other).get("/keys").await.code(), "no_sub_account");
    let settings = [
        ("PUT", format!("/sub-accounts/{sub}/allowed"), json!({"permissions": ["read"], "factor": PASSWORD})),
        ("POST", format!("/sub-accounts/{sub}/freeze"), json!({"factor": PASSWORD})),
        ("POST", path.clone(), json!({"email": "s@keyward.example"})),
        ("PUT", "/account/limits".to_owned(), json!({"limits": {"daily_orders": 5}, "factor": PASSWORD})),
    ];
    for (method, path, body) in settings {
        for who in [&member, &acting] {
            let refused = who.api(method, &path, body.clone()).await;
            let own_limits = path == "/account/limits" && who.acting.is_empty();
            assert!([403, 404].contains(&refused.status) || own_limits, "{path}: {}", refused.text);
        }
    }
    // The end: at once, with all sessions.
    let gone = master.api("DELETE", &path, json!({"email": member.email, "factor": PASSWORD})).await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    assert_eq!(acting.get("/keys").await.status, 401);
    let back = member.sign_in_again().await;
    assert_eq!(back.acting_for(&sub).get("/keys").await.code(), "no_sub_account");
    assert_eq!(
        master.api("DELETE", &path, json!({"email": member.email, "factor": PASSWORD})).await.code(),
        "no_member"
    );
}

#[tokio::test]
async fn invitations_end_and_rows_that_somebody_writes_give_no_right() {
    let world = World::new().await;
    let master = world.person("a@keyward.example").await;
    let member = world.person("m@keyward.example").await;
    let sub = create(&master, "alpha1").await;
    let path = format!("/sub-accounts/{sub}/members");
    assert_eq!(master.approved("POST", &path, json!({"email": member.email})).await.status, 204);
    world.pass_days(8);
    let (master, member) = (master.sign_in_again().await, member.sign_in_again().await);
    let accept = format!("/sub-accounts/{sub}/accept");
    assert_eq!(member.api("POST", &accept, json!({"factor": PASSWORD})).await.code(), "no_invitation");
    join(&master, &member, &sub).await;
    assert_eq!(member.acting_for(&sub).get("/keys").await.status, 200);
    // A membership of another sub-account, copied by somebody who can write to the database.
    let other = create(&master, "alpha2").await;
    let file = rusqlite::Connection::open(world.folder.join("keyward.db")).unwrap();
    let copy = "INSERT INTO members SELECT ?1, account, since, data_key, seal FROM members";
    file.execute(copy, [other.parse::<i64>().unwrap()]).unwrap();
    assert_eq!(member.acting_for(&other).get("/keys").await.code(), "no_sub_account");
    // A member can leave.
    let leave = json!({"email": member.email, "factor": PASSWORD});
    assert_eq!(member.api("DELETE", &path, leave).await.status, 204);
}

/// A row that somebody altered stops no freeze, and a frozen member acts for nobody.
#[tokio::test]
async fn an_altered_row_stops_no_freeze_and_a_frozen_member_is_none() {
    let world = World::new().await;
    let master = world.person("a@keyward.example").await;
    let member = world.person("m@keyward.example").await;
    let sub = create(&master, "alpha1").await;
    join(&master, &member, &sub).await;
    let acting = master.acting_for(&sub);
    for name in ["one", "two"] {
        acting.key(name).await;
    }
    let file = rusqlite::Connection::open(world.folder.join("keyward.db")).unwrap();
    file.execute("UPDATE keys SET permissions = 31 WHERE name = 'one'", []).unwrap();
    file.execute("UPDATE sub_accounts SET permissions = 15", []).unwrap();
    let frozen =
        master.api("POST", &format!("/sub-accounts/{sub}/freeze"), json!({"factor": PASSWORD})).await;
    assert_eq!(frozen.status, 204, "{}", frozen.text);
    let keys = world.store.reader().keys_of(Scope::All, sub.parse().unwrap()).await.unwrap();
    let held: Vec<_> = keys.into_iter().flatten().map(|key| key.life.holds.has(Hold::SubAccount)).collect();
    assert_eq!(held, [true], "the one that opens is held");
    assert_eq!(member.acting_for(&sub).get("/keys").await.status, 200);
    let id = member.get("/account").await.field("id");
    file.execute("UPDATE accounts SET frozen_at = 1 WHERE id = ?1", [id.parse::<i64>().unwrap()]).unwrap();
    assert_eq!(member.acting_for(&sub).get("/keys").await.code(), "no_sub_account");
}

/// While the master's keys rest, a member makes none that moves funds.
#[tokio::test]
async fn a_member_does_not_get_around_the_rest_of_the_masters_keys() {
    let world = World::new().await;
    let master = world.person("a@keyward.example").await;
    let member = world.person("m@keyward.example").await;
    let sub = create(&master, "alpha1").await;
    join(&master, &member, &sub).await;
    let changed =
        master.approved("PUT", "/account/password", json!({"password": "fjord-lantern-47-amber-kite"})).await;
    assert!(changed.status < 300, "{}", changed.text);
    let acting = member.acting_for(&sub);
    let funds = acting.approved("POST", "/keys", wish_for("funds", &["read", "funding"])).await;
    assert_eq!(funds.code(), "cooling", "{}", funds.text);
    assert_eq!(acting.approved("POST", "/keys", wish_for("reads", &["read"])).await.status, 201);
}

/// What was allowed when it was asked is looked at again when it is done.
#[tokio::test]
async fn whoever_is_removed_between_question_and_answer_changes_nothing() {
    let world = World::new().await;
    let master = world.person("a@keyward.example").await;
    let member = world.person("m@keyward.example").await;
    let sub = create(&master, "alpha1").await;
    join(&master, &member, &sub).await;
    let context = {
        use keyward_rules::grant::{Acting, ActingAs, Actor, Holder, Origin};
        use keyward_rules::person::{Device, SessionId};
        let account = member.get("/account").await.field("id").parse().unwrap();
        let acting = Some(Acting { sub_account: sub.parse().unwrap(), by: ActingAs::Member });
        let origin = Origin { address: HOME.parse().unwrap(), device: Device::of("test") };
        let session = SessionId::from_entropy([1; 16]);
        Actor::Holder(Holder {
            account,
            acting,
            session,
            device_since: keyward_rules::time::Moment::EPOCH,
            origin,
        })
    };
    let writer = world.store.writer();
    let begin = || {
        let grant = context.may(keyward_rules::grant::ActionKind::EditKey, keyward_rules::grant::Proof::None);
        writer.begin(grant.unwrap(), world.now())
    };
    drop(begin().await.unwrap());
    let path = format!("/sub-accounts/{sub}/members");
    assert_eq!(
        master.api("DELETE", &path, json!({"email": member.email, "factor": PASSWORD})).await.status,
        204
    );
    assert!(matches!(begin().await, Err(keyward_store::StoreError::NoLongerActs)));
}

#[tokio::test]
async fn the_pages_switch_and_show_what_the_api_shows() {
    // The browser is a new device, which may not do all of this at first: see `new_device`.
    let policy = Policy { new_device_hours: None, ..Policy::default() };
    let world = World::under(Settings { policy, ..Settings::default() }).await;
    let master = world.person("a@keyward.example").await;
    let mut tab = Tab::of(&world, &master).await;
    let list = tab.get("/sub-accounts").await.text;
    assert!(list.contains("No sub-accounts yet") && !list.contains("Account: "), "{list}");
    let again = tab.post("/sub-accounts/new", &[("name", "a b"), ("label", "")]).await;
    assert!(again.text.contains("6 to 20 letters and digits"), "{}", again.text);
    let done = tab.confirmed("/sub-accounts/new", &[("name", "alpha1"), ("label", "Market maker")]).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let list = tab.get("/sub-accounts").await.text;
    assert!(list.contains("Market maker") && list.contains("read, trade, funding"), "{list}");
    let sub = master.get("/sub-accounts").await.json()[0]["id"].as_str().unwrap().to_owned();
    let page = format!("/sub-accounts/{sub}");
    assert_eq!(tab.post(&page, &[("label", "MM one")]).await.status, 303);
    assert!(tab.get(&page).await.text.contains("MM one"));
    // Less, more, frozen, thawed.
    let allowed = format!("{page}/allowed");
    assert!(tab.get(&allowed).await.text.contains("Keys may"));
    let none = tab.post(&allowed, &[("chosen", "1"), ("rate", "")]).await;
    assert!(none.text.contains("Select at least one permission"), "{}", none.text);
    let fields = [("chosen", "1"), ("rate", "10"), ("permission", "read"), ("permission", "trade")];
    assert_eq!(tab.confirmed(&allowed, &fields).await.status, 303);
    let fields = [("chosen", "1"), ("rate", ""), ("permission", "read"), ("permission", "trade")];
    assert_eq!(tab.stepped_up(&allowed, &fields).await.status, 303);
    assert_eq!(tab.confirmed(&format!("{page}/freeze"), &[]).await.status, 303);
    assert!(tab.get(&page).await.text.contains("Frozen since"));
    assert_eq!(tab.stepped_up(&format!("{page}/thaw"), &[]).await.status, 303);
    // A member, invited and withdrawn.
    let invite = format!("{page}/invite");
    let wrong = tab.post(&invite, &[("email", "nobody")]).await;
    assert!(
        wrong.text.contains("not an e-mail address") || wrong.text.contains("Not an e-mail address"),
        "{}",
        wrong.text
    );
    assert_eq!(tab.stepped_up(&invite, &[("email", "m@keyward.example")]).await.status, 303);
    assert!(tab.get(&page).await.text.contains("m@keyward.example"));
    let remove = format!("{page}/remove-member");
    assert_eq!(tab.confirmed(&remove, &[("email", "m@keyward.example")]).await.status, 303);
    assert!(!tab.get(&page).await.text.contains("m@keyward.example"));
    // The switch: keys, limits, audit and overview are the sub-account's, and every page says so.
    master.key("main").await;
    master.acting_for(&sub).key("bot").await;
    tab.switch(&sub).await;
    for path in
        ["/overview", "/keys", "/activity", "/limits", "/trail", "/security", "/sub-accounts", "/alerts"]
    {
        let shown = tab.get(path).await;
        assert_eq!(shown.status, 200, "{path}");
        assert!(shown.text.contains("Sub-account alpha1"), "{path}: {}", shown.text);
    }
    let keys = tab.get("/keys").await.text;
    assert!(keys.contains(">bot<") && !keys.contains(">main<"), "{keys}");
    assert_eq!(tab.confirmed("/keys/disable-all", &[]).await.status, 303);
    assert_eq!(
        master.get("/keys").await.json()["keys"][0]["state"],
        "active",
        "the master's own key goes on"
    );
    // What leads to a key of the other account offers the switch, and leads on to the key.
    let id = |reply: Reply| reply.json()["keys"][0]["api_key"].as_str().unwrap().to_owned();
    let (main, bot) = (id(master.get("/keys").await), id(master.acting_for(&sub).get("/keys").await));
    let offered = tab.get(&format!("/keys/{main}")).await;
    assert!(
        offered.status == 200 && offered.text.contains("belongs to your main account"),
        "{}",
        offered.text
    );
    tab.switch("").await;
    assert!(!tab.get("/keys").await.text.contains("Sub-account alpha1"));
    let offered = tab.get(&format!("/keys/{bot}")).await;
    assert!(offered.text.contains("belongs to the sub-account alpha1"), "{}", offered.text);
    let switched = tab.post("/acting", &[("account", &sub), ("part", "keys"), ("key", &bot)]).await;
    assert_eq!(switched.headers["location"], format!("/keys/{bot}"));
    let switched = tab.post("/acting", &[("account", &sub), ("key", "//elsewhere.example")]).await;
    assert_eq!(switched.headers["location"], "/overview");
    let stranger = world.person("z@keyward.example").await;
    let other = Tab::of(&world, &stranger).await;
    for key in [&main, &bot] {
        assert_eq!(other.get(&format!("/keys/{key}")).await.status, 404);
    }
    assert_eq!(tab.post("/acting", &[("account", "123")]).await.status, 404);
}
