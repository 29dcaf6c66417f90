//! Codes and passwords as people paste and type them: blanks and marks do not matter, what is no code costs no try, and letters
//! in pieces are the same password.

use axum::body::Body;
use axum::http::{Request, header};
use keyward_authority::Authenticator;
use serde_json::{Value, json};

use crate::doors::form;
use crate::tab::{Tab, encoded, value};
use crate::world::{HOME, PASSWORD, Person, Reply, World, wish};

const SAME: [(&str, &str); 1] = [("sec-fetch-site", "same-origin")];
/// How many spellings there are of a code.
const SPELLINGS: usize = 13;

/// What is no code of any kind, and no password.
const UNREADABLE: [&str; 12] = [
    "",
    " ",
    "\n",
    "1234",
    "12345a",
    "123-456",
    "+12345",
    "٠١٢٣٤٥",
    "０１２３４５",
    "code: 12345",
    "12.345",
    "1234567\0",
];

/// Spellings of a code that mails, apps, shells and keyboards make.
fn spellings(code: &str) -> Vec<String> {
    let (left, right) = code.split_at(code.len() / 2);
    let pairs: Vec<&str> = (0..code.len()).step_by(2).map(|at| &code[at..at + 2]).collect();
    vec![
        format!(" {code}  "),
        format!("{code}\n"),
        format!("{code}\r\n"),
        format!("\t{code}"),
        format!("{left} {right}"),
        format!("{left}\u{a0}{right}"),
        format!("{left}\u{202f}{right}"),
        format!("{left}\u{2009}{right}"),
        format!("{left}  {right}"),
        pairs.join(" "),
        format!("{code}\u{200b}"),
        format!("\u{200e}{code}\u{200e}"),
        format!("\u{feff}{code}"),
    ]
}

fn assert_unreadable(answer: &Reply, code: &str, text: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (422, code), "{text:?}: {}", answer.text);
    assert!(answer.text.contains("not counted as an attempt"), "{}", answer.text);
}

#[tokio::test]
async fn a_second_factor_is_read_however_it_was_pasted() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let half = async || {
        let body = json!({"email": person.email, "password": PASSWORD, "device": person.device});
        world.api(HOME, "", "POST", "/session", &body).await.field("token")
    };
    let enter = async |half: &str, code: &str| {
        let body = json!({"code": code, "device": person.device});
        world.api(HOME, half, "POST", "/session/second-factor", &body).await
    };
    for number in 0..spellings("123456").len() {
        let code = person.totp();
        let entered = enter(&half().await, &spellings(&code)[number]).await;
        assert_eq!(entered.status, 200, "{:?}: {}", spellings(&code)[number], entered.text);
    }
    let sheet = person.recovery[0].clone();
    let entered =
        enter(&half().await, &format!("\u{a0}{}\r\n", sheet.to_uppercase().replace('-', "\u{2009}"))).await;
    assert_eq!(entered.status, 200, "{}", entered.text);
    // Dozens of pastes that are none lock nobody out; five wrong codes do.
    let open = half().await;
    for text in UNREADABLE.iter().cycle().take(48) {
        assert_unreadable(&enter(&open, text).await, "factor_unreadable", text);
    }
    assert_eq!(enter(&open, &person.totp()).await.status, 200);
    let open = half().await;
    let wrong = |number: u32| {
        format!("{:06}", (person.totp_now().parse::<u32>().unwrap() + 1_000 + number) % 1_000_000)
    };
    let mut codes = Vec::new();
    for number in 0..6 {
        codes.push(enter(&open, &wrong(number)).await.code());
    }
    assert!(codes.contains(&"factor_paused".to_owned()), "{codes:?}");
}

#[tokio::test]
async fn a_step_up_costs_no_try_for_what_is_no_code() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let asked = person.api("POST", "/keys", wish("bot")).await;
    let (challenge, right) = (asked.field("challenge"), world.code(&person.email).await);
    let answer = async |mail_code: &str, factor: &str| {
        let mut body = wish("bot");
        body["step_up"] = json!({"challenge": challenge, "mail_code": mail_code, "factor": factor});
        person.api("POST", "/keys", body).await
    };
    for text in UNREADABLE {
        assert_unreadable(&answer(text, "123456").await, "code_unreadable", text);
        // Without any factor the body is not whole.
        if !text.is_empty() {
            assert_unreadable(&answer(&right, text).await, "factor_unreadable", text);
        }
    }
    // Four of the five tries are spent on wrong codes, the last is good.
    for number in 1..5 {
        let wrong = format!("{:08}", (right.parse::<u32>().unwrap() + number) % 100_000_000);
        assert_eq!(answer(&wrong, "123456").await.code(), "code_wrong");
    }
    let pasted = spellings(&right);
    let made = answer(&pasted[9], &spellings(&person.totp())[5]).await;
    assert_eq!(made.status, 201, "{}", made.text);
}

