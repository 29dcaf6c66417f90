fn main() {
    println!("{}", keyward_rules::secret::Secret::new(String::from("canary")));
}
