fn forge(cleared: keyward_rules::decision::Cleared<'_>, deadline: keyward_rules::time::Moment) {
    let _ = keyward_rules::decision::Permit { cleared, deadline };
}

fn main() {}