#[tokio::test]
async fn codes_of_mails_are_read_in_every_form_that_takes_one() {
    let world = World::new().await;
    // Registering.
    let fields = json!({"email": "b@keyward.example", "password": PASSWORD});
    let asked = world.api(HOME, "", "POST", "/registrations", &fields).await;
    let path = format!("/registrations/{}/confirm", asked.field("id"));
    for text in UNREADABLE {
        let refused = world.api(HOME, "", "POST", &path, &json!({"code": text})).await;
        assert_unreadable(&refused, "code_unreadable", text);
    }
    let code = world.code("b@keyward.example").await;
    let made = world.api(HOME, "", "POST", &path, &json!({"code": spellings(&code)[10]})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    // A lost password.
    let person = world.person("c@keyward.example").await;
    let asked = world.api(HOME, "", "POST", "/recoveries", &json!({"email": person.email})).await;
    let path = format!("/recoveries/{}/confirm", asked.field("id"));
    let code = world.code(&person.email).await;
    let reset = async |mail_code: &str, factor: &str| {
        let body =
            json!({"mail_code": mail_code, "factor": factor, "password": "brass-tulip-88-north-canoe"});
        world.api(HOME, "", "POST", &path, &body).await
    };
    for text in UNREADABLE {
        assert_unreadable(&reset(text, "123456").await, "code_unreadable", text);
        if !text.is_empty() {
            assert_unreadable(&reset(&code, text).await, "factor_unreadable", text);
        }
    }
    let done = reset(&spellings(&code)[4], &spellings(&person.totp())[0]).await;
    assert_eq!(done.status, 204, "{}", done.text);
}

/// A code in the spelling of a number.
fn spelt(code: &str, number: usize) -> String {
    spellings(code).swap_remove(number)
}

/// Another hour, with its ten codes, in a new session.
async fn an_hour_later<'w>(person: &Person<'w>) -> Person<'w> {
    person.world.pass_ms(3_600_000);
    person.sign_in_again().await
}

/// Asserts that a page refuses what is no code, and does not count it.
fn assert_not_counted(page: &Reply, status: u16, text: &str) {
    assert_eq!(page.status, status, "{text:?}: {}", page.text);
    assert!(page.text.contains("not counted as an attempt"), "{text:?}: {}", page.text);
}

#[test]
fn the_spellings_are_counted() {
    assert_eq!(spellings("12345678").len(), SPELLINGS);
}

#[tokio::test]
async fn a_step_up_reads_every_spelling_of_both_codes() {
    let world = World::new().await;
    let (mut person, path) = (world.person("a@keyward.example").await, "/account/recovery-codes");
    for number in 0..SPELLINGS {
        if number % 7 == 0 {
            person = an_hour_later(&person).await;
        }
        let asked = person.api("POST", path, json!({})).await;
        let mail_code = spelt(&world.code(&person.email).await, number);
        let factor = spelt(&person.totp(), SPELLINGS - 1 - number);
        let step_up =
            json!({"challenge": asked.field("challenge"), "mail_code": mail_code, "factor": factor});
        let made = person.api("POST", path, json!({"step_up": step_up})).await;
        assert_eq!(made.status, 200, "{mail_code:?} {factor:?}: {}", made.text);
    }
}

#[tokio::test]
async fn a_registration_reads_every_spelling_of_its_code() {
    let world = World::new().await;
    for number in 0..SPELLINGS {
        // Codes are counted by the source.
        let (email, from) = (format!("p{number}@keyward.example"), format!("198.51.100.{number}"));
        let fields = json!({"email": email, "password": PASSWORD});
        let asked = world.api(&from, "", "POST", "/registrations", &fields).await;
        let path = format!("/registrations/{}/confirm", asked.field("id"));
        let code = spelt(&world.code(&email).await, number);
        let made = world.api(&from, "", "POST", &path, &json!({"code": code})).await;
        assert_eq!(made.status, 201, "{code:?}: {}", made.text);
    }
}

