//! Just enough of a manifest: members of the workspace, a package's name, its normal and build dependencies.
//!
//! Reads the forms in use here (`name = …`, `name.workspace = true`, `[dependencies.name]`, tables per
//! target, `package = "…"`); development dependencies are left out, because tests may look from anywhere.

/// What the check needs of one crate.
#[derive(PartialEq, Eq, Debug)]
pub struct Manifest {
    /// The package's name.
    pub package: String,
    /// Packages that it is built with, in the file's order.
    pub dependencies: Vec<String>,
}

impl Manifest {
    /// Reads a `Cargo.toml`; `None` when it names no package.
    pub fn parse(text: &str) -> Option<Self> {
        let mut package = None;
        let mut dependencies = Vec::new();
        let mut section = Section::Other;
        for line in text.lines().map(without_comment).filter(|line| !line.is_empty()) {
            if let Some(header) = line.strip_prefix('[') {
                section = Section::of(header.trim_matches(['[', ']']));
                if let Section::OneDependency(name) = &section {
                    dependencies.push(name.clone());
                }
                continue;
            }
            let Some((key, value)) = line.split_once('=') else { continue };
            let (key, value) = (key.trim(), value.trim());
            match &section {
                Section::Package if key == "name" => package = Some(unquoted(value).to_owned()),
                Section::Dependencies => dependencies.push(dependency(key, value)),
                Section::OneDependency(_) if key == "package" => {
                    dependencies.pop();
                    dependencies.push(unquoted(value).to_owned());
                }
                Section::Package | Section::OneDependency(_) | Section::Other => {}
            }
        }
        Some(Self { package: package?, dependencies })
    }
}

/// The folders listed as `members = [ … ]` of a workspace's manifest.
pub fn members(text: &str) -> Vec<String> {
    let clean: String = text.lines().map(without_comment).collect::<Vec<_>>().join("\n");
    let list = clean.split_once("\nmembers").and_then(|(_, rest)| rest.split_once('['));
    let list = list.and_then(|(_, rest)| rest.split_once(']')).map_or("", |(list, _)| list);
    list.split(',').map(|entry| unquoted(entry.trim()).to_owned()).filter(|entry| !entry.is_empty()).collect()
}

enum Section {
    Package,
    Dependencies,
    OneDependency(String),
    Other,
}

impl Section {
    fn of(header: &str) -> Self {
        // `target.'cfg(unix)'.dependencies` counts like `dependencies`.
        let header = match header.strip_prefix("target.") {
            Some(rest) => rest.rsplit_once("'.").map_or(rest, |(_, rest)| rest),
            None => header,
        };
        let one = |kind: &str| header.strip_prefix(kind).and_then(|rest| rest.strip_prefix('.'));
        match header {
            "package" => Self::Package,
            "dependencies" | "build-dependencies" => Self::Dependencies,
            _ => one("dependencies")
                .or_else(|| one("build-dependencies"))
                .map_or(Self::Other, |name| Self::OneDependency(unquoted(name).to_owned())),
        }
    }
}

/// The package behind `key = value` of a dependency table.
fn dependency(key: &str, value: &str) -> String {
    let renamed = value.split_once("package").and_then(|(_, rest)| rest.trim_start().strip_prefix('='));
    let renamed = renamed.and_then(|rest| rest.trim_start().strip_prefix('"')?.split_once('"'));
    let plain = unquoted(key.split('.').next().unwrap_or(key));
    renamed.map_or(plain, |(name, _)| name).to_owned()
}

fn without_comment(line: &str) -> &str {
    // No value of ours holds a `#`, so the first one starts a comment.
    line.split_once('#').map_or(line, |(before, _)| before).trim()
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::{Manifest, members};

    const TEXT: &str = r#"
        [package]
        name = "keyward-store" # a comment
        version.workspace = true

        [dependencies]
        keyward-rules.workspace = true
        deadpool = { version = "0.13", features = ["managed"] }
        db = { version = "1", package = "rusqlite" }
        "toml" = "1"

        [target.'cfg(unix)'.dependencies]
        socket2 = "0.6"

        [build-dependencies]
        cc = "1"

        [dependencies.hyper]
        version = "1"

        [dependencies.other]
        package = "bytes"
        version = "1"

        [dev-dependencies]
        proptest = "1"

        [features]
        name = []
    "#;

    #[test]
    fn every_form_of_a_dependency() {
        let manifest = Manifest::parse(TEXT).unwrap();
        assert_eq!(manifest.package, "keyward-store");
        let wanted = ["keyward-rules", "deadpool", "rusqlite", "toml", "socket2", "cc", "hyper", "bytes"];
        assert_eq!(manifest.dependencies, wanted);
    }

    #[test]
    fn a_manifest_without_a_package_is_none() {
        assert_eq!(Manifest::parse("[workspace]\nmembers = []\n"), None);
    }

    #[test]
    fn members_are_those_of_the_list() {
        let text =
            "[workspace]\nmembers = [\n  \"crates/a\", # first\n  \"b\",\n]\ndefault-members = [\"c\"]\n";
        assert_eq!(members(text), ["crates/a", "b"]);
    }
}
