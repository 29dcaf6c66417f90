fn copy<'r>(permit: keyward_rules::decision::Permit<'r>) -> (keyward_rules::decision::Permit<'r>, keyward_rules::decision::Permit<'r>) {
    (permit.clone(), permit)
}

fn main() {}
