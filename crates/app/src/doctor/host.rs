//! The machine: user, core dumps, swap, entropy. What it says is read in one place and judged in another.

use rustix::process::geteuid;
use rustix::rand::{GetRandomFlags, getrandom};

use super::Finding;
use crate::descriptors;

const ROOT: &str = "doctor.host.root";
const SHARED: &str = "doctor.host.shared_user";
const CORE: &str = "doctor.host.core_dumps";
const SUID: &str = "doctor.host.suid_dumpable";
const SWAP: &str = "doctor.host.swap";
const OPEN_FILES: &str = "doctor.host.open_files";
const ENTROPY: &str = "doctor.host.entropy";

/// What the machine says of itself; `None` for what it does not tell.
pub struct Host {
    /// The number of the user who runs this.
    user: u32,
    /// The users that it knows, as in `/etc/passwd`.
    users: Option<String>,
    /// What this process may use, as in `/proc/self/limits`.
    limits: Option<String>,
    /// What becomes of core dumps, as in `/proc/sys/kernel/core_pattern`.
    core_pattern: Option<String>,
    /// Whether programs that changed their user are dumped, as in `/proc/sys/fs/suid_dumpable`.
    suid_dumpable: Option<String>,
    /// Where memory is moved to, as in `/proc/swaps`.
    swaps: Option<String>,
    /// Whether there are random bytes.
    entropy: Entropy,
}

/// Whether the kernel has random bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entropy {
    /// At once.
    Ready,
    /// Not yet: whoever asks waits.
    Awaited,
    /// It does not say.
    Untold,
}

impl Host {
    /// Asks the machine.
    pub fn look() -> Self {
        let read = |file: &str| std::fs::read_to_string(file).ok();
        let entropy = match getrandom(&mut [0; 32], GetRandomFlags::NONBLOCK) {
            Ok(_) => Entropy::Ready,
            Err(rustix::io::Errno::AGAIN) => Entropy::Awaited,
            Err(_) => Entropy::Untold,
        };
        Self {
            user: geteuid().as_raw(),
            users: read("/etc/passwd"),
            limits: read("/proc/self/limits"),
            core_pattern: read("/proc/sys/kernel/core_pattern"),
            suid_dumpable: read("/proc/sys/fs/suid_dumpable"),
            swaps: read("/proc/swaps"),
            entropy,
        }
    }

    /// The findings about it, but for [`Host::open_files`].
    pub fn judge(&self) -> Vec<Finding> {
        let mut found = vec![self.root()];
        found.extend(self.shared());
        found.extend([self.core_dumps(), self.suid(), self.swap(), self.random()]);
        found
    }

    fn root(&self) -> Finding {
        if self.user != 0 {
            return Finding::good(ROOT, "This does not run as root.");
        }
        Finding::warning(
            ROOT,
            "This runs as root: a bug in the program would have every right.",
            "Run keyward as a user of its own, as docs/operating/keyward.service does.",
        )
    }

    /// Whoever else is this user reads the master key. Root is everybody's already.
    fn shared(&self) -> Option<Finding> {
        const ADVICE: &str = "Give keyward a user of its own that nobody signs in as: useradd --system --shell /usr/sbin/nologin keyward.";
        if self.user == 0 {
            return None;
        }
        let names = logins(self.users.as_deref().unwrap_or_default(), self.user);
        let [(name, shell)] = names.as_slice() else {
            return Some(if names.is_empty() {
                let means =
                    format!("User {} is not in /etc/passwd: it is not known who shares it.", self.user);
                Finding::note(SHARED, means, ADVICE)
            } else {
                let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
                let means = format!("User {} has several names: {}.", self.user, names.join(", "));
                Finding::warning(SHARED, means, ADVICE)
            });
        };
        Some(if ["nologin", "false"].iter().any(|closed| shell.ends_with(closed)) {
            Finding::good(SHARED, format!("Nobody signs in as {name}, who runs this."))
        } else {
            let means =
                format!("{name}, who runs this, has a shell: anybody who signs in as {name} has every key.");
            Finding::warning(SHARED, means, ADVICE)
        })
    }

    /// The hard limit of what `/proc/self/limits` calls `name`.
    fn hard_limit(&self, name: &str) -> Option<&str> {
        let mut lines = self.limits.as_deref().unwrap_or_default().lines();
        lines.find_map(|line| line.strip_prefix(name))?.split_whitespace().nth(1)
    }

