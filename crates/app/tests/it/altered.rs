//! Thousands of requests with one byte changed: all refused, and the exchange sees only the unaltered ones.

use keyward_testkit::process::Running;

use crate::world::{Folder, ORDER, Signed, Upstream, Wire};

const COUNT: usize = 10_000;

/// A small generator with a fixed seed; every run alters the same places.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize
    }

    /// Another visible ASCII byte in one place.
    fn alter(&mut self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        let at = self.next() % bytes.len();
        loop {
            let byte = 0x21 + u8::try_from(self.next() % 94).unwrap();
            // These end the field on the wire, so that the change would be one of framing.
            if byte != bytes[at] && !b"\"#<>?`".contains(&byte) {
                bytes[at] = byte;
                return String::from_utf8(bytes).unwrap();
            }
        }
    }
}

#[test]
fn one_changed_byte_never_reaches_the_exchange() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running =
        Running::start_with(&folder.data(), ["--upstream", &upstream.url, "--raise-rates", "100000"])
            .unwrap();
    let address = running.address("gateway_url").unwrap();
    let key = running.key("trade").unwrap();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut wire = Wire::open(address);
    let mut sent = Vec::new();
    for count in 0..COUNT {
        let mut request = Signed::new(&key, "POST", &format!("/api/v5/trade/order?n={count}"), ORDER);
        let unaltered = count % 100 == 99;
        let expected: &[&str] = match count % 7 {
            _ if unaltered => &["0"],
            0 => {
                // A GET has no body, so this one is refused before its signature is looked at; without it, by that.
                request.method = "GET".into();
                if count % 2 == 0 {
                    &["90400"]
                } else {
                    request.body.clear();
                    &["50113"]
                }
            }
            1 => {
                request.target = numbers.alter(&request.target);
                // A target that no longer starts with a slash is no origin form.
                &["50113", "90400"]
            }
            2 => {
                request.body = numbers.alter(ORDER).into_bytes();
                &["50113"]
            }
            3 => {
                request.key = numbers.alter(&request.key);
                &["50111", "50119"]
            }
            4 => {
                request.sign = numbers.alter(&request.sign);
                &["50113"]
            }
            5 => {
                request.timestamp = numbers.alter(&request.timestamp);
                &["50112", "50102", "50113"]
            }
            _ => {
                request.passphrase = numbers.alter(&request.passphrase);
                &["50105"]
            }
        };
        wire.write(&request.bytes());
        let reply = wire.read().unwrap_or_else(|| {
            wire = Wire::open(address);
            wire.write(&request.bytes());
            wire.read().expect("an answer on a new connection")
        });
        assert!(
            expected.contains(&reply.code().as_str()),
            "request {count}: {} {}",
            reply.status,
            reply.body
        );
        if unaltered {
            sent.push(request.target);
        }
    }
    let seen: Vec<String> = upstream
        .requests()
        .iter()
        .map(|bytes| String::from_utf8_lossy(bytes).split(' ').nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(seen, sent);
}

/// The last Base64 character has two spellings of the same bits; only the one that we would write is right.
#[test]
fn other_spellings_of_a_signature_are_refused() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let key = running.key("trade").unwrap();
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let good = Signed::new(&key, "GET", "/api/v5/account/balance", "");
    let last = DIGITS.iter().position(|digit| *digit == good.sign.as_bytes()[42]).unwrap();
    assert_eq!(last % 4, 0, "32 bytes leave the last two bits of the 43rd character zero");
    for extra in 1..4 {
        let mut bytes = good.sign.clone().into_bytes();
        bytes[42] = DIGITS[last + extra];
        let odd = Signed { sign: String::from_utf8(bytes).unwrap(), ..good.clone() };
        assert_eq!(crate::world::send(&running, &odd).code(), "50113");
    }
    assert_eq!(crate::world::send(&running, &good).code(), "0");
    assert_eq!(upstream.requests().len(), 1);
}
