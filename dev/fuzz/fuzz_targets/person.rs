//! What people type and browsers send: codes, addresses, names, tokens, links. Nothing panics, and what is read has one
//! spelling that is read again.

#![no_main]

use keyward_rules::account::Email;
use keyward_rules::grant::BrakeLink;
use keyward_rules::letter::MailMessage;
use keyward_rules::person::{CodeKey, Device, MailCode, RecoveryCode, SessionId, Token, TotpCode};
use keyward_rules::time::Moment;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(code) = MailCode::parse(text) {
        assert!(MailCode::parse(code.expose()).is_ok_and(|again| again.expose() == code.expose()));
    }
    if let Ok(code) = TotpCode::parse(text) {
        assert!(code.expose().len() == 6 && code.expose().bytes().all(|byte| byte.is_ascii_digit()));
    }
    if let Ok(code) = RecoveryCode::parse(text) {
        assert!(RecoveryCode::parse(&code.shown()).is_ok_and(|again| again.expose() == code.expose()));
    }
    if let Ok(email) = Email::parse(text) {
        assert_eq!(Email::parse(email.as_str()), Ok(email));
    }
    if let Ok(id) = text.parse::<SessionId>() {
        assert_eq!(id.to_string(), text);
    }
    assert!(Token::parse("kwp_", text).is_none() || Token::parse("kwt_", text).is_none());
    assert!(Device::of(text).as_str().is_ascii());
    assert!(BrakeLink::parse(&CodeKey::new([1; 32]), text, Moment::from_unix_ms(0)).is_none());
    let _ = MailMessage::from_json(text);
});
