fn skip(received: keyward_rules::decision::Received<'_>) {
    let _ = received.open();
}

fn main() {}
