//! Forms that are refused: a summary that leads to the fields, the first of them ready for typing, and what was typed.

use crate::doors::form;
use crate::tab::Tab;
use crate::world::{HOME, PASSPHRASE, PASSWORD, World};

/// The fields that a summary leads to, in its order.
fn summary(page: &str) -> Vec<String> {
    let Some((_, rest)) = page.split_once("<div class=\"alarm errors\" role=\"alert\">") else {
        return Vec::new();
    };
    let list = rest.split("</div>").next().unwrap();
    list.split("href=\"#f-").skip(1).map(|link| link.split('"').next().unwrap().to_owned()).collect()
}

/// The ids of what is ready for typing when the page opens.
fn focused(page: &str) -> Vec<String> {
    let tags = page.split('<').filter(|tag| tag.split('>').next().unwrap().contains(" autofocus"));
    tags.map(|tag| tag.split("id=\"f-").nth(1).unwrap().split('"').next().unwrap().to_owned()).collect()
}

/// A form of a key with one field changed.
fn key<'f>(field: &'f str, value: &'f str) -> Vec<(&'f str, &'f str)> {
    let good = [
        ("name", "bot"),
        ("permission", "read"),
        ("reach", "addresses"),
        ("addresses", "203.0.113.7"),
        ("passphrase", PASSPHRASE),
        ("expires", "30"),
        ("cap", "5"),
        ("tags", "grid"),
    ];
    good.into_iter().map(|(name, old)| (name, if name == field { value } else { old })).collect()
}

#[tokio::test]
async fn each_wrong_field_of_a_new_key_is_told_led_to_and_ready() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    person.key("taken").await;
    let tab = Tab::of(&world, &person).await;
    for (field, value, told) in [
        ("name", "", "name"),
        ("name", "a\u{202e}b", "name"),
        ("name", "taken", "name"),
        ("permission", "everything", "permission"),
        ("addresses", "", "addresses"),
        ("addresses", "300.1.2.3", "addresses"),
        ("addresses", "0.0.0.0/0", "addresses"),
        ("passphrase", "short", "passphrase"),
        ("passphrase", "no digits or capitals", "passphrase"),
        ("expires", "0", "expires"),
        ("expires", "tomorrow", "expires"),
        ("cap", "1001", "cap"),
        ("tags", "<b>", "tags"),
    ] {
        let refused = tab.post("/keys/new", &key(field, value)).await;
        assert_eq!(refused.status, 422, "{field}={value}: {}", refused.text);
        assert_eq!(summary(&refused.text), [told], "{field}={value}: {}", refused.text);
        assert_eq!(focused(&refused.text), [told], "{field}={value}: {}", refused.text);
        assert!(refused.text.contains(&format!("id=\"f-{told}\"")), "the link leads somewhere: {told}");
        for (name, kept) in key(field, value).into_iter().filter(|(name, _)| *name != field) {
            let kept = match name {
                "permission" => "value=\"read\" checked".to_owned(),
                "reach" => continue,
                "addresses" => format!(">{kept}</textarea>"),
                _ => format!("name=\"{name}\" value=\"{kept}\""),
            };
            assert!(refused.text.contains(&kept), "{field}={value} loses {kept}: {}", refused.text);
        }
    }
    let good = tab.post("/keys/new", &key("tags", "")).await;
    assert!(good.status == 200 && summary(&good.text).is_empty(), "{}", good.text);
    let empty = tab.get("/keys/new").await.text;
    assert!(summary(&empty).is_empty() && focused(&empty).is_empty(), "nothing is wrong yet");
}

#[tokio::test]
async fn several_wrong_fields_stand_in_the_order_of_the_page() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    let all = [("reach", "addresses"), ("expires", "x"), ("cap", "x"), ("tags", "<b>")];
    let refused = tab.post("/keys/new", &all).await.text;
    let order = ["name", "permission", "addresses", "passphrase", "expires", "cap", "tags"];
    assert_eq!(
        (summary(&refused), focused(&refused)),
        (order.map(str::to_owned).into(), vec!["name".to_owned()])
    );
    assert!(refused.contains("Check these 7 fields"), "{refused}");

    let app = [("name", "x"), ("home_page", "http://plain"), ("contact", "nobody"), ("logo", "?")];
    let refused = tab.post("/apps/new", &app).await.text;
    let order = ["name", "home_page", "contact", "permission", "logo"];
    assert_eq!(
        (summary(&refused), focused(&refused)),
        (order.map(str::to_owned).into(), vec!["name".to_owned()])
    );
    assert!(refused.contains("value=\"http://plain\"") && refused.contains(">?</textarea>"), "{refused}");

    let hook = [("kind", "webhook"), ("name", "ops"), ("url", "http://127.0.0.1/")];
    let refused = tab.post("/alerts/channels/new", &hook).await.text;
    assert_eq!(
        (summary(&refused), focused(&refused)),
        (vec!["url".to_owned()], vec!["url".to_owned()]),
        "{refused}"
    );
    let quiet = [hook.as_slice(), &[("quiet_from", "6:00"), ("quiet_to", "07:00")]].concat();
    let refused = tab.post("/alerts/channels/new", &quiet).await;
    assert_eq!(
        (refused.status, summary(&refused.text)),
        (422, vec!["url".to_owned(), "quiet-from".to_owned()]),
        "{}",
        refused.text
    );
    assert_eq!(focused(&refused.text), ["url"]);
}

#[tokio::test]
async fn a_refused_sign_in_keeps_the_address_whether_it_has_an_account_or_not() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let mut pages = Vec::new();
    for email in [person.email.as_str(), "nobody@keyward.example"] {
        let body = format!("email={}&password=wrong+password+1", email.replace('@', "%40"));
        let refused =
            world.send(HOME, form("/sign-in", "", &[("sec-fetch-site", "same-origin")], &body)).await;
        assert_eq!((refused.status, focused(&refused.text)), (401, vec!["password".to_owned()]));
        assert!(refused.text.contains(&format!("value=\"{email}\"")), "{}", refused.text);
        assert!(!refused.text.contains("wrong password 1"));
        pages.push(refused.text.replace(email, ""));
    }
    assert_eq!(pages[0], pages[1], "one page for every address");
}

#[tokio::test]
async fn a_weak_password_of_a_reset_keeps_the_codes_and_other_refusals_do_not() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let same = [("sec-fetch-site", "same-origin")];
    let email = person.email.replace('@', "%40");
    let asked = world.send(HOME, form("/recover", "", &same, &format!("email={email}"))).await;
    let challenge = crate::tab::value(&asked.text, "challenge");
    let confirm = async |code: &str, password: &str| {
        let body =
            format!("challenge={challenge}&email={email}&mail_code={code}&factor=123456&password={password}");
        world.send(HOME, form("/recover/confirm", "", &same, &body)).await
    };
    let weak = confirm("12345678", "password1234").await;
    assert_eq!((weak.status, focused(&weak.text)), (422, vec!["password".to_owned()]), "{}", weak.text);
    assert!(
        weak.text.contains("value=\"12345678\"") && weak.text.contains("value=\"123456\""),
        "{}",
        weak.text
    );
    let wrong = confirm("12345678", "brass-tulip-88-north-canoe").await;
    assert!(
        wrong.status == 422 && !wrong.text.contains("value=\"12345678\""),
        "a code that was tried: {}",
        wrong.text
    );
    assert!(!weak.text.contains(PASSWORD));
}
