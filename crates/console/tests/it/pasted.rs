//! Codes and passwords as people paste and type them: blanks and marks do not matter, what is no code costs no try, and letters
//! in pieces are the same password.

use serde_json::{Value, json};

use crate::world::{HOME, PASSWORD, Reply, World, wish};

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
