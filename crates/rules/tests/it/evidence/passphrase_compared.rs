fn compare(left: keyward_rules::key::PassphraseTag, right: keyward_rules::key::PassphraseTag) -> bool {
    left == right
}

fn main() {}
