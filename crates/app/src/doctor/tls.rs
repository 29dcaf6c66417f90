//! The gateway's certificate: whether it fits its key, and whether clients accept its dates.

use keyward_rules::time::Moment;

use super::Finding;
use crate::config::Config;
use crate::tls::{Certificate, Validity};

const PAIR: &str = "doctor.tls.certificate";
const DATES: &str = "doctor.tls.validity";

/// Below that many days somebody should renew it.
const SOON_MS: u64 = 14 * 24 * 60 * 60 * 1_000;

/// The findings about the certificate; none where there is none.
pub fn examine(config: &Config, now: Moment) -> Vec<Finding> {
    let gateway = &config.gateway;
    let (Some(chain), Some(key)) = (&gateway.tls_certificate_file, &gateway.tls_key_file) else {
        return Vec::new();
    };
    let pair = match Certificate::read(chain, key) {
        Ok(_) => Finding::good(PAIR, "The certificate fits its key."),
        Err(problem) => Finding::refused(
            PAIR,
            format!("The gateway cannot speak TLS: {problem:#}."),
            "Name a certificate chain in PEM, the gateway's own first, and the key that belongs to it.",
        ),
    };
    let dates = Validity::read(chain).map(|validity| judge(validity, now));
    [Some(pair), dates].into_iter().flatten().collect()
}

fn judge(validity: Validity, now: Moment) -> Finding {
    const ADVICE: &str =
        "Put a certificate in its place that is valid now, and look at the clock of this machine.";
    let Validity { from, until } = validity;
    if now < from {
        Finding::refused(
            DATES,
            format!("The certificate is not valid before {from}, and it is {now}."),
            ADVICE,
        )
    } else if now > until {
        Finding::refused(
            DATES,
            format!("The certificate is not valid after {until}, and it is {now}."),
            ADVICE,
        )
    } else if until.ms_since(now) < SOON_MS {
        Finding::warning(
            DATES,
            format!("The certificate is valid until {until}: that is less than 14 days."),
            "Renew it, then have it read again: systemctl reload keyward.",
        )
    } else {
        Finding::good(DATES, format!("The certificate is valid until {until}."))
    }
}

#[cfg(test)]
mod tests {
    use super::{Moment, Validity, judge};
    use crate::doctor::Level;

    const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
    const FROM: u64 = 1_800_000_000_000;

    #[test]
    fn a_certificate_is_judged_by_its_dates() {
        let until = FROM + 90 * DAY_MS;
        let validity = Validity { from: Moment::from_unix_ms(FROM), until: Moment::from_unix_ms(until) };
        for (now, expected) in [
            (0, Level::Refused),
            (FROM - 1, Level::Refused),
            (FROM, Level::Ok),
            (until - 15 * DAY_MS, Level::Ok),
            (until - 14 * DAY_MS, Level::Ok),
            (until - 14 * DAY_MS + 1, Level::Warning),
            (until - DAY_MS, Level::Warning),
            (until, Level::Warning),
            (until + 1, Level::Refused),
            (until + 900 * DAY_MS, Level::Refused),
        ] {
            let found = judge(validity, Moment::from_unix_ms(now));
            assert_eq!(found.level, expected, "{now}: {}", found.means);
        }
    }
}
