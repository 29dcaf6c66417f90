//! What pages weigh, with 50 busy keys: at most 60 KB for a first look without fonts, 15 KB for each page after, 75 KB of fonts.
//! And how long a page takes, which is printed and not judged: `cargo nextest run … --no-capture -E 'test(budget)'`.

use std::io::Read as _;
use std::time::Instant;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use flate2::read::GzDecoder;
use http_body_util::BodyExt as _;
use keyward_rules::limits::DAY_MS;
use tower::ServiceExt as _;

use crate::activity::traffic;
use crate::doors::browser;
use crate::tab::Tab;
use crate::world::{HOME, World};

const FIRST: usize = 60 * 1_024;
const AFTER: usize = 15 * 1_024;
const FONTS: usize = 75 * 1_024;
const KEYS: usize = 50;

/// The bytes of an answer as a browser that takes gzip gets them, and whether they are packed.
async fn transferred(world: &World, cookie: &str, path: &str) -> (StatusCode, Vec<u8>, bool) {
    let request = Request::builder()
        .uri(path)
        .header(header::COOKIE, cookie)
        .header(header::ACCEPT_ENCODING, "gzip, deflate, br")
        .body(Body::empty())
        .unwrap();
    let answer = world.router(HOME).oneshot(request).await.unwrap();
    let packed = answer.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
    let status = answer.status();
    (status, answer.into_body().collect().await.unwrap().to_bytes().to_vec(), packed)
}

/// The assets that a page names: the attributes that lead to them.
fn assets(page: &str) -> Vec<String> {
    let mut all: Vec<String> = page
        .split('"')
        .filter(|part| part.starts_with("/assets/"))
        .map(|path| path.split('#').next().unwrap().to_owned())
        .collect();
    all.sort();
    all.dedup();
    all
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "times are printed and not judged")]
async fn pages_stay_within_their_bytes_with_fifty_keys() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let traffic = traffic(&person, KEYS).await;
    traffic.append(&world, 60_000, 7 * DAY_MS).await;
    let person = person.sign_in_again().await;
    let cookie = browser(&world, &person).await;
    let key = traffic.keys[7];

    // The first look: the list with its style sheet, scripts and icons.
    let (_, page, packed) = transferred(&world, &cookie, "/keys").await;
    assert!(packed, "a page is compressed");
    let mut text = String::new();
    GzDecoder::new(page.as_slice()).read_to_string(&mut text).unwrap();
    assert!(text.contains("50 of 50") && text.ends_with("</html>"), "{text}");
    let (mut first, mut fonts) = (page.len(), 0);
    let named = assets(&text);
    assert!(named.len() >= 5, "{named:?}");
    for path in &named {
        let (status, bytes, packed) = transferred(&world, &cookie, path).await;
        assert_eq!(status, 200, "{path}");
        first += bytes.len();
        if path.ends_with(".css") {
            assert!(packed, "the style sheet is compressed");
            let mut css = String::new();
            GzDecoder::new(bytes.as_slice()).read_to_string(&mut css).unwrap();
            for font in css.split(['(', ')']).filter(|part| part.ends_with(".woff2")) {
                fonts += transferred(&world, &cookie, font).await.1.len();
            }
        }
    }
    eprintln!("the first look: {first} bytes, of which {} are the page; fonts: {fonts} bytes", page.len());
    assert!(first <= FIRST, "the first look weighs {first} bytes");
    assert!((1..=FONTS).contains(&fonts), "the fonts weigh {fonts} bytes");

    let paths = [
        "/overview".to_owned(),
        "/keys".to_owned(),
        "/keys?sort=name&state=active".to_owned(),
        "/keys/new".to_owned(),
        "/keys/reach".to_owned(),
        "/keys/reach?from=127.0.0.1".to_owned(),
        "/keys/disable-all".to_owned(),
        format!("/keys/{key}"),
        format!("/keys/{key}/activity?range=hour"),
        format!("/keys/{key}/activity?range=week"),
        format!("/keys/{key}/activity?range=month"),
        format!("/keys/{key}/settings"),
        format!("/keys/{key}/live"),
        "/activity".to_owned(),
        "/activity?range=week".to_owned(),
        "/activity/live".to_owned(),
        "/alerts".to_owned(),
        "/review".to_owned(),
        "/alerts/channels".to_owned(),
        "/trail".to_owned(),
        "/security".to_owned(),
        "/palette".to_owned(),
        "/apps".to_owned(),
    ];
    let mut heavy = Vec::new();
    for path in &paths {
        let mut times = Vec::new();
        let mut weight = 0;
        for _ in 0..5 {
            let began = Instant::now();
            let (status, bytes, _) = transferred(&world, &cookie, path).await;
            times.push(began.elapsed());
            assert_eq!(status, 200, "{path}");
            weight = bytes.len();
        }
        times.sort();
        eprintln!("{weight:>6} bytes, {:>5.1} ms: {path}", times[2].as_secs_f64() * 1_000.0);
        if weight > AFTER {
            heavy.push(format!("{path}: {weight} bytes"));
        }
    }
    assert!(heavy.is_empty(), "{heavy:?}");
}

#[tokio::test]
async fn answers_that_may_hold_secrets_are_not_compressed_and_tokens_are_masked() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    let token = |page: &str| crate::tab::value(page, "csrf");
    let (one, other) = (tab.get("/keys/new").await.text, tab.get("/keys/new").await.text);
    assert_ne!(token(&one), token(&other), "each page has a mask of its own");
    // Both are good, and one of another session or with a digit changed is not.
    let body = |token: &str| format!("csrf={token}&field=name&name=x");
    for good in [token(&one), token(&other)] {
        assert_eq!(tab.forged("/keys/check", &body(&good)).await.status, 200);
        let last = if good.ends_with('0') { "1" } else { "0" };
        let changed = format!("{}{last}", &good[..good.len() - 1]);
        for bad in [changed.as_str(), &good[..32], &good[32..], ""] {
            assert_eq!(tab.forged("/keys/check", &body(bad)).await.status, 403, "{bad}");
        }
    }
    let stranger = world.person("b@keyward.example").await;
    let theirs = Tab::of(&world, &stranger).await;
    assert_eq!(tab.forged("/keys/check", &body(&theirs.csrf)).await.status, 403);

    // A page that a form led to stays as it is, and so does every page of a browser that takes no gzip.
    let mut form = tab.request("/keys/new", &tab.body(&[("name", "x")]));
    form.headers_mut().insert(header::ACCEPT_ENCODING, "gzip".parse().unwrap());
    let answer = world.send(HOME, form).await;
    assert!(answer.text.len() > 2_000 && !answer.headers.contains_key(header::CONTENT_ENCODING));
    let plain = tab.get("/keys/new").await;
    assert!(!plain.headers.contains_key(header::CONTENT_ENCODING));
    assert_eq!(plain.headers[header::VARY], "accept-encoding");
}
