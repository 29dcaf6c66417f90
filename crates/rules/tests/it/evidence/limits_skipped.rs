fn skip(spent: keyward_rules::decision::Spent<'_>) {
    let _ = spent.claim();
}

fn main() {}
