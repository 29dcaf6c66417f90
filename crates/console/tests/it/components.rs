//! The page of components: in the sandbox only, and with invented content only.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt as _;
use keyward_console::{Console, DevMail, DevMessage, Settings, Shell};
use keyward_rules::route::RouteTable;
use tower::ServiceExt as _;

use crate::doors::browser;
use crate::routes::get;
use crate::sockets::FakeSockets;
use crate::world::{HOME, ORIGIN, World};

/// A mailbox without mails: what makes a console a sandbox's.
struct Empty;

impl DevMail for Empty {
    fn newest_first(&self) -> Vec<DevMessage> {
        Vec::new()
    }
}

/// A sandbox's console on the world's store.
fn sandbox(world: &World) -> Router {
    let settings = Settings {
        origin: ORIGIN.to_owned(),
        gateway: "https://api.example".to_owned(),
        mail: Some(Box::new(Empty)),
        sockets: Arc::<FakeSockets>::clone(&world.sockets),
        day_sums: Arc::new(keyward_api::day_sums::NoDaySums),
        shown: Vec::new(),
    };
    let routes = RouteTable::okx_v5(1).unwrap();
    let shell = Shell::new(Arc::clone(&world.authority), routes, settings, world.ticks());
    Console::new(shell).router_for(HOME.parse::<IpAddr>().unwrap())
}

#[tokio::test]
async fn a_server_has_no_such_page() {
    let world = World::new().await;
    assert_eq!(get(&world, "", "/dev/components").await.status, 404);
    let person = world.person("a@keyward.example").await;
    let cookie = browser(&world, &person).await;
    assert_eq!(get(&world, &cookie, "/dev/components").await.status, 404);
}

#[tokio::test]
async fn the_sandbox_shows_every_component_and_nothing_of_anybody() {
    let world = World::new().await;
    let person = world.person("zoe@keyward.example").await;
    let key = person.key("Very own key").await["api_key"].as_str().unwrap().to_owned();
    let cookie = browser(&world, &person).await;
    for cookie in ["", cookie.as_str()] {
        let page = Request::builder().uri("/dev/components").header(header::COOKIE, cookie);
        let answer = sandbox(&world).oneshot(page.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(!text.contains(" style=") && !text.contains("<script>"), "{text}");
        for own in [person.email.as_str(), "Very own key", key.as_str()] {
            assert!(!text.contains(own), "{own}");
        }
        for part in [
            "class=\"primary\"",
            "class=\"danger\"",
            " disabled>Disabled",
            "class=\"busy\"",
            "aria-invalid=\"true\"",
            "role=\"switch\" aria-checked=\"true\"",
            "class=\"state frozen\"",
            "class=\"right withdraw\"",
            "class=\"alarm calm\"",
            "class=\"tile waits\"",
            "class=\"tabs\"",
            "<svg class=\"chart",
            "class=\"list checklist\"",
            "class=\"card empty\"",
            "class=\"why\"",
            ">accepted</span>",
            "class=\"state held\">partly accepted<",
            "<code>51001</code> Instrument ID does not exist",
            "class=\"loading\"",
            "class=\"swatch warn-wash\"",
            "class=\"type-figure\"",
            "#back\"/></svg><code>back</code>",
        ] {
            assert!(text.contains(part), "{part}");
        }
    }
}