#[tokio::test]
async fn a_reset_reads_every_spelling_of_both_codes() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    for number in 0..SPELLINGS {
        let from = format!("198.51.100.{number}");
        let asked = world.api(&from, "", "POST", "/recoveries", &json!({"email": person.email})).await;
        let path = format!("/recoveries/{}/confirm", asked.field("id"));
        let mail_code = spelt(&world.code(&person.email).await, number);
        let factor = spelt(&person.totp(), SPELLINGS - 1 - number);
        let password = format!("{PASSWORD}-{number}");
        let body = json!({"mail_code": mail_code, "factor": factor, "password": password});
        let done = world.api(&from, "", "POST", &path, &body).await;
        assert_eq!(done.status, 204, "{mail_code:?} {factor:?}: {}", done.text);
    }
}

#[tokio::test]
async fn a_new_address_is_confirmed_by_every_spelling_of_its_code() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    for number in 0..SPELLINGS {
        // Each change takes two of the ten codes of an hour.
        if number % 4 == 0 {
            person = an_hour_later(&person).await;
        }
        let next = format!("next{number}@keyward.example");
        let asked = person.approved("PUT", "/account/email", json!({"email": next})).await;
        assert_eq!(asked.status, 202, "{}", asked.text);
        let path = format!("/account/email/{}/confirm", asked.field("id"));
        let confirm = async |code: &str| person.api("POST", &path, json!({"code": code})).await;
        for text in UNREADABLE.into_iter().filter(|_| number == 0) {
            assert_unreadable(&confirm(text).await, "code_unreadable", text);
        }
        let code = spelt(&world.code(&next).await, number);
        let done = confirm(&code).await;
        assert_eq!(done.status, 204, "{code:?}: {}", done.text);
        assert_eq!(person.get("/account").await.field("email"), next);
        person.email = next;
    }
}

#[tokio::test]
async fn a_new_authenticator_is_tried_by_every_spelling_of_its_code() {
    let world = World::new().await;
    let mut person = world.without_factor("a@keyward.example").await;
    for number in 0..SPELLINGS {
        if number % 7 == 0 {
            person = an_hour_later(&person).await;
        }
        let secret = person.api("POST", "/account/authenticator/propose", Value::Null).await.field("secret");
        let code = Authenticator::from_base32(&secret).unwrap().code_at(world.now());
        let enrol = async |code: &str| {
            person.api("PUT", "/account/authenticator", json!({"secret": secret, "code": code})).await
        };
        for text in UNREADABLE.into_iter().filter(|_| number == 0) {
            assert_unreadable(&enrol(text).await, "factor_unreadable", text);
        }
        let other = format!("{:06}", (code.parse::<u32>().unwrap() + 1_000) % 1_000_000);
        assert_eq!(enrol(&spelt(&other, number)).await.code(), "factor_wrong", "{other}");
        let asked = enrol(&spelt(&code, number)).await;
        assert_eq!(asked.code(), "step_up_required", "{:?}: {}", spelt(&code, number), asked.text);
    }
}

/// The cookies that a reply sets, as a browser sends them back.
fn cookies(reply: &Reply) -> String {
    let all = reply.headers.get_all(header::SET_COOKIE).iter();
    let pairs = all.map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned());
    pairs.collect::<Vec<_>>().join("; ")
}

/// Asserts that a form has opened a full session.
async fn assert_opened(world: &World, reply: &Reply, code: &str) {
    assert_eq!(reply.status, 303, "{code:?}: {}", reply.text);
    let page = Request::builder().uri("/keys").header(header::COOKIE, cookies(reply));
    assert_eq!(world.send(HOME, page.body(Body::empty()).unwrap()).await.status, 200, "{code:?}");
}

