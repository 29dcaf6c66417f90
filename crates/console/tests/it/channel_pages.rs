//! The pages of alert channels: added with a step-up, the secret shown once, tested, changed, removed.

use crate::channels::world;
use crate::tab::Tab;
use crate::world::PASSWORD;

/// Where a channel is added.
const NEW: &str = "/alerts/channels/new";

fn hook<'f>(url: &'f str, name: &'f str) -> Vec<(&'f str, &'f str)> {
    vec![("kind", "webhook"), ("name", name), ("url", url), ("which", "all"), ("digest", "at_once")]
}

#[tokio::test]
async fn a_webhook_from_the_form_to_its_removal() {
    let (world, receiver) = world().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    assert!(tab.get("/alerts").await.text.contains("href=\"/alerts/channels\""));
    assert!(tab.get("/alerts/channels").await.text.contains("No channels yet"));
    let kinds = tab.get("/alerts/channels/new").await.text;
    assert!(
        ["webhook", "slack", "telegram", "discord"]
            .iter()
            .all(|kind| kinds.contains(&format!("?kind={kind}")))
    );

    let url = receiver.url("/url-canary");
    let made = tab.stepped_up(NEW, &hook(&url, "<b>ops</b>")).await;
    assert!(made.text.contains("whsec_") && made.text.contains("The channel is added"), "{}", made.text);
    for part in ["hmac.compare_digest", "timingSafeEqual", "hmac.Equal"] {
        assert!(made.text.contains(part), "{part}");
    }
    let id = format!("ch_{}", made.text.split("/alerts/channels/ch_").nth(1).unwrap().get(..32).unwrap());
    let path = format!("/alerts/channels/{id}");
    for page in ["/alerts/channels", &path] {
        let page = tab.get(page).await;
        assert_eq!(page.status, 200);
        assert!(
            !page.text.contains("canary") && !page.text.contains("whsec_") && !page.text.contains("<b>ops")
        );
        assert!(page.text.contains(&receiver.url("")) && page.text.contains("All alerts, at once"));
    }

    assert_eq!(tab.post(&format!("{path}/test"), &[]).await.status, 303);
    let rows = tab.get(&format!("{path}?fragment=rows&before=")).await.text;
    assert!(rows.starts_with("<tr>") && rows.contains("waiting") && rows.contains("Test"), "{rows}");

    let change = |quiet_from, factor| {
        vec![
            ("name", "ops"),
            ("which", "critical"),
            ("digest", "daily"),
            ("quiet_from", quiet_from),
            ("quiet_to", "06:00"),
            ("factor", factor),
        ]
    };
    let refused = tab.post(&path, &change("6:00", PASSWORD)).await;
    assert!(refused.status == 422 && refused.text.contains("Quiet hours go from"), "{}", refused.text);
    let refused = tab.post(&path, &change("22:00", "wrong password 1")).await;
    assert!(refused.status == 422 && refused.text.contains("value=\"22:00\""), "{}", refused.text);
    assert_eq!(tab.post(&path, &change("22:00", PASSWORD)).await.status, 303);
    assert!(tab.get(&path).await.text.contains("Critical alerts only, at once"));

    assert!(tab.get(&format!("{path}/remove")).await.text.contains("Remove this alert channel?"));
    let refused = tab.post(&format!("{path}/remove"), &[("factor", "000000")]).await;
    assert!(refused.text.contains("class=\"error\"") && tab.get(&path).await.status == 200);
    assert_eq!(tab.post(&format!("{path}/remove"), &[("factor", PASSWORD)]).await.status, 303);
    assert_eq!(tab.get(&path).await.status, 404);
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_field() {
    let (world, receiver) = world().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    let url = receiver.url("/x");
    let token = "123456789:AAtokenAAtokenAAtokenAAtokenAAtokenA";
    for (fields, field, words) in [
        (hook("https://127.0.0.1/x", "ops"), "url", "is loopback"),
        (hook("http://hooks.example.com/x", "ops"), "url", "must use https"),
        (hook("https://u@hooks.example.com/x", "ops"), "url", "user name"),
        (hook(&url, " "), "name", "A name is needed"),
        (
            vec![("kind", "slack"), ("name", "ops"), ("url", "https://evil.example/x")],
            "url",
            "hooks.slack.com",
        ),
        (vec![("kind", "discord"), ("name", "ops"), ("url", &url)], "url", "discord.com"),
        (vec![("kind", "telegram"), ("name", "ops"), ("token", "x"), ("chat", "1")], "token", "BotFather"),
        (
            vec![("kind", "telegram"), ("name", "ops"), ("token", token), ("chat", "x")],
            "chat",
            "chat is a number",
        ),
    ] {
        let refused = tab.post("/alerts/channels/new", &fields).await;
        assert_eq!(refused.status, 422, "{fields:?}");
        let hint =
            refused.text.split(&format!("id=\"h-{field}\"")).nth(1).unwrap().split("</p>").next().unwrap();
        assert!(hint.contains("class=\"error\"") && hint.contains(words), "{fields:?}: {hint}");
    }
    // All at once; the first wrong field alone is ready for typing.
    let mut wrong = hook("http://hooks.example.com/x", " ");
    wrong.extend([("quiet_from", "6:00"), ("quiet_to", "")]);
    let refused = tab.post(NEW, &wrong).await.text;
    let count = |text: &str| refused.matches(text).count();
    assert_eq!((count("class=\"error\""), count(" autofocus")), (3, 1), "{refused}");
    tab.stepped_up(NEW, &hook(&url, "ops")).await;
    let taken = tab.post("/alerts/channels/new", &hook(&url, "ops")).await;
    assert!(taken.status == 422 && taken.text.contains("exists already"));
}

#[tokio::test]
async fn another_accounts_channel_is_not_there() {
    let (world, receiver) = world().await;
    let (owner, thief) = (world.person("a@keyward.example").await, world.person("b@keyward.example").await);
    let (id, _) = crate::channels::added(&owner, crate::channels::hook("ops", &receiver)).await;
    let tab = Tab::of(&world, &thief).await;
    let path = format!("/alerts/channels/{id}");
    for page in [path.clone(), format!("{path}?fragment=rows"), format!("{path}/remove")] {
        assert_eq!(tab.get(&page).await.status, 404, "{page}");
    }
    let message = format!("msg_{}", "0".repeat(32));
    for (action, fields) in [
        ("", vec![("name", "mine"), ("which", "critical"), ("digest", "daily"), ("factor", PASSWORD)]),
        ("/test", vec![]),
        ("/send-again", vec![("message", message.as_str())]),
        ("/remove", vec![("factor", PASSWORD)]),
    ] {
        assert_eq!(tab.post(&format!("{path}{action}"), &fields).await.status, 404, "{action}");
    }
    assert!(tab.get("/alerts/channels").await.text.contains("No channels yet"));
    assert_eq!(owner.get(&format!("/channels/{id}")).await.json()["name"], "ops");
}
