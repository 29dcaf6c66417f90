//! Steps with headers and times, and the line at the end.

use std::time::Instant;

use crate::Failure;

/// What has been run so far.
#[derive(Default)]
pub struct Report {
    passed: u32,
    failed: Vec<String>,
    skipped: Vec<String>,
}

impl Report {
    /// Runs one step under its header and keeps the verdict; `None` when it failed.
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a step took is for the reader, nothing depends on it"
    )]
    pub fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T, String>) -> Option<T> {
        println!("\n=== {name}");
        let start = Instant::now();
        let verdict = work();
        let seconds = start.elapsed().as_secs_f32();
        match verdict {
            Ok(value) => {
                self.passed += 1;
                println!("--- {name}: passed in {seconds:.1} s");
                Some(value)
            }
            Err(reason) => {
                println!("--- {name}: FAILED in {seconds:.1} s: {reason}");
                self.failed.push(format!("{name}: {reason}"));
                None
            }
        }
    }

    /// Notes a step that cannot run here; the end of the report says so once more.
    pub fn skip(&mut self, name: &str, reason: &str) {
        println!("\n=== {name}\n--- {name}: SKIPPED: {reason}");
        self.skipped.push(format!("{name}: {reason}"));
    }

    /// Prints the count as the last line.
    pub fn finish(&self) -> Result<(), Failure> {
        println!();
        for skipped in &self.skipped {
            println!("SKIPPED, not checked: {skipped}");
        }
        for failure in &self.failed {
            println!("failed: {failure}");
        }
        println!("{}", self.line());
        if self.failed.is_empty() {
            Ok(())
        } else {
            Err(Failure::Refused("not every check passed".to_owned()))
        }
    }

    fn line(&self) -> String {
        let counted = format!("{} passed, {} failed", self.passed, self.failed.len());
        match self.skipped.len() {
            0 => counted,
            skipped => format!("{counted}, {skipped} skipped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Report;

    #[test]
    fn counts_steps() {
        let mut report = Report::default();
        assert_eq!(report.step("one", || Ok(7)), Some(7));
        assert!(report.finish().is_ok());
        assert_eq!(report.step("two", || Err::<u8, _>("why".to_owned())), None);
        assert_eq!(report.line(), "1 passed, 1 failed");
        report.skip("three", "out of reach");
        assert_eq!(report.line(), "1 passed, 1 failed, 1 skipped");
        assert!(report.finish().is_err());
    }
}
