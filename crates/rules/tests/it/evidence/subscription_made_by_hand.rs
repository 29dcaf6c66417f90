fn forge(facts: keyward_rules::key::KeyFacts, parts: keyward_rules::decision::Parts<'_>) {
    let _ = keyward_rules::decision::Subscribed { parts, facts };
}

fn main() {}
