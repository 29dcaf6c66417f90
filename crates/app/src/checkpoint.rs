//! The newest change that this node has seen, in a file of its own: a store that is older at the next start was
//! rolled back, and keys that had ended could live again.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use keyward_rules::id::Revision;

/// The file and what it holds.
pub struct Checkpoint {
    file: PathBuf,
    kept: Revision,
}

impl Checkpoint {
    /// Reads the file, or starts one; refuses a store whose newest change is older than what the file holds.
    pub fn open(file: &Path, head: Revision) -> Result<Self> {
        let kept = match std::fs::read_to_string(file) {
            Ok(text) => {
                parse(&text).with_context(|| format!("{} is no checkpoint; look into it", file.display()))?
            }
            Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Revision(0),
            Err(problem) => {
                return Err(problem)
                    .with_context(|| format!("the checkpoint {} cannot be read", file.display()));
            }
        };
        if head < kept {
            bail!(
                "the store's newest change is number {}, but this node has seen number {}: the store was rolled \
                 back or replaced, and keys that had ended may live again. If you restored a backup on purpose, \
                 check the keys, remove {} and start again",
                head.0,
                kept.0,
                file.display()
            );
        }
        let mut checkpoint = Self { file: file.to_owned(), kept };
        checkpoint.keep(head)?;
        Ok(checkpoint)
    }

    /// Keeps a newer change; on disk when this returns.
    pub fn keep(&mut self, seen: Revision) -> Result<()> {
        if seen <= self.kept && self.file.exists() {
            return Ok(());
        }
        let next = self.file.with_extension("next");
        let mut file = std::fs::File::create(&next)?;
        std::io::Write::write_all(&mut file, format!("keyward checkpoint 1\n{}\n", seen.0).as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&next, &self.file)?;
        self.kept = seen;
        Ok(())
    }
}

fn parse(text: &str) -> Option<Revision> {
    let number = text.strip_prefix("keyward checkpoint 1\n")?.strip_suffix('\n')?;
    number.parse().ok().map(Revision)
}

#[cfg(test)]
mod tests {
    use super::{Revision, parse};

    #[test]
    fn only_its_own_form_is_read() {
        assert_eq!(parse("keyward checkpoint 1\n42\n"), Some(Revision(42)));
        for odd in
            ["", "42", "keyward checkpoint 1\n42", "keyward checkpoint 2\n42\n", "keyward checkpoint 1\n-1\n"]
        {
            assert_eq!(parse(odd), None, "{odd:?}");
        }
    }
}
