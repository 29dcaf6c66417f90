//! The authenticator and the recovery codes.

use askama::Template;
use axum::response::Response;
use keyward_authority::accounts::{
    EnrolTotp, Left, RemoveTotp, RenewRecoveryCodes, open_step, seal_step, try_authenticator,
};
use keyward_authority::passkeys::offer_new_passkey;
use keyward_authority::questions::list_keys;
use keyward_authority::{Action as _, ActionError, Authenticator, PendingAction};
use keyward_rules::grant::{ActionKind, NotProven, TwoFactor};
use qrcode::QrCode;
use qrcode::render::svg;

use super::confirm::{Confirmation, act, begin};
use super::field::{Field, Kind};
use super::layout::{Frame, go, page, problem, sentence, told};
use super::note::Note;
use super::person::{Posted, SignedIn};
use super::stops::{stops, with_stops};

#[derive(Template)]
#[template(path = "totp.html")]
struct Page<'p> {
    frame: Frame,
    csrf: &'p str,
    qr: String,
    secret: String,
    grouped: String,
    replaces: bool,
    /// Which keys a replacement stops.
    stops: String,
    field: String,
    /// A question for a first passkey, as JSON; empty where there is a factor already, or no passkeys.
    offer: String,
}

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct Codes {
    frame: Frame,
    codes: Vec<String>,
    /// Where the page leads.
    next: &'static str,
}

fn fresh(person: &SignedIn) -> Authenticator {
    let mut entropy = [0; 20];
    (person.shell.authority().entropy)(&mut entropy);
    Authenticator::from_entropy(entropy)
}

/// Which keys setting an authenticator up stops: those of a replacement, and none for the first one.
async fn stops_of(person: &SignedIn) -> Result<String, ActionError> {
    if person.account.authenticator { stops(person, Left::Another).await } else { Ok(String::new()) }
}

async fn enrol_form(person: &SignedIn, authenticator: &Authenticator, error: &str) -> Response {
    let stops = match stops_of(person).await {
        Ok(stops) => stops,
        Err(other) => return problem(other),
    };
    let url = authenticator.url(&person.shell.authority().settings.issuer, &person.account.email);
    let field = Field::new("code", "Code from the new authenticator", Kind::Six)
        .hint("Six digits. The code confirms that the set-up worked.")
        .error(error)
        .focus();
    let offer = match first_passkey(person).await {
        Ok(offer) => offer,
        Err(other) => return problem(other),
    };
    let secret = authenticator.base32();
    let letters: Vec<char> = secret.chars().collect();
    page(&Page {
        frame: Frame::of(person, "security", "Set up an authenticator"),
        offer,
        csrf: &person.csrf,
        qr: picture(&url),
        grouped: letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" "),
        secret,
        replaces: person.account.authenticator,
        stops,
        field: field.html(),
    })
}

/// The question for a passkey as the first second factor, as JSON; empty where there is nothing to ask.
async fn first_passkey(person: &SignedIn) -> Result<String, ActionError> {
    if person.account.two_factor == TwoFactor::On {
        return Ok(String::new());
    }
    match offer_new_passkey(&person.own_context()).await {
        Ok(offer) => Ok(offer.to_json()),
        Err(ActionError::NoPasskeysHere | ActionError::TooManyQuestions) => Ok(String::new()),
        Err(other) => Err(other),
    }
}

/// The QR code as inline SVG, without the XML prolog that HTML does not take.
fn picture(url: &str) -> String {
    let Ok(code) = QrCode::new(url.as_bytes()) else { return String::new() };
    let svg = code.render::<svg::Color<'_>>().min_dimensions(200, 200).quiet_zone(true).build();
    svg.find("<svg").and_then(|at| svg.get(at..)).unwrap_or_default().to_owned()
}

/// The QR code, the secret as text, and the field for the first code.
pub async fn show(person: SignedIn) -> Response {
    let authenticator = fresh(&person);
    enrol_form(&person, &authenticator, "").await
}

fn asking_enrol(stops: String) -> Confirmation {
    let sign_in = "You need its codes to sign in and to make changes that give more access.".to_owned();
    Confirmation {
        title: "Set up this authenticator?",
        action: "/security/authenticator".to_owned(),
        button: "Set it up",
        danger: false,
        back: "/security".to_owned(),
        part: "security",
        words: [sign_in, stops].into_iter().filter(|line| !line.is_empty()).collect(),
        extra: String::new(),
    }
}

