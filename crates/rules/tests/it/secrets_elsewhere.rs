//! What `docs/operating/leaks.md` tells scanners holds for every secret that is made: its patterns match, and the routine of
//! `docs/verifiers/keyward_secret.py` agrees with the checksum.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use keyward_rules::key::SecretKey;

const SECRETS: u32 = 3_000;

/// Reads lines `secret wrong`, finds each secret with each documented pattern in a text, and checks both checksums.
const JUDGE: &str = r#"
import re, sys
sys.path.insert(0, sys.argv[1] + "/docs/verifiers")
import keyward_secret
page = open(sys.argv[1] + "/docs/operating/leaks.md").read()
blocks = dict(re.findall(r"```(\w+)\n(.*?)```", page, re.S))
plain = blocks["regex"].strip()
gitleaks = re.search(r"regex = '''(.*?)'''", page).group(1)
trufflehog = re.search(r"secret: '(.*?)'", page).group(1)
cells = dict(re.findall(r"^\| (\w+ secret|Secret format) \| `(.*)` \|$", page, re.M))
parts = [cells[name].replace(r"\|", "|").replace(r"\z", r"\Z") for name in ("Before secret", "Secret format", "After secret")]
github = "(?:{})({})(?={})".format(*parts)
count = 0
for line in sys.stdin:
    secret, wrong = line.split()
    for pattern in (plain, gitleaks, trufflehog, github):
        for text in (secret, f'OKX_SECRET="{secret}"', f"a\n{secret}\nb", f"key:{secret},"):
            found = re.findall(pattern, text)
            assert found == [secret], (pattern, text, found)
        for text in (secret[:-1], secret + "0", "x" + secret, secret.replace("_", "-")):
            assert re.findall(pattern, text) == [], (pattern, text)
    assert keyward_secret.is_secret(secret) and not keyward_secret.is_secret(wrong), secret
    count += 1
print(count)
"#;

#[test]
fn documented_patterns_and_checksum_hold_for_every_fresh_secret() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut judge = Command::new("python3")
        .args(["-B", "-c", JUDGE, &root.display().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = String::new();
    for number in 0..SECRETS {
        let secret = SecretKey::from_entropy(*blake3::hash(&number.to_be_bytes()).as_bytes());
        let text = secret.expose();
        assert_eq!(text.len(), SecretKey::CHARS);
        // One character of the random part, or of the checksum, is another.
        let at = 4 + usize::try_from(number).unwrap() % 49;
        let other = if text.as_bytes()[at] == b'x' { "y" } else { "x" };
        lines.push_str(&format!("{text} {}{other}{}\n", &text[..at], &text[at + 1..]));
    }
    judge.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let told = judge.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&told.stdout).trim(), SECRETS.to_string());
}
