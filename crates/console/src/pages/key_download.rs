//! The credentials of a new key as a file, from the page that shows them once.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use keyward_api::sealed_file::{Randomness, seal};
use keyward_authority::{ActionError, strength};
use keyward_rules::id::KeyId;
use keyward_rules::key::Passphrase;
use keyward_rules::limits::PASSWORD_MIN_CHARS;
use keyward_rules::secret::Secret;
use serde_json::json;

use super::layout::{message, problem};
use super::person::{Posted, SignedIn};

/// The credentials as a file. They come from the page that showed them and go back at once; nothing is kept.
pub async fn download(posted: Posted) -> Response {
    let fields = &posted.fields;
    let [id, secret, passphrase] = ["api_key", "secret", "passphrase"].map(|name| fields.get(name));
    let (Ok(id), Ok(_), Ok(_)) =
        (id.parse::<KeyId>(), keyward_rules::key::SecretKey::parse(secret), Passphrase::parse(passphrase))
    else {
        return problem(ActionError::NoKey);
    };
    let api_key = id.to_string();
    let plain = environment(&[
        ("OKX_API_KEY", api_key.as_str()),
        ("OKX_SECRET", secret),
        ("OKX_PASSPHRASE", passphrase),
    ]);
    let (name, mime, text) = match fields.get("format") {
        "age" => match encrypted(&posted.person, plain, fields.get("words").to_owned()).await {
            Ok(file) => ("env.age", "application/octet-stream", file),
            Err(answer) => return answer,
        },
        "json" => {
            let json = json!({"api_key": id.to_string(), "secret": secret, "passphrase": passphrase});
            ("json", "application/json", format!("{json:#}\n").into_bytes())
        }
        _ => ("env", "text/plain; charset=utf-8", plain.into_bytes()),
    };
    let short: String = id.to_string().chars().take(8).collect();
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"keyward-{short}.{name}\""));
    let disposition = disposition.unwrap_or(HeaderValue::from_static("attachment"));
    let headers =
        [(header::CONTENT_TYPE, HeaderValue::from_static(mime)), (header::CONTENT_DISPOSITION, disposition)];
    (headers, text).into_response()
}

/// Variables and values as a file that a shell reads with `.`.
fn environment(variables: &[(&str, &str)]) -> String {
    variables.iter().map(|(name, value)| format!("{name}={}\n", shell_quoted(value))).collect()
}

/// `value` as one word of a POSIX shell (XCU 2.2.2). Between single quotes every character stands for itself, and a single
/// quote, which ends them, stands escaped between two quoted parts.
fn shell_quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

/// The file under its owner's words, which must be worth it.
async fn encrypted(person: &SignedIn, plain: String, words: String) -> Result<Vec<u8>, Response> {
    if words.chars().count() < PASSWORD_MIN_CHARS || strength(&words, &[]).score < 3 {
        return Err(message(
            StatusCode::UNPROCESSABLE_ENTITY,
            "This password is easy to guess",
            "Attackers can try passwords of a file without a limit. Go back and choose at least 12 characters that are hard to guess, such as four random words. The credentials are still on that page.",
        ));
    }
    let mut random = [0; 48];
    (person.shell.authority().entropy)(&mut random);
    let random = Randomness::from_bytes(Secret::new(random));
    // scrypt is slow and large on purpose: it runs in a pool, where an account has a small share.
    let pool = &person.shell.authority().sealing;
    let sealed = pool.run(person.holder.account, move || seal(plain.as_bytes(), &words, &random)).await;
    match sealed {
        Ok(Ok(file)) => Ok(file.into_bytes()),
        Ok(Err(_)) => Err(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        Err(_) => Err(message(
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many files at the same time",
            "Go back and try again in a few seconds. The credentials are still on that page.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::{environment, shell_quoted};

    /// The file of one variable, read by `sh` as people read it; gives everything that the shell printed, the value last.
    fn read_by_a_shell(value: &str) -> (String, String) {
        let file = environment(&[("OKX_PASSPHRASE", value)]);
        let mut shell = Command::new("sh")
            .args(["-c", r#". /dev/stdin; printf '%s' "$OKX_PASSPHRASE""#])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        shell.stdin.take().unwrap().write_all(file.as_bytes()).unwrap();
        let output = shell.wait_with_output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    #[test]
    fn a_shell_reads_every_visible_character_as_itself() {
        for byte in b'!'..=b'~' {
            for value in [format!("Aa1{}", char::from(byte)), format!("{0}Aa1{0}{0}x{0}", char::from(byte))] {
                assert_eq!(read_by_a_shell(&value), (value, String::new()));
            }
        }
    }

    #[test]
    fn a_shell_runs_nothing_of_a_value() {
        for value in [
            "$(echo ran)",
            "`echo ran`",
            "';echo ran;'",
            "'$(echo ran)'",
            "'`echo ran`'",
            "'\necho ran\n'",
            "\necho ran\n",
            "x';echo ran #",
            "'&&echo ran||'",
            "\\';echo ran;'",
            "'\\'';echo ran;'\\''",
            "${PATH}",
            "$((1+1))",
            "~root",
            "*",
            "!!",
            "<(echo ran)",
        ] {
            assert_eq!(read_by_a_shell(value), (value.to_owned(), String::new()), "{value:?}");
        }
    }

    #[test]
    fn values_without_a_quote_stand_between_quotes_as_before() {
        assert_eq!(shell_quoted("Aa1!$(x)\"`"), "'Aa1!$(x)\"`'");
        assert_eq!(shell_quoted("Aa1'x"), r"'Aa1'\''x'");
        assert_eq!(shell_quoted(""), "''");
    }
}