/// The first code, then the ceremony. Where there is no second factor yet, the password stands in for it.
pub async fn submit(mut posted: Posted) -> Response {
    let Some(authenticator) = Authenticator::from_base32(posted.fields.get("secret")) else {
        return go("/security/authenticator");
    };
    let context = posted.person.own_context();
    // Checked once, when it is typed: by the time that the mail is read, the code would be too old.
    let proved = match open_step(&context, &authenticator, posted.fields.get("proved")) {
        Some(step) => Ok(step),
        None => try_authenticator(&context, &authenticator, posted.fields.get("code")),
    };
    let step = match proved {
        Ok(step) => step,
        Err(unreadable @ ActionError::NotProven(NotProven::Unreadable)) => {
            return enrol_form(&posted.person, &authenticator, &sentence(&unreadable)).await;
        }
        Err(_) => {
            let error = "This code is wrong. Check the clock of the device and type the next code.";
            return enrol_form(&posted.person, &authenticator, error).await;
        }
    };
    let seal = seal_step(&context, &authenticator, step);
    posted.fields.0.retain(|(name, _)| name != "code" && name != "proved");
    posted.fields.0.push(("proved".to_owned(), seal));
    let person = &posted.person;
    let stops = match stops_of(person).await {
        Ok(stops) => stops,
        Err(other) => return problem(other),
    };
    let enrol = EnrolTotp { account: person.id(), authenticator, step };
    match act(&posted, &person.own_context(), enrol, |_| asking_enrol(stops)).await {
        Ok(enrolled) if enrolled.recovery_codes.is_empty() => {
            told(person, "/security", Note::Done(ActionKind::EnrolTotp)).await
        }
        Ok(enrolled) => show_first_codes(person, enrolled.recovery_codes).await,
        Err(halted) => halted.into(),
    }
}

fn show_new_codes(person: &SignedIn, codes: Vec<String>, next: &'static str) -> Response {
    page(&Codes { frame: Frame::of(person, "security", "Your recovery codes"), codes, next })
}

/// The codes that a first second factor brings; a person without keys goes on to the first one.
pub async fn show_first_codes(person: &SignedIn, codes: Vec<String>) -> Response {
    let has_keys = match list_keys(&person.own_context(), person.id()).await {
        Ok((keys, _)) => !keys.is_empty(),
        Err(other) => return problem(other),
    };
    show_new_codes(person, codes, if has_keys { "/keys" } else { "/keys/new" })
}

fn asking_codes(pending: &PendingAction) -> Confirmation {
    Confirmation {
        title: "Make new recovery codes?",
        action: "/security/recovery-codes".to_owned(),
        button: "Make new codes",
        danger: false,
        back: "/security".to_owned(),
        part: "security",
        words: pending.words.clone(),
        extra: String::new(),
    }
}

fn asking_off(left: Left, pending: &PendingAction, stops: String) -> Confirmation {
    Confirmation {
        title: match left {
            Left::Another => "Turn the authenticator off?",
            Left::Nothing => "Turn two-factor sign-in off?",
        },
        action: "/security/authenticator/off".to_owned(),
        button: "Turn it off",
        danger: true,
        back: "/security".to_owned(),
        part: "security",
        words: with_stops(pending, stops),
        extra: String::new(),
    }
}

/// Before new recovery codes.
pub async fn show_codes(person: SignedIn) -> Response {
    match RenewRecoveryCodes(person.id()).plan(&person.own_context()).await {
        Ok(pending) => begin(&person, &asking_codes(&pending), ""),
        Err(other) => problem(other),
    }
}

/// New recovery codes.
pub async fn codes(posted: Posted) -> Response {
    let person = &posted.person;
    match act(&posted, &person.own_context(), RenewRecoveryCodes(person.id()), asking_codes).await {
        Ok(codes) => show_new_codes(person, codes, "/security"),
        Err(halted) => halted.into(),
    }
}

/// Before turning it off.
pub async fn show_off(person: SignedIn) -> Response {
    let left = person.account.without_the_authenticator();
    let asking = async {
        let pending = RemoveTotp(person.id()).plan(&person.own_context()).await?;
        Ok::<_, ActionError>(asking_off(left, &pending, stops(&person, left).await?))
    };
    match asking.await {
        Ok(asking) => begin(&person, &asking, ""),
        Err(other) => problem(other),
    }
}

/// Turning it off.
pub async fn off(posted: Posted) -> Response {
    let person = &posted.person;
    let left = person.account.without_the_authenticator();
    let stops = match stops(person, left).await {
        Ok(stops) => stops,
        Err(other) => return problem(other),
    };
    let asking = |pending: &PendingAction| asking_off(left, pending, stops);
    match act(&posted, &person.own_context(), RemoveTotp(person.id()), asking).await {
        Ok(()) => match left {
            Left::Another => told(person, "/security", Note::Done(ActionKind::RemoveTotp)).await,
            Left::Nothing => told(person, "/security", Note::TwoFactorOff).await,
        },
        Err(halted) => halted.into(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_picture_is_an_svg_and_nothing_else() {
        let svg = super::picture("otpauth://totp/Keyward:a?secret=AB");
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>") && !svg.contains("style="));
    }
}
