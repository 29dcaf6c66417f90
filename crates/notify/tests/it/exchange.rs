//! What the exchange is sent about sub-accounts, and which answers count.

use std::time::Duration;

use keyward_notify::{ExchangeClient, NoAnswer};
use keyward_rules::account::SubAccountName;
use keyward_rules::exchange_notice::{ExchangeAnswer, ExchangeNotice, NOTICE_ROUTE, NoticeKind};
use keyward_rules::id::RequestId;
use keyward_rules::identity::{Identity, IdentityKey};
use keyward_rules::time::Moment;

use crate::receiver::{certificate, receiver};

const NOW: Moment = Moment::from_unix_ms(1_800_000_000_000);

fn key() -> IdentityKey {
    IdentityKey::new(1, [9; 32])
}

fn notice() -> ExchangeNotice {
    ExchangeNotice {
        number: 4,
        account: "1001".parse().unwrap(),
        sub_account: "2001".parse().unwrap(),
        name: SubAccountName::parse("alpha01").unwrap(),
        kind: NoticeKind::Closing,
        at: NOW,
    }
}

fn answer(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

async fn tell(url: &str, authority: Option<&str>) -> Result<ExchangeAnswer, NoAnswer> {
    let client = ExchangeClient::new(url, key(), authority.map(str::as_bytes)).unwrap();
    client.with_patience(Duration::from_secs(2)).tell(&notice(), RequestId(7), NOW).await
}

async fn plainly(answer: &str) -> (Result<ExchangeAnswer, NoAnswer>, Vec<String>) {
    let (address, came) = receiver(answer, None).await;
    (tell(&format!("http://{address}/in?x=1"), None).await, came.all())
}

#[tokio::test]
async fn a_notice_is_one_signed_request() {
    let (answer, came) = plainly(&answer(r#"{"code":"0"}"#)).await;
    assert_eq!(answer, Ok(ExchangeAnswer::Taken));
    let [request] = came.as_slice() else { panic!("{came:?}") };
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /in?x=1 HTTP/1.1\r\nhost: 127.0.0.1:"), "{head}");
    assert_eq!(ExchangeNotice::read(body.as_bytes()), Some(notice()));
    let value = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("{name}: {head}"))
    };
    let request_id = format!("{:032x}", 7);
    let identity = Identity {
        account: Some("1001"),
        sub_account: Some("2001"),
        environment: "live",
        route: NOTICE_ROUTE,
        request_id: &request_id,
        deadline_ms: value("keyward-deadline").parse().unwrap(),
        client_address: "0.0.0.0",
        ..Identity::default()
    };
    assert_eq!(identity.deadline_ms, NOW.unix_ms() + 10_000);
    let signed = value("keyward-identity");
    assert_eq!(key().verify(&identity, "POST", b"/in?x=1", body.as_bytes(), signed), Ok(()));
    assert!(key().verify(&identity, "POST", b"/in?x=1", b"{}", signed).is_err());
}

#[tokio::test]
async fn only_two_answers_settle_a_notice() {
    let balances = plainly(&answer(r#"{"code":"59606"}"#)).await.0;
    assert_eq!(balances, Ok(ExchangeAnswer::HasBalances));
    for odd in [
        answer(r#"{"code":"1"}"#),
        answer("all is well"),
        "HTTP/1.1 500 Oops\r\ncontent-length: 12\r\n\r\n{\"code\":\"0\"}".to_owned(),
        "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 12\r\n\r\n{\"code\":\"0\"}".to_owned(),
    ] {
        let (answer, came) = plainly(&odd).await;
        assert!(matches!(answer, Ok(ExchangeAnswer::NotTaken(_))), "{odd}: {answer:?}");
        assert_eq!(came.len(), 1, "no redirect is followed");
    }
    // More than it may be, and the end of the connection instead of an answer.
    let long = format!(r#"{{"code":"0","msg":"{}"}}"#, "x".repeat(20_000));
    for (odd, why) in [(answer(&long), NoAnswer::NoHttp), (String::new(), NoAnswer::NoHttp)] {
        assert_eq!(plainly(&odd).await.0, Err(why));
    }
}

#[tokio::test]
async fn https_needs_a_certificate_that_is_trusted_for_that_name() {
    let (authority, tls) = certificate("localhost");
    let (address, came) = receiver(&answer(r#"{"code":"0"}"#), Some(tls)).await;
    let port = address.port();
    let right = format!("https://localhost:{port}/in");
    assert_eq!(tell(&right, Some(&authority)).await, Ok(ExchangeAnswer::Taken));
    assert_eq!(tell(&right, None).await, Err(NoAnswer::NoTls), "an authority that nobody vouches for");
    let elsewhere = format!("https://127.0.0.1:{port}/in");
    assert_eq!(
        tell(&elsewhere, Some(&authority)).await,
        Err(NoAnswer::NoTls),
        "a certificate for another name"
    );
    assert_eq!(came.all().len(), 1);
    let (plain, _) = receiver(&answer(r#"{"code":"0"}"#), None).await;
    let no_tls = tell(&format!("https://localhost:{}/in", plain.port()), Some(&authority)).await;
    assert!(matches!(no_tls, Err(NoAnswer::NoTls | NoAnswer::TooSlow)), "{no_tls:?}");
}

#[tokio::test]
async fn an_exchange_that_says_nothing_is_not_waited_for_long() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/in", listener.local_addr().unwrap());
    let client = ExchangeClient::new(&url, key(), None).unwrap().with_patience(Duration::from_millis(100));
    assert_eq!(client.tell(&notice(), RequestId(7), NOW).await, Err(NoAnswer::TooSlow));
    drop(listener);
    assert_eq!(client.tell(&notice(), RequestId(7), NOW).await, Err(NoAnswer::NoConnection));
}
