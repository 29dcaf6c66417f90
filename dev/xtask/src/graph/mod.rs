//! `cargo xtask graph`: which crate may use which, and with which features; printed and checked.

mod features;
mod manifest;
mod table;

use std::fs;
use std::path::Path;

use crate::{Failure, place};
use manifest::Manifest;

/// Prints the layering and fails on what the table does not allow.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    if let Some(argument) = arguments.first() {
        return Err(Failure::Usage(format!("`graph` takes no argument, not even `{argument}`")));
    }
    let manifests = read_all(&place::root()).map_err(Failure::Refused)?;
    for manifest in &manifests {
        println!("{}", draw(manifest));
    }
    let wrong: Vec<String> = manifests.iter().flat_map(table::violations).collect();
    if wrong.is_empty() {
        println!("\n{} crates, every arrow is allowed", manifests.len());
        features::check().map_err(Failure::Refused)
    } else {
        Err(Failure::Refused(wrong.join("\nerror: ")))
    }
}

/// `store        → rules`, with the crates of the workspace only.
fn draw(manifest: &Manifest) -> String {
    let mut ours: Vec<&str> =
        manifest.dependencies.iter().filter_map(|package| table::short(package)).collect();
    ours.sort_unstable();
    let name = table::short(&manifest.package).unwrap_or(&manifest.package);
    format!("{name:<12} → {}", if ours.is_empty() { "nothing of ours".to_owned() } else { ours.join(" ") })
}

fn read_all(root: &Path) -> Result<Vec<Manifest>, String> {
    let read = |folder: &str| {
        let file = root.join(folder).join("Cargo.toml");
        fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))
    };
    let members = manifest::members(&read("")?);
    if members.is_empty() {
        return Err("the workspace lists no members".to_owned());
    }
    members
        .iter()
        .map(|folder| {
            Manifest::parse(&read(folder)?).ok_or_else(|| format!("{folder}/Cargo.toml names no package"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_workspace_keeps_its_layering() {
        let manifests = super::read_all(&crate::place::root()).unwrap();
        let wrong: Vec<_> = manifests.iter().flat_map(super::table::violations).collect();
        assert_eq!(wrong, Vec::<String>::new());
    }
}
