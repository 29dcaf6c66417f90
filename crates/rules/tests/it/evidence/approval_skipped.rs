fn skip(approval: keyward_rules::decision::Approval<'_>) {
    let _ = approval.claim();
}

fn main() {}