#[tokio::test]
async fn the_page_of_the_second_factor_reads_every_spelling_and_counts_no_other_text() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let half = async || {
        let body = encoded(&[("email", &person.email), ("password", PASSWORD)]);
        cookies(&world.send(HOME, form("/sign-in", "", &SAME, &body)).await)
    };
    let enter = async |half: &str, code: &str| {
        world.send(HOME, form("/sign-in/factor", half, &SAME, &encoded(&[("code", code)]))).await
    };
    for number in 0..SPELLINGS {
        let (open, code) = (half().await, spelt(&person.totp(), number));
        assert_opened(&world, &enter(&open, &code).await, &code).await;
    }
    let open = half().await;
    for text in UNREADABLE {
        let refused = enter(&open, text).await;
        assert_not_counted(&refused, 401, text);
        assert!(cookies(&refused).is_empty(), "{text:?}");
    }
    let code = person.totp();
    assert_opened(&world, &enter(&open, &code).await, &code).await;
    // Wrong codes are counted: after the fifth, the next one waits.
    let (open, right) = (half().await, person.totp_now().parse::<u32>().unwrap());
    let mut last = String::new();
    for number in 1_000..1_006 {
        let refused = enter(&open, &format!("{:06}", (right + number) % 1_000_000)).await;
        assert!(refused.status == 401 && !refused.text.contains("not counted"), "{}", refused.text);
        last = refused.text;
    }
    assert!(last.contains("oo many wrong attempts"), "{last}");
}

#[tokio::test]
async fn the_pages_of_a_step_up_read_every_spelling_and_count_no_other_text() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let (codes, enrol) = ("/security/recovery-codes", "/security/authenticator");
    // Each spelling takes two of the ten codes of an hour.
    for first in (0..SPELLINGS).step_by(4) {
        person = an_hour_later(&person).await;
        let tab = Tab::of(&world, &person).await;
        for number in first..SPELLINGS.min(first + 4) {
            let asked = tab.post(codes, &[]).await;
            let (challenge, right) = (value(&asked.text, "challenge"), world.code(&person.email).await);
            let answer = async |code: &str, factor: &str| {
                let fields = [("challenge", challenge.as_str()), ("mail_code", code), ("factor", factor)];
                tab.post(codes, &fields).await
            };
            for text in UNREADABLE.into_iter().filter(|_| number == 0) {
                assert_not_counted(&answer(text, "123456").await, 422, text);
                assert_not_counted(&answer(&right, text).await, 422, text);
            }
            let (mail_code, factor) = (spelt(&right, number), person.totp());
            let made = answer(&mail_code, &spelt(&factor, SPELLINGS - 1 - number)).await;
            assert!(made.text.contains("Your recovery codes"), "{mail_code:?}: {}", made.text);
            // The first code of another authenticator, whose secret the page carries.
            let secret = value(&tab.get(enrol).await.text, "secret");
            let code = Authenticator::from_base32(&secret).unwrap().code_at(world.now());
            let tried = async |code: &str| tab.post(enrol, &[("secret", &secret), ("code", code)]).await;
            for text in UNREADABLE.into_iter().filter(|_| number == 0) {
                let refused = tried(text).await;
                assert!(refused.text.contains("not counted as an attempt"), "{text:?}: {}", refused.text);
                assert!(!refused.text.contains("name=\"challenge\""), "{text:?}");
            }
            let asked = tried(&spelt(&code, number)).await;
            assert!(asked.text.contains("name=\"challenge\""), "{:?}: {}", spelt(&code, number), asked.text);
        }
    }
}

