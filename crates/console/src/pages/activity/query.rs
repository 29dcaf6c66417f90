//! What the pages of activity are asked for: a range, the terms of a search, a place in the journal; and a search in words.

use keyward_authority::RequestFilter;
use keyward_authority::questions::Range;
use keyward_rules::denial::Denial;
use keyward_rules::id::KeyId;
use keyward_rules::limits::DAY_MS;
use keyward_rules::time::Moment;
use serde::Deserialize;

use crate::words::{When, moment, urlencoded, verdict_name};

/// How far a search reaches back unless asked otherwise.
const SEARCH_DAYS: u64 = 31;
/// Milliseconds by which another node's clock may be ahead of ours, for the live view.
const AHEAD_MS: u64 = 60_000;

/// What is asked for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    /// A part of the page alone.
    pub fragment: String,
    /// How far the chart reaches back.
    pub range: String,
    /// Requests from then on.
    pub from: String,
    /// Requests before then.
    pub until: String,
    /// A code, `refused`, or nothing for all.
    pub verdict: String,
    /// A part of the route.
    pub route: String,
    /// The address that requests came from.
    pub source: String,
    /// An instrument of an order.
    pub instrument: String,
    /// The client's own id of an order.
    pub client_id: String,
    /// The exchange's id of an order, transfer or withdrawal.
    pub exchange_id: String,
    /// Where an earlier search stopped.
    pub before: String,
    /// The newest record that the live view has seen.
    pub after: String,
    /// How many requests the live view has shown since it was opened.
    pub came: String,
    /// Whether the live view is asked for: it has a page of its own, and old links say so.
    pub live: String,
    /// The format of an export.
    pub format: String,
}

impl Query {
    /// The range of the chart; a day unless said.
    pub fn chart_range(&self) -> Range {
        self.range.parse().unwrap_or(Range::Day)
    }

    /// The terms of the search without the range of the chart.
    pub fn filters(&self) -> String {
        urlencoded(&[("from", &self.from), ("until", &self.until)]) + &self.live_filters()
    }

    /// The terms that the live view has as well: it knows no end.
    pub fn live_filters(&self) -> String {
        urlencoded(&[
            ("verdict", &self.verdict),
            ("route", &self.route),
            ("source", &self.source),
            ("instrument", &self.instrument),
            ("client_id", &self.client_id),
            ("exchange_id", &self.exchange_id),
        ])
    }

    /// Whether one of the filters is given that are folded away at first.
    pub fn says_more(&self) -> bool {
        [&self.instrument, &self.client_id, &self.exchange_id].iter().any(|text| !text.trim().is_empty())
    }

    /// The live view that an old link leads to.
    pub fn live_view(&self, key: KeyId) -> String {
        let part = if self.fragment == "tail" { "&fragment=tail" } else { "" };
        let place = urlencoded(&[("after", &self.after), ("range", &self.range)]);
        let asked = format!("{part}{place}{}", self.live_filters());
        format!("/keys/{key}/live?{}", asked.trim_start_matches('&'))
    }
}

/// The search that is asked for.
pub fn filter(query: &Query, now: Moment) -> Result<RequestFilter, &'static str> {
    let given = |text: &str, otherwise: Moment| match text {
        "" => Ok(otherwise),
        text => moment(text).ok_or("Enter a time such as 2026-11-21T08:15, in UTC."),
    };
    let month_ago = Moment::from_unix_ms(now.unix_ms().saturating_sub(SEARCH_DAYS * DAY_MS));
    let source = match query.source.trim() {
        "" => None,
        text => Some(text.parse().map_err(|_| "Enter an address such as 203.0.113.7 or 2001:db8::7.")?),
    };
    Ok(RequestFilter {
        from: given(&query.from, month_ago)?,
        until: given(&query.until, now.plus_ms(1))?,
        code: query.verdict.clone(),
        route: query.route.trim().to_owned(),
        source,
        instrument: query.instrument.trim().to_owned(),
        client_id: query.client_id.trim().to_owned(),
        exchange_id: query.exchange_id.trim().to_owned(),
        before: query.before.parse().ok(),
    })
}

/// What the live view shows: it has no beginning and no end.
pub fn live_filter(query: &Query, now: Moment) -> Result<RequestFilter, &'static str> {
    let terms = Query {
        verdict: query.verdict.clone(),
        route: query.route.clone(),
        source: query.source.clone(),
        instrument: query.instrument.clone(),
        client_id: query.client_id.clone(),
        exchange_id: query.exchange_id.clone(),
        ..Query::default()
    };
    Ok(RequestFilter { until: now.plus_ms(AHEAD_MS), ..filter(&terms, now)? })
}

/// A verdict that can be searched for.
pub struct Choice {
    /// Its word.
    pub word: String,
    /// The same for people.
    pub name: String,
    /// Whether it is the one that is searched for.
    pub chosen: bool,
}

/// All, passed, refused and these codes; and the one that is searched for, whatever it is.
pub fn choices(chosen: &str, codes: impl IntoIterator<Item = String>) -> Vec<Choice> {
    let mut words = vec![String::new(), "0".to_owned(), "refused".to_owned()];
    for code in codes.into_iter().chain([chosen.to_owned()]) {
        if !words.contains(&code) {
            words.push(code);
        }
    }
    let choice = |word: String| Choice {
        name: if word.is_empty() { "all".to_owned() } else { verdict_name(&word) },
        chosen: word == chosen,
        word,
    };
    words.into_iter().map(choice).collect()
}

