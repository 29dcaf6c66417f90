//! What the tests need of the machine, found or installed.
//!
//! With root and apt the missing Debian packages are installed; otherwise the one line to run is printed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::place;
use crate::process::{stream, succeeds};

struct Need {
    what: &'static str,
    packages: &'static [&'static str],
    met: fn() -> bool,
}

const NEEDS: [Need; 14] = [
    Need {
        what: "PostgreSQL's server (initdb and postgres)",
        packages: &["postgresql"],
        met: || postgres().is_some(),
    },
    Need {
        what: "PgBouncer",
        packages: &["pgbouncer"],
        met: || place::program("pgbouncer").is_some() || Path::new("/usr/sbin/pgbouncer").is_file(),
    },
    Need { what: "Python 3 with venv", packages: &["python3", "python3-venv"], met: has_python },
    Need { what: "Node and npm", packages: &["nodejs", "npm"], met: has_node },
    Need {
        what: "Chromium",
        packages: &["chromium", "fonts-noto-core", "fonts-dejavu-core"],
        met: || chromium().is_some(),
    },
    Need { what: "openssl", packages: &["openssl"], met: || place::program("openssl").is_some() },
    // Networks with addresses of their own; `unshare` is part of every Debian.
    Need { what: "ip", packages: &["iproute2"], met: || place::program("ip").is_some() },
    Need {
        what: "nftables",
        packages: &["nftables"],
        met: || place::program("nft").is_some() || Path::new("/usr/sbin/nft").is_file(),
    },
    // The proxies that people put before a gateway, and a client that speaks to them in every way.
    Need {
        what: "nginx with its stream module",
        packages: &["nginx", "libnginx-mod-stream"],
        met: || place::program("nginx").is_some() && has_stream_module(),
    },
    Need { what: "HAProxy", packages: &["haproxy"], met: || place::program("haproxy").is_some() },
    Need { what: "Caddy", packages: &["caddy"], met: || place::program("caddy").is_some() },
    Need { what: "curl", packages: &["curl"], met: || place::program("curl").is_some() },
    Need {
        what: "Go with BLAKE3",
        packages: &["golang-go", "golang-lukechampine-blake3-dev"],
        met: || {
            place::program("go").is_some() && Path::new("/usr/share/gocode/src/lukechampine.com").is_dir()
        },
    },
    Need { what: "a C++ compiler", packages: &["g++"], met: has_cxx },
];

/// Installs what is missing; returns the folder of PostgreSQL's server programs.
pub fn ensure() -> Result<PathBuf, String> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.met)()).collect();
    if !missing.is_empty() {
        install(&missing)?;
    }
    for need in &NEEDS {
        if !(need.met)() {
            return Err(format!("{} is still missing", need.what));
        }
    }
    postgres().ok_or_else(|| "PostgreSQL's server is still missing".to_owned())
}

fn install(missing: &[&Need]) -> Result<(), String> {
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages.iter().copied()).collect();
    let line = format!("apt-get install --yes --no-install-recommends {}", packages.join(" "));
    let what: Vec<&str> = missing.iter().map(|need| need.what).collect();
    if !is_root() || place::program("apt-get").is_none() {
        return Err(format!("missing: {}; on Debian, as root: {line}", what.join(", ")));
    }
    println!("  installing {}", what.join(", "));
    let apt = |arguments: &[&str]| {
        stream(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt(&["update"])?;
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(packages);
    apt(&arguments)
}

/// The folder with both server programs: on the search path, or where Debian keeps them, newest first.
fn postgres() -> Option<PathBuf> {
    let complete = |folder: &PathBuf| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file());
    let on_path = place::program("initdb").and_then(|file| file.canonicalize().ok());
    let on_path = on_path.and_then(|file| file.parent().map(Path::to_path_buf)).filter(complete);
    on_path.or_else(|| {
        let entries = fs::read_dir("/usr/lib/postgresql").ok()?;
        let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
        let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        found.sort_by_key(version);
        found.into_iter().rev().map(|folder| folder.join("bin")).find(complete)
    })
}

/// The browser, by any of its names.
pub fn chromium() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|name| place::program(name))
}

/// Whether the module is where the recipe loads it from.
fn has_stream_module() -> bool {
    ["/usr/share/nginx/modules", "/usr/lib/nginx/modules"]
        .iter()
        .any(|folder| Path::new(folder).join("ngx_stream_module.so").is_file())
}

fn has_python() -> bool {
    succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"]))
}

fn has_node() -> bool {
    place::program("npm").is_some() && succeeds(Command::new("node").arg("--version"))
}

fn has_cxx() -> bool {
    ["c++", "g++", "clang++"].iter().any(|name| place::program(name).is_some())
}

/// Whether this process runs as root: its own entry under `/proc` belongs to it.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}