#[tokio::test]
async fn the_pages_before_the_door_read_every_spelling_and_count_no_other_text() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    for number in 0..SPELLINGS {
        let from = format!("198.51.100.{number}");
        let send = async |path: &str, fields: &[(&str, &str)]| {
            world.send(&from, form(path, "", &SAME, &encoded(fields))).await
        };
        // Registering.
        let email = format!("p{number}@keyward.example");
        let asked = send("/register", &[("email", &email), ("password", PASSWORD)]).await;
        let challenge = value(&asked.text, "challenge");
        let confirm = async |code: &str| {
            let fields = [("challenge", challenge.as_str()), ("email", email.as_str()), ("code", code)];
            send("/register/confirm", &fields).await
        };
        for text in UNREADABLE.into_iter().filter(|_| number == 0) {
            assert_not_counted(&confirm(text).await, 422, text);
        }
        let code = spelt(&world.code(&email).await, number);
        let registered = confirm(&code).await;
        assert_eq!(registered.status, 303, "{code:?}: {}", registered.text);
        assert!(!cookies(&registered).is_empty(), "{code:?}");
        // A lost password.
        let asked = send("/recover", &[("email", &person.email)]).await;
        let (challenge, right) = (value(&asked.text, "challenge"), world.code(&person.email).await);
        let password = format!("{PASSWORD}-{number}");
        let reset = async |code: &str, factor: &str| {
            let fields = [
                ("challenge", challenge.as_str()),
                ("mail_code", code),
                ("factor", factor),
                ("password", password.as_str()),
            ];
            send("/recover/confirm", &fields).await
        };
        for text in UNREADABLE.into_iter().filter(|_| number == 0) {
            assert_not_counted(&reset(text, "123456").await, 422, text);
            // Without any factor the form may be about an account that has none.
            if !text.is_empty() {
                assert_not_counted(&reset(&right, text).await, 422, text);
            }
        }
        let factor = spelt(&person.totp(), SPELLINGS - 1 - number);
        let done = reset(&spelt(&right, number), &factor).await;
        assert!(done.text.contains("The password is changed"), "{number} {factor:?}: {}", done.text);
    }
}

#[tokio::test]
async fn the_page_of_a_new_address_reads_every_spelling_and_counts_no_other_text() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    for first in (0..SPELLINGS).step_by(4) {
        person = an_hour_later(&person).await;
        for number in first..SPELLINGS.min(first + 4) {
            let (tab, next) = (Tab::of(&world, &person).await, format!("next{number}@keyward.example"));
            let asked = tab.stepped_up("/security/email", &[("email", &next)]).await;
            let (challenge, right) = (value(&asked.text, "challenge"), world.code(&next).await);
            let confirm = async |code: &str| {
                tab.post("/security/email/confirm", &[("challenge", &challenge), ("code", code)]).await
            };
            for text in UNREADABLE.into_iter().filter(|_| number == 0) {
                assert_not_counted(&confirm(text).await, 422, text);
            }
            let code = spelt(&right, number);
            let done = confirm(&code).await;
            assert_eq!(done.status, 303, "{code:?}: {}", done.text);
            person = Person { email: next, ..person.clone() };
        }
    }
}

#[tokio::test]
async fn a_password_is_the_same_on_every_keyboard() {
    let world = World::new().await;
    for (number, (composed, decomposed)) in [
        ("Z\u{fc}rich-47-fjord-amber", "Zu\u{308}rich-47-fjord-amber"),
        ("caf\u{e9}-cr\u{e8}me-br\u{fb}l\u{e9}e-9", "cafe\u{301}-cre\u{300}me-bru\u{302}le\u{301}e-9"),
        ("\u{c5}ngstr\u{f6}m-kite-fjord-3", "A\u{30a}ngstro\u{308}m-kite-fjord-3"),
        ("mật-khẩu-giao-dịch-77", "ma\u{323}\u{302}t-kha\u{302}\u{309}u-giao-di\u{323}ch-77"),
        (
            "\u{ac00}\u{b098}\u{b2e4}-kite-fjord-amber",
            "\u{1100}\u{1161}\u{1102}\u{1161}\u{1103}\u{1161}-kite-fjord-amber",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("p{number}@keyward.example");
        // One half signs up on one machine and signs in on the other.
        let (first, second) = if number % 2 == 0 { (composed, decomposed) } else { (decomposed, composed) };
        let asked =
            world.api(HOME, "", "POST", "/registrations", &json!({"email": email, "password": first})).await;
        let path = format!("/registrations/{}/confirm", asked.field("id"));
        world.api(HOME, "", "POST", &path, &json!({"code": world.code(&email).await})).await;
        let enter = async |password: &str| -> Value {
            world
                .api(HOME, "", "POST", "/session", &json!({"email": email, "password": password}))
                .await
                .json()
        };
        assert_eq!(enter(second).await["next"], "done", "{composed}");
        // Case, width and blanks count.
        for other in [
            composed.to_uppercase(),
            composed.replace('-', " "),
            format!("{composed} "),
            format!(" {composed}"),
            composed.replace('k', "\u{212a}").replace('f', "\u{ff46}"),
        ] {
            if other != composed {
                assert_eq!(enter(&other).await["code"], "not_signed_in", "{other}");
                world.pass_ms(600_000);
            }
        }
    }
}