/// The codes of all refusals.
pub fn refusals() -> Vec<String> {
    Denial::examples().iter().map(|denial| denial.entry().code.to_owned()).collect()
}

/// A search in words: `Refused requests from 203.0.113.7 in the last 31 days`.
pub fn described(query: &Query, filter: &RequestFilter) -> String {
    let what = match filter.code.as_str() {
        "" => "All requests".to_owned(),
        "0" => "Requests that passed".to_owned(),
        "refused" => "Refused requests".to_owned(),
        code => format!("Requests with the verdict “{}”", verdict_name(code)),
    };
    let route = match filter.route.as_str() {
        "" => String::new(),
        route => format!(" to routes with “{route}”"),
    };
    let source = filter.source.map(|source| format!(" from {source}")).unwrap_or_default();
    let orders = [
        ("the instrument", &filter.instrument),
        ("the client order id", &filter.client_id),
        ("the exchange order id", &filter.exchange_id),
    ];
    let orders: Vec<String> = orders
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| format!("{name} “{text}”"))
        .collect();
    let orders = if orders.is_empty() { String::new() } else { format!(" with {}", orders.join(" and ")) };
    let utc = |at: Moment| When::of(at).utc;
    let time = match (query.from.is_empty(), query.until.is_empty()) {
        (true, true) => format!(" in the last {SEARCH_DAYS} days"),
        (false, true) => format!(" since {}", utc(filter.from)),
        (true, false) => format!(" before {}, up to {SEARCH_DAYS} days old", utc(filter.until)),
        (false, false) => format!(" between {} and {}", utc(filter.from), utc(filter.until)),
    };
    format!("{what}{route}{source}{orders}{time}")
}

#[cfg(test)]
mod tests {
    use super::{Query, choices, described, filter, live_filter};
    use keyward_rules::id::KeyId;
    use keyward_rules::time::Moment;

    const NOW: Moment = Moment::from_unix_ms(1_800_000_000_000);

    fn said(query: &Query) -> String {
        described(query, &filter(query, NOW).unwrap())
    }

    #[test]
    fn a_search_is_said_in_words() {
        assert_eq!(said(&Query::default()), "All requests in the last 31 days");
        let refused = Query { verdict: "refused".into(), source: "203.0.113.7".into(), ..Query::default() };
        assert_eq!(said(&refused), "Refused requests from 203.0.113.7 in the last 31 days");
        let one = Query { verdict: "50110".into(), route: "order".into(), ..Query::default() };
        assert_eq!(
            said(&one),
            "Requests with the verdict “Wrong address (50110)” to routes with “order” in the last 31 days"
        );
        let orders = Query {
            instrument: " BTC-USDT ".into(),
            exchange_id: "1234".into(),
            source: "203.0.113.7".into(),
            ..Query::default()
        };
        assert_eq!(
            said(&orders),
            "All requests from 203.0.113.7 with the instrument “BTC-USDT” and the exchange order id “1234” in the last 31 days"
        );
        assert!(orders.says_more() && !refused.says_more());
        let from = "2027-01-01T00:00".to_owned();
        let since = Query { verdict: "0".into(), from: from.clone(), ..Query::default() };
        assert_eq!(said(&since), "Requests that passed since 2027-01-01 00:00 UTC");
        let between = Query { from, until: "2027-01-02T08:15".into(), ..Query::default() };
        assert_eq!(said(&between), "All requests between 2027-01-01 00:00 UTC and 2027-01-02 08:15 UTC");
    }

    #[test]
    fn the_verdict_that_is_searched_for_is_always_offered() {
        let words = |chosen: &str| -> Vec<String> {
            let all = choices(chosen, ["50110".to_owned(), "0".to_owned()]);
            assert_eq!(all.iter().filter(|choice| choice.chosen).count(), 1, "{chosen}");
            all.into_iter().map(|choice| choice.word).collect()
        };
        assert_eq!(words(""), ["", "0", "refused", "50110"]);
        assert_eq!(words("50110"), ["", "0", "refused", "50110"]);
        assert_eq!(words("51000"), ["", "0", "refused", "50110", "51000"]);
    }

    #[test]
    fn the_live_view_keeps_the_terms_but_for_times() {
        let query = Query {
            live: "yes".into(),
            range: "week".into(),
            from: "nonsense".into(),
            verdict: "50110".into(),
            route: "a b".into(),
            client_id: "b15".into(),
            ..Query::default()
        };
        let key = KeyId::from_entropy([7; 16]);
        let terms = "range=week&verdict=50110&route=a%20b&client_id=b15";
        assert_eq!(query.live_view(key), format!("/keys/{key}/live?{terms}"));
        assert!(filter(&query, NOW).is_err());
        assert_eq!(live_filter(&query, NOW).unwrap().client_id, "b15");
        let tail = Query { fragment: "tail".into(), after: "7".into(), ..Query::default() };
        assert_eq!(tail.live_view(key), format!("/keys/{key}/live?fragment=tail&after=7"));
    }
}
