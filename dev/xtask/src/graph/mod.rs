//! `cargo xtask graph`: which crate may use which, and with which features; and that no crate has a circle among its files.

mod features;
mod manifest;
mod modules;
mod table;

use std::fs;
use std::path::Path;

use crate::{Failure, place};
use manifest::Manifest;

/// Prints the layering and fails on what the table does not allow, and on circles. With `--modules CRATE` it prints which
/// file of the crate uses which.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    match arguments {
        [] => check(),
        [option, name] if option == "--modules" => show(name),
        _ => Err(Failure::Usage("`graph` takes nothing, or `--modules CRATE`".to_owned())),
    }
}

fn show(name: &str) -> Result<(), Failure> {
    let lines = modules::show(&place::root(), &format!("crates/{name}")).map_err(Failure::Refused)?;
    println!("{}", lines.join("\n"));
    Ok(())
}

fn check() -> Result<(), Failure> {
    let manifests = read_all(&place::root()).map_err(Failure::Refused)?;
    for manifest in &manifests {
        println!("{}", draw(manifest));
    }
    let wrong: Vec<String> = manifests.iter().flat_map(table::violations).collect();
    if !wrong.is_empty() {
        return Err(Failure::Refused(wrong.join("\nerror: ")));
    }
    println!("\n{} crates, every arrow is allowed", manifests.len());
    features::check().map_err(Failure::Refused)?;
    let all = folders(&place::root()).map_err(Failure::Refused)?;
    let product: Vec<String> = all.into_iter().filter(|folder| folder.starts_with("crates/")).collect();
    let files = modules::check(&place::root(), &product).map_err(Failure::Refused)?;
    println!("{files} files of {} crates without a circle among them", product.len());
    Ok(())
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
    let parse = |folder: &String| {
        Manifest::parse(&manifest_of(root, folder)?)
            .ok_or_else(|| format!("{folder}/Cargo.toml names no package"))
    };
    folders(root)?.iter().map(parse).collect()
}

/// The folders of the workspace's members.
fn folders(root: &Path) -> Result<Vec<String>, String> {
    let members = manifest::members(&manifest_of(root, "")?);
    if members.is_empty() { Err("the workspace lists no members".to_owned()) } else { Ok(members) }
}

fn manifest_of(root: &Path, folder: &str) -> Result<String, String> {
    let file = root.join(folder).join("Cargo.toml");
    fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))
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
