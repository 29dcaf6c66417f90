//! Pages that say what went wrong: in the frame of who is signed in, with the way back; bare for strangers.

use axum::body::Body;
use axum::http::{Request, header};

use crate::operators::two_operators;
use crate::tab::Tab;
use crate::world::{HOME, Reply, World};

/// The navigation and the way out: what makes a frame.
fn is_framed(reply: &Reply) -> bool {
    reply.text.contains("<nav aria-label=\"Main\">") && reply.text.contains("action=\"/sign-out\"")
}

#[tokio::test]
async fn errors_keep_the_frame_and_lead_back() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let tab = Tab::of(&world, &person).await;
    let gone = "0b7c2f1e-8a43-4d0f-9b2a-3c5d6e7f8091";
    let missing = [
        ("/nowhere".to_owned(), "/keys"),
        ("/keys/nonsense".to_owned(), "/keys"),
        (format!("/keys/{gone}"), "/keys"),
        (format!("/keys/{gone}/disable"), "/keys"),
        (format!("/keys/{gone}/activity"), "/keys"),
        ("/alerts/channels/nonsense".to_owned(), "/alerts"),
        ("/security/passkeys/nonsense/rename".to_owned(), "/security"),
        ("/trail/nonsense/proof".to_owned(), "/security"),
        ("/apps/1".to_owned(), "/keys"),
        ("/operations".to_owned(), "/keys"),
        ("/operations/audit".to_owned(), "/keys"),
        ("/dev/mail".to_owned(), "/keys"),
    ];
    for (path, back) in missing {
        let shown = tab.get(&path).await;
        assert!(shown.status == 404 && is_framed(&shown), "{path}: {} {}", shown.status, shown.text);
        let way = format!("<a class=\"button\" href=\"{back}\">");
        assert!(shown.text.contains(&way), "{path}: {}", shown.text);
        assert!(shown.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
        let length =
            shown.headers.get(header::CONTENT_LENGTH).map(|text| text.to_str().unwrap().parse().unwrap());
        assert!(length.is_none_or(|length: usize| length == shown.text.len()), "{path}");
    }
    // Refusals of a form: by a rule, by its token, by its size.
    let refused = tab.post(&format!("/keys/{key}/end-overlap"), &[("name", "bot"), ("factor", "x")]).await;
    assert!(is_framed(&refused), "{}", refused.text);
    let unknown = tab.post("/security/sessions/end", &[("session", "x")]).await;
    assert!(unknown.status == 404 && is_framed(&unknown), "{}", unknown.text);
    let long = "x".repeat(70_000);
    let large = tab.post(&format!("/keys/{key}"), &[("name", long.as_str())]).await;
    assert!(large.status == 413 && is_framed(&large), "{} {}", large.status, large.text);
    let foreign = tab.post(&format!("/keys/{key}"), &[]).await;
    assert!(is_framed(&foreign), "{}", foreign.text);
}

#[tokio::test]
async fn a_form_of_another_session_is_refused_in_the_frame() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    let refused = tab.forged("/alerts", "csrf=00000000000000000000000000000000&upto=1").await;
    assert!(refused.status == 403 && is_framed(&refused), "{}", refused.text);
    assert!(refused.text.contains("That form is not from this session"));
    assert!(
        refused.text.contains("<a class=\"button\" href=\"/alerts\">To the alerts</a>"),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn operators_are_led_back_to_their_own_pages() {
    let world = World::new().await;
    let (officer, _) = two_operators(&world).await;
    let tab = Tab::of(&world, &officer).await;
    for path in ["/operations/keys/nonsense", "/operations/accounts/999999", "/operations/proposals/nonsense"]
    {
        let shown = tab.get(path).await;
        assert!(shown.status == 404 && is_framed(&shown), "{path}: {}", shown.text);
        assert!(shown.text.contains("<a class=\"button\" href=\"/operations\">To operations</a>"), "{path}");
    }
    let searched = tab.get("/operations/audit?from=yesterday").await;
    assert!(searched.status == 422 && is_framed(&searched), "{}", searched.text);
}

#[tokio::test]
async fn strangers_and_parts_of_pages_get_no_frame() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    let part = tab.part("/nowhere").await;
    assert!(part.status == 404 && !is_framed(&part), "a script puts it into a page that has one");
    for cookie in
        ["", "__Host-keyward=kwp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "__Host-keyward=nonsense"]
    {
        for path in ["/nowhere", "/prove/1/2/3", "/brake/nonsense", "/dev/mail"] {
            let page =
                Request::builder().uri(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap();
            let shown = world.send(HOME, page).await;
            assert!(shown.status >= 400 && !is_framed(&shown), "{path} with {cookie}: {}", shown.text);
            assert!(!shown.text.contains(&person.email));
        }
    }
}

#[tokio::test]
async fn an_error_page_keeps_no_session_alive() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    world.pass_ms(20 * 60_000);
    let shown = tab.get("/nowhere").await;
    assert!(shown.status == 404 && is_framed(&shown));
    world.pass_ms(11 * 60_000);
    let late = tab.get("/nowhere").await;
    assert!(late.status == 404 && !is_framed(&late), "nobody has done anything for half an hour");
}
