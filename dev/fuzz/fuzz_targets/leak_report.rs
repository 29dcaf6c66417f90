//! The report of a scanner: what is read agrees with a reader of plain JSON, is bounded, and shows no text of a stranger.
#![no_main]

use keyward_fuzz::colons;
use keyward_rules::leak::{Candidates, read_report, token_hash};
use keyward_rules::limits::{LEAK_FINDINGS, LEAK_URL_CHARS};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    let Ok(findings) = read_report(body) else { return };
    let plain: Value = serde_json::from_slice(body).unwrap();
    let plain_text = plain.to_string();
    let plain = plain.as_array().unwrap();
    assert!(findings.len() == plain.len() && findings.len() <= LEAK_FINDINGS);
    let text = std::str::from_utf8(body).unwrap();
    assert_eq!(colons(text), colons(&plain_text), "no member is there twice");
    for (finding, sent) in findings.iter().zip(plain) {
        assert_eq!(finding.token.expose().as_str(), sent["token"].as_str().unwrap());
        assert_eq!(finding.kind, sent["type"].as_str().unwrap_or_default());
        assert_eq!(token_hash(&finding.token).len(), 64);
        let place = finding.place.to_string();
        assert!(place.chars().count() <= LEAK_URL_CHARS + 40, "{place}");
        assert!(
            place.chars().all(|letter| letter.is_ascii_graphic() || matches!(letter, ' ' | '…')),
            "{place}"
        );
        let _ = Candidates::read(finding.token.expose());
    }
});
