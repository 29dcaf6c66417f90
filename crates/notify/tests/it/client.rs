//! What the client reaches, and what it never does (threats.md F80).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use keyward_notify::channel::{Answer, Client, Network, Post, RetryAfter, System};
use keyward_rules::channel::{ChannelPolicy, Outcome, Receiver};

use crate::receiver::{Written, certificate, receiver};

const OK: &str = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";

fn post(url: &str) -> Post {
    let headers = vec![("webhook-id", "msg_1".to_owned())];
    Post { receiver: Receiver::parse(url).unwrap(), headers, body: br#"{"a":1}"#.to_vec() }
}

fn allowing(entries: &[String]) -> ChannelPolicy {
    let allow = entries.iter().map(|entry| entry.parse().unwrap()).collect();
    ChannelPolicy { allow, ..ChannelPolicy::default() }
}

async fn send(
    network: Arc<dyn Network>,
    policy: ChannelPolicy,
    authority: Option<&str>,
    url: &str,
) -> Answer {
    let client = Client::new(network, policy, authority.map(str::as_bytes)).unwrap();
    client.send(post(url)).await
}

async fn plainly(answer: &str, path: &str) -> (Answer, Vec<String>) {
    let (address, came) = receiver(answer, None).await;
    let policy = allowing(&[address.to_string()]);
    let answer = send(Arc::new(System), policy, None, &format!("http://{address}{path}")).await;
    (answer, came.all())
}

#[tokio::test]
async fn an_allowed_receiver_gets_one_request_with_fixed_headers() {
    let (answer, came) = plainly(OK, "/in?t=1").await;
    assert_eq!(answer, Answer { outcome: Outcome::Taken, status: Some(204), retry_after: None });
    let [request] = came.as_slice() else { panic!("{came:?}") };
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /in?t=1 HTTP/1.1\r\nhost: 127.0.0.1:"), "{head}");
    assert_eq!(body, r#"{"a":1}"#);
    let mut names: Vec<&str> = head.lines().skip(1).map(|line| line.split(':').next().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type", "host", "user-agent", "webhook-id"]);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (other, came_there) = receiver(OK, None).await;
    for status in [301, 302, 303, 307, 308] {
        let answer =
            format!("HTTP/1.1 {status} Elsewhere\r\nlocation: http://{other}/\r\ncontent-length: 0\r\n\r\n");
        let (answer, came) = plainly(&answer, "/").await;
        assert_eq!((answer.outcome, answer.status, came.len()), (Outcome::Redirected, Some(status), 1));
    }
    assert!(came_there.all().is_empty());
}

#[tokio::test]
async fn only_the_status_of_an_answer_counts() {
    let endless = format!(
        "HTTP/1.1 500 No\r\nretry-after: 6.9991\r\ncontent-length: 99999999\r\n\r\n{}",
        "x".repeat(100_000)
    );
    let (answer, _) = plainly(&endless, "/").await;
    assert_eq!(
        answer,
        Answer { outcome: Outcome::Refused, status: Some(500), retry_after: Some(RetryAfter::In(7_000)) }
    );
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(100_000));
    for odd in ["", "hello\r\n\r\n", "SSH-2.0-OpenSSH_9.9\r\n", &long] {
        assert_eq!(plainly(odd, "/").await.0.outcome, Outcome::NoHttp, "{:.20}", odd);
    }
}

#[tokio::test]
async fn what_is_not_public_is_never_connected_to() {
    for url in [
        "https://127.0.0.1/",
        "https://10.0.0.5:8443/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[fd00:ec2::254]/",
        "https://[::ffff:169.254.169.254]/",
        "https://localhost/",
        "https://metadata.google.internal/",
        "http://hooks.example.com/",
        "https://hooks.example.com:22/",
    ] {
        let network = Written::new(&[&["8.8.8.8"]], None);
        let answer = send(network.clone(), ChannelPolicy::default(), None, url).await;
        assert_eq!(answer.outcome, Outcome::NotAdmitted, "{url}");
        assert!(
            network.resolved.lock().unwrap().is_empty() && network.connected.lock().unwrap().is_empty(),
            "{url}"
        );
    }
    for answer in [
        &["127.0.0.1"][..],
        &["10.1.2.3"],
        &["169.254.169.254"],
        &["100.64.0.1"],
        &["0.0.0.0"],
        &["::1"],
        &["fd00:ec2::254"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["2002:7f00:1::1"],
        &["8.8.8.8", "127.0.0.1"],
        &["2606:4700::1", "8.8.8.8", "192.168.1.1"],
    ] {
        let network = Written::new(&[answer], None);
        let sent = send(network.clone(), ChannelPolicy::default(), None, "https://hooks.example.com/").await;
        assert_eq!(sent.outcome, Outcome::NotPublic, "{answer:?}");
        assert!(network.connected.lock().unwrap().is_empty(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_name_that_moves_after_the_check_moves_nothing() {
    let (pem, tls) = certificate("hooks.example.com");
    let (lands, came) = receiver(OK, Some(tls)).await;
    let network = Written::new(&[&["93.184.215.14"], &["127.0.0.1"]], Some(lands));
    // The test's authority is not a public one, so the handshake must fail; that is the next test's matter.
    let answer =
        send(network.clone(), ChannelPolicy::default(), Some(&pem), "https://hooks.example.com:8443/").await;
    assert_eq!(answer.outcome, Outcome::NoTls);
    assert_eq!(*network.resolved.lock().unwrap(), ["hooks.example.com."], "once, and whole");
    let checked: SocketAddr = "93.184.215.14:8443".parse().unwrap();
    assert_eq!(*network.connected.lock().unwrap(), [checked]);
    assert!(came.all().is_empty());
}

#[tokio::test]
async fn an_own_authority_is_trusted_for_allowed_receivers_only_and_names_are_verified() {
    let (pem, tls) = certificate("receiver.example");
    let (lands, came) = receiver(OK, Some(tls)).await;
    let policy = allowing(&["receiver.example:8443".to_owned(), "other.example:8443".to_owned()]);
    let try_one = |url: &'static str, authority| {
        let (policy, network) = (policy.clone(), Written::new(&[&["127.0.0.1"]], Some(lands)));
        send(network, policy, authority, url)
    };
    assert_eq!(try_one("https://receiver.example:8443/", Some(&*pem)).await.outcome, Outcome::Taken);
    assert_eq!(try_one("https://receiver.example:8443/", None).await.outcome, Outcome::NoTls);
    assert_eq!(try_one("https://other.example:8443/", Some(&*pem)).await.outcome, Outcome::NoTls);
    assert_eq!(came.all().len(), 1);
    let public = Written::new(&[&["8.8.8.8"]], Some(lands));
    let answer = send(public, policy.clone(), Some(&*pem), "https://receiver.example/").await;
    assert_eq!(answer.outcome, Outcome::NoTls, "another port is another receiver");
}

#[tokio::test]
async fn nobody_there_and_nobody_answering_are_told_apart() {
    let network = Written::new(&[], None);
    let answer = send(network, ChannelPolicy::default(), None, "https://hooks.example.com/").await;
    assert_eq!(answer.outcome, Outcome::NotResolved);
    let network = Written::new(&[&[]], None);
    let answer = send(network, ChannelPolicy::default(), None, "https://hooks.example.com/").await;
    assert_eq!(answer.outcome, Outcome::NotResolved);
    let network = Written::new(&[&["8.8.8.8", "2606:4700::1"]], None);
    let answer = send(network.clone(), ChannelPolicy::default(), None, "https://hooks.example.com/").await;
    assert_eq!((answer.outcome, network.connected.lock().unwrap().len()), (Outcome::NoConnection, 2));
}

#[tokio::test]
async fn a_receiver_that_says_nothing_is_not_waited_for() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = Client::new(Arc::new(System), allowing(&[address.to_string()]), None).unwrap();
    let answer =
        client.with_patience(Duration::from_millis(50)).send(post(&format!("http://{address}/"))).await;
    assert_eq!((answer.outcome, answer.status), (Outcome::TooSlow, None));
}
