use keyward_rules::approval::{AskedTransfer, Consent};

fn forge(asked: AskedTransfer, consent: Consent) {
    let _ = keyward_rules::decision::Consented { asked, consent };
}

fn main() {}