    /// Each client, and each request under way at the exchange, takes one. With too few, `serve` does not start.
    pub fn open_files(&self) -> Finding {
        let hard = self.hard_limit("Max open files").map(|hard| hard.parse().unwrap_or(u64::MAX));
        match hard {
            Some(files) if files < descriptors::LEAST => Finding::refused(
                OPEN_FILES,
                format!(
                    "This may open {files} files, and needs {} at least: clients would take those of the database.",
                    descriptors::LEAST
                ),
                "Set LimitNOFILE=65536 in the unit, as docs/operating/keyward.service does.",
            ),
            Some(files) if files < descriptors::ENOUGH => Finding::warning(
                OPEN_FILES,
                format!(
                    "This may open {files} files: more clients than that are not served at the same time."
                ),
                "Set LimitNOFILE=65536 in the unit, as docs/operating/keyward.service does.",
            ),
            Some(files) => Finding::good(OPEN_FILES, format!("This may open {files} files.")),
            None => Finding::note(
                OPEN_FILES,
                "The limit of open files cannot be read here.",
                "Set LimitNOFILE=65536 in the unit, as docs/operating/keyward.service does.",
            ),
        }
    }

    fn core_dumps(&self) -> Finding {
        match (
            self.hard_limit("Max core file size"),
            handler(self.core_pattern.as_deref().unwrap_or_default()),
        ) {
            (None, _) => Finding::note(
                CORE,
                "The limit of core dumps cannot be read here.",
                "Set LimitCORE=0 in the unit, as docs/operating/keyward.service does.",
            ),
            (Some("0"), None) => Finding::good(CORE, "No core dump can be written."),
            (Some("0"), Some(program)) => Finding::warning(
                CORE,
                format!("Crashes are handed to {program} whatever the limit: a dump holds the master key."),
                "Let kernel.core_pattern name systemd-coredump, which keeps to the limit, or a file.",
            ),
            (Some(_), _) => Finding::warning(
                CORE,
                "A crash may write a core dump, which holds the master key and the states of all secrets.",
                "Set LimitCORE=0 in the unit, as docs/operating/keyward.service does.",
            ),
        }
    }

    fn suid(&self) -> Finding {
        match self.suid_dumpable.as_deref().map(str::trim) {
            Some("0") => Finding::good(SUID, "Programs that changed their user are not dumped."),
            Some("2") => Finding::good(SUID, "Dumps of programs that changed their user are root's alone."),
            Some("1") => Finding::warning(
                SUID,
                "Anybody can make a program that changed its user write a core dump, with secrets in it.",
                "Set fs.suid_dumpable=0 with sysctl.",
            ),
            Some(_) | None => Finding::note(
                SUID,
                "The setting fs.suid_dumpable cannot be read here.",
                "Look at fs.suid_dumpable on the machine itself; 0 is right.",
            ),
        }
    }

    fn swap(&self) -> Finding {
        let plain = |line: &&str| !line.starts_with("/dev/dm-") && !line.starts_with("/dev/zram");
        match &self.swaps {
            None => Finding::note(
                SWAP,
                "The state of swap cannot be read here.",
                "Look at `swapon --show` on the machine itself; secrets in memory must not be written to a disk.",
            ),
            Some(swaps) if swaps.lines().skip(1).find(plain).is_none() => {
                Finding::good(SWAP, "No plain swap is on.")
            }
            Some(_) => Finding::warning(
                SWAP,
                "Swap is on and does not look encrypted: secrets in memory may be written to the disk.",
                "Turn swap off, encrypt it, or set MemorySwapMax=0 in the unit.",
            ),
        }
    }

    fn random(&self) -> Finding {
        match self.entropy {
            Entropy::Ready => Finding::good(ENTROPY, "The kernel gives random bytes at once."),
            Entropy::Awaited => Finding::refused(
                ENTROPY,
                "The kernel has not gathered enough randomness yet: keys and codes wait for it.",
                "Wait a minute; in a virtual machine give it a random device (virtio-rng).",
            ),
            Entropy::Untold => Finding::refused(
                ENTROPY,
                "The kernel does not give random bytes: no key and no code can be made.",
                "Let the process call getrandom(2): a system call filter may block it.",
            ),
        }
    }
}

/// Name and shell of everybody with this number in the text of `/etc/passwd`.
fn logins(users: &str, number: u32) -> Vec<(&str, &str)> {
    users.lines().filter_map(|line| login_of(line, number)).collect()
}

fn login_of(line: &str, number: u32) -> Option<(&str, &str)> {
    let mut fields = line.split(':');
    let (name, user) = (fields.next()?, fields.nth(1)?);
    let shell = fields.nth(3)?;
    (user.parse() == Ok(number)).then_some((name, shell))
}

/// The program that core dumps are piped to without regard to the limit.
fn handler(pattern: &str) -> Option<&str> {
    let program = pattern.trim().strip_prefix('|')?.split_whitespace().next()?;
    (!program.ends_with("/systemd-coredump")).then_some(program)
}

#[cfg(test)]
mod tests {
    use super::{Entropy, Host};
    use crate::doctor::Level;

