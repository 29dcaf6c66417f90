fn compare(left: keyward_rules::secret::Secret<String>, right: keyward_rules::secret::Secret<String>) -> bool {
    left == right
}

fn main() {}
