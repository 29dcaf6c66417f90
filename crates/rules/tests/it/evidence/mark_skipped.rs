fn skip(spent: keyward_rules::decision::Spent<'_>) {
    let _ = spent.intent();
}

fn main() {}
