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
    let plain = format!("OKX_API_KEY='{id}'\nOKX_SECRET='{secret}'\nOKX_PASSPHRASE='{passphrase}'\n");
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

/// The file under its owner's words, which must be worth it.
async fn encrypted(person: &SignedIn, plain: String, words: String) -> Result<Vec<u8>, Response> {
    if words.chars().count() < PASSWORD_MIN_CHARS || strength(&words, &[]).score < 3 {
        return Err(message(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Those words are easy to guess",
            "A file is guessed at without any pause. Go back, and choose at least 12 characters that are hard to guess: four random words, say. The credentials are still on that page.",
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
            "Other files are being made",
            "Nothing was lost: go back, where the credentials still are, and try again in a few seconds.",
        )),
    }
}
