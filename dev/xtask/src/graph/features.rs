//! Whether the product and its tests ask for the same features of the crates of others, so that both share one build.
//!
//! Cargo unites the features that all selected packages ask for. If a test asks for one more, every crate behind it is
//! built a second time, ours included; and the product is tested in a form in which it does not ship.

use std::collections::{BTreeMap, BTreeSet};

use crate::process::{cargo, output};

/// Fails with the packages whose features differ between the product and the whole workspace with its tests.
pub fn check() -> Result<(), String> {
    let product = listed(&["--package", "keyward", "--edges", "normal"])?;
    let all = listed(&["--workspace", "--edges", "normal,dev"])?;
    let wrong = differences(&product, &all);
    if wrong.is_empty() {
        println!("{} crates of the product have the same features in every build", product.len());
        return Ok(());
    }
    let hint =
        "give the product the same features in the workspace's Cargo.toml, or ask for fewer in the tests";
    Err(format!("{}; {hint}", wrong.join("; ")))
}

type Features = BTreeMap<String, BTreeSet<String>>;

fn listed(arguments: &[&str]) -> Result<Features, String> {
    let mut command = cargo();
    command.args(["tree", "--locked", "--prefix", "none", "--format", "{p}|{f}"]).args(arguments);
    Ok(parse(&output(&mut command).ok_or("`cargo tree` failed")?))
}

/// Lines of package and features; a package may be listed more than once.
fn parse(text: &str) -> Features {
    let mut all = Features::new();
    for line in text.lines() {
        let Some((package, features)) = line.split_once('|') else { continue };
        let features = features.trim_end_matches(" (*)").split(',').filter(|feature| !feature.is_empty());
        all.entry(package.trim().to_owned()).or_default().extend(features.map(str::to_owned));
    }
    all
}

fn differences(product: &Features, all: &Features) -> Vec<String> {
    let more = |(package, features): (&String, &BTreeSet<String>)| {
        let more: Vec<&str> = all.get(package)?.difference(features).map(String::as_str).collect();
        (!more.is_empty()).then(|| format!("{package} has {} in tests only", more.join(", ")))
    };
    product.iter().filter_map(more).collect()
}

#[cfg(test)]
mod tests {
    use super::{differences, parse};

    #[test]
    fn a_feature_of_tests_only_is_named() {
        let product = parse("a v1.0.0|std\nb v2.0.0 (proc-macro)|\na v1.0.0|std (*)\n");
        assert_eq!(product.len(), 2);
        assert_eq!(differences(&product, &product), [""; 0]);
        let tests = parse("a v1.0.0|alloc,std\nb v2.0.0 (proc-macro)|\nc v3.0.0|x\n");
        assert_eq!(differences(&product, &tests), ["a v1.0.0 has alloc in tests only"]);
    }
}
