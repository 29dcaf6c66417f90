//! Where things are: the workspace, its build folder, programs on the search path. The one reader of the
//! environment.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A variable of the environment, `None` when unset or empty.
#[expect(clippy::disallowed_methods, reason = "this is the one place where xtask reads the environment")]
pub fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The workspace's folder.
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own).to_path_buf()
}

/// The build folder.
pub fn target() -> PathBuf {
    root().join(variable("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from))
}

/// The first file of that name on the search path.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = variable("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
