fn twice(verified: keyward_rules::decision::Verified<'_>) {
    let _ = verified.clear();
    let _ = verified.clear();
}

fn main() {}
