fn compare(left: keyward_rules::okx::Signature, right: keyward_rules::okx::Signature) -> bool {
    left == right
}

fn main() {}