    const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units\n\
        Max cpu time              unlimited            unlimited            seconds\n\
        Max core file size        0                    HARD                 bytes\n\
        Max open files            1024                 65536                files\n";
    const USERS: &str = "root:x:0:0:root:/root:/bin/bash\nkeyward:x:990:990::/nonexistent:/usr/sbin/nologin\n\
        ann:x:1000:1000:Ann:/home/ann:/bin/bash\nx:x:7:7::/:/bin/false\ny:x:7:7::/:/bin/false\n";

    /// A machine as it should be.
    fn good() -> Host {
        Host {
            user: 990,
            users: Some(USERS.to_owned()),
            limits: Some(LIMITS.replace("HARD", "0")),
            core_pattern: Some("core\n".to_owned()),
            suid_dumpable: Some("0\n".to_owned()),
            swaps: Some("Filename Type Size Used Priority\n".to_owned()),
            entropy: Entropy::Ready,
        }
    }

    fn level(host: &Host, name: &str) -> Option<Level> {
        host.judge().iter().find(|one| one.name == name).map(|one| one.level)
    }

    #[test]
    fn a_good_machine_has_nothing_to_settle() {
        for one in good().judge() {
            assert_eq!(one.level, Level::Ok, "{}", one.name);
        }
        assert_eq!(good().judge().len(), 6);
        assert_eq!(good().open_files().level, Level::Ok);
    }

    #[test]
    fn a_user_is_nobody_elses() {
        let of = |user| Host { user, ..good() };
        assert_eq!(level(&of(0), "doctor.host.root"), Some(Level::Warning));
        assert_eq!(level(&of(0), "doctor.host.shared_user"), None);
        for (user, expected) in [(1000, Level::Warning), (7, Level::Warning), (5, Level::Note)] {
            assert_eq!(level(&of(user), "doctor.host.shared_user"), Some(expected), "{user}");
        }
    }

    #[test]
    fn no_dump_holds_the_master_key() {
        let of = |hard: &str, pattern: &str| {
            let core_pattern = Some(pattern.to_owned());
            let host = Host { limits: Some(LIMITS.replace("HARD", hard)), core_pattern, ..good() };
            level(&host, "doctor.host.core_dumps")
        };
        assert_eq!(of("unlimited", "core"), Some(Level::Warning));
        assert_eq!(of("0", "|/usr/lib/systemd/systemd-coredump %P %u"), Some(Level::Ok));
        assert_eq!(of("0", "|/usr/share/apport/apport -p%p"), Some(Level::Warning));
        assert_eq!(level(&Host { limits: None, ..good() }, "doctor.host.core_dumps"), Some(Level::Note));
        for (value, expected) in [
            (Some("1\n"), Level::Warning),
            (Some("2\n"), Level::Ok),
            (Some("9"), Level::Note),
            (None, Level::Note),
        ] {
            let host = Host { suid_dumpable: value.map(str::to_owned), ..good() };
            assert_eq!(level(&host, "doctor.host.suid_dumpable"), Some(expected), "{value:?}");
        }
    }

    #[test]
    fn a_server_needs_files_of_its_own_beside_its_clients() {
        for (files, expected) in [
            ("0", Level::Refused),
            ("64", Level::Refused),
            ("160", Level::Refused),
            ("256", Level::Refused),
            ("319", Level::Refused),
            ("320", Level::Warning),
            ("1024", Level::Warning),
            ("4096", Level::Warning),
            ("16383", Level::Warning),
            ("16384", Level::Ok),
            ("65536", Level::Ok),
            ("unlimited", Level::Ok),
        ] {
            let host = Host { limits: Some(LIMITS.replace("65536", files)), ..good() };
            assert_eq!(host.open_files().level, expected, "{files}");
        }
        assert_eq!(Host { limits: None, ..good() }.open_files().level, Level::Note);
    }

    #[test]
    fn memory_stays_in_memory() {
        for (line, expected) in [
            ("/dev/sda2 partition 1 0 -2", Level::Warning),
            ("/swapfile file 1 0 -2", Level::Warning),
            ("/dev/dm-1 partition 1 0 -2", Level::Ok),
            ("/dev/zram0 partition 1 0 100", Level::Ok),
        ] {
            let host = Host { swaps: Some(format!("Filename\n{line}\n")), ..good() };
            assert_eq!(level(&host, "doctor.host.swap"), Some(expected), "{line}");
        }
        assert_eq!(level(&Host { swaps: None, ..good() }, "doctor.host.swap"), Some(Level::Note));
    }

    #[test]
    fn without_random_bytes_there_are_no_keys() {
        for entropy in [Entropy::Awaited, Entropy::Untold] {
            assert_eq!(level(&Host { entropy, ..good() }, "doctor.host.entropy"), Some(Level::Refused));
        }
    }

    #[test]
    fn this_machine_answers() {
        let host = Host::look();
        assert!(host.limits.is_some() && host.entropy == Entropy::Ready);
    }
}
