//! One order as its client asks for it: the members that decide what it may cost.
//!
//! The names are those of OKX's contract; the lists of harmless ones are checked in here, beside what is read.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::body::Element;
use super::decimal::Decimal;
use super::refused::Reason;
use super::words::{OrderType, TradeMode};
use crate::json::Value;
use crate::limits::ATTACHED_ORDERS;
use crate::orders::Side;

/// An order, an amendment, or what else names an instrument.
pub(super) struct AskedOrder<'t> {
    /// What is asked.
    pub(super) act: Act,
    /// `instId`.
    pub(super) id: Option<Cow<'t, str>>,
    /// `instIdCode`.
    pub(super) code: Option<Cow<'t, str>>,
    /// `tdMode`, or `mgnMode`.
    pub(super) mode: Option<TradeMode>,
    /// `ordType`.
    pub(super) kind: Option<OrderType>,
    /// `side`; an amendment has none.
    pub(super) side: Option<Side>,
    /// `posSide`; absent for `net`.
    pub(super) position: Option<Position>,
    /// `sz`, or `newSz`.
    pub(super) size: Option<Decimal>,
    /// `px`, or `newPx`.
    pub(super) price: Option<Decimal>,
    /// Prices at which an algo order acts, or is executed.
    pub(super) levels: Vec<Decimal>,
    /// `tgtCcy`.
    pub(super) unit: Option<Unit>,
    /// `reduceOnly`.
    pub(super) reduces: bool,
    /// A position is closed without a size.
    pub(super) whole: bool,
    /// `attachAlgoOrds`.
    pub(super) attached: Vec<Attached>,
    /// `lever`.
    pub(super) leverage: Option<Decimal>,
    /// Numbers that change nothing of what it may cost, but make it another order, each with its name.
    pub(super) beside: Vec<(&'static str, Cow<'t, str>)>,
}

/// What is asked of an instrument.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Act {
    /// A new order.
    Place,
    /// A new algo order.
    Algo,
    /// A change of an order.
    Amend,
    /// The end of a position.
    Close,
    /// Another leverage.
    Leverage,
}

/// Which side of a hedged position.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Position {
    /// Bought.
    Long,
    /// Sold.
    Short,
}

/// What a pair's size counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Unit {
    /// The first currency.
    Base,
    /// The second one.
    Quote,
}

/// An order that waits for the one that it is attached to.
#[derive(Hash)]
pub(super) struct Attached {
    /// Its size, where it has one of its own.
    pub(super) size: Option<Decimal>,
    /// Prices at which it acts, or is executed.
    pub(super) levels: Vec<Decimal>,
    /// The prices at which it is executed.
    pub(super) prices: Vec<Decimal>,
}

/// Members of an order that change nothing of what it costs or does.
const HARMLESS_PLACED: [&str; 9] = [
    "clOrdId",
    "tag",
    "banAmend",
    "pxAmendType",
    "stpMode",
    "stpId",
    "quickMgnType",
    "ccy",
    "isElpTakerAccess",
];
/// Of an algo order.
const HARMLESS_ALGO: [&str; 12] = [
    "algoClOrdId",
    "tag",
    "ccy",
    "quickMgnType",
    "tpTriggerPxType",
    "slTriggerPxType",
    "triggerPxType",
    "tpOrdKind",
    "cxlOnClosePos",
    "timeInterval",
    "chaseType",
    "maxChaseType",
];
/// Of an attached order.
const HARMLESS_ATTACHED: [&str; 6] = [
    "attachAlgoClOrdId",
    "tpTriggerPxType",
    "slTriggerPxType",
    "tpOrdKind",
    "amendPxOnTriggerType",
    "callbackRatio",
];
/// Of an amendment.
const HARMLESS_AMENDED: [&str; 5] = ["cxlOnFail", "ordId", "clOrdId", "reqId", "pxAmendType"];
/// Of the end of a position.
const HARMLESS_CLOSED: [&str; 4] = ["ccy", "autoCxl", "clOrdId", "tag"];
/// Of a leverage.
const HARMLESS_LEVERAGE: [&str; 1] = ["ccy"];

impl<'t> AskedOrder<'t> {
    /// A hash of all that is asked of the instrument with this id, the client's own ids aside. Who finds two orders with one hash
    /// stops only a key of their own.
    pub(super) fn intent(&self, id: Option<&str>) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.act, id, self.mode, self.kind, self.side, self.position, self.unit).hash(&mut hasher);
        (self.size, self.price, &self.levels, &self.attached, &self.beside).hash(&mut hasher);
        (self.reduces, self.whole).hash(&mut hasher);
        hasher.finish()
    }

    /// Reads an element.
    pub(super) fn read(act: Act, element: Value<'t>) -> Result<Self, Reason> {
        let mut members = Element::of(element)?;
        let mut order = Self::named(act, &mut members)?;
        let harmless: &[&str] = match act {
            Act::Place => {
                order.read_placed(&mut members)?;
                order.price = members.decimal("px")?;
                // An option's price in other units; its value does not depend on it.
                let usd = members.decimal("pxUsd")?;
                order.beside.extend(usd.map(|usd| ("pxUsd", Cow::Owned(usd.to_string()))));
                order.beside.extend(members.text("pxVol")?.map(|volatility| ("pxVol", volatility)));
                &HARMLESS_PLACED
            }
            Act::Algo => {
                order.read_placed(&mut members)?;
                order.whole = members.text("closeFraction")?.is_some();
                let levels = [
                    "tpTriggerPx",
                    "slTriggerPx",
                    "triggerPx",
                    "activePx",
                    "pxLimit",
                    "tpOrdPx",
                    "slOrdPx",
                    "orderPx",
                ];
                order.levels = members.prices(&levels)?;
                for name in [
                    "callbackRatio",
                    "callbackSpread",
                    "pxVar",
                    "pxSpread",
                    "szLimit",
                    "chaseVal",
                    "maxChaseVal",
                ] {
                    let number = members.price(name)?;
                    order.beside.extend(number.map(|number| (name, Cow::Owned(number.to_string()))));
                }
                &HARMLESS_ALGO
            }
            Act::Amend => {
                order.size = members.decimal("newSz")?;
                order.price = members.decimal("newPx")?;
                if !members.list("attachAlgoOrds")?.is_empty() {
                    return Err(Reason::Unreadable("attachAlgoOrds of an amendment"));
                }
                &HARMLESS_AMENDED
            }
            Act::Close => {
                order.whole = true;
                order.mode = members.word("mgnMode", TradeMode::from_word)?;
                &HARMLESS_CLOSED
            }
            Act::Leverage => {
                order.leverage = members.decimal("lever")?;
                order.mode = members.word("mgnMode", TradeMode::from_word)?;
                &HARMLESS_LEVERAGE
            }
        };
        members.end(harmless)?;
        Ok(order)
    }

    /// What everything that names an instrument has.
    fn named(act: Act, members: &mut Element<'t>) -> Result<Self, Reason> {
        let position = |word: &str| match word {
            "long" => Some(Some(Position::Long)),
            "short" => Some(Some(Position::Short)),
            "net" => Some(None),
            _ => None,
        };
        Ok(Self {
            act,
            id: members.text("instId")?,
            code: members.code("instIdCode")?,
            position: members.word("posSide", position)?.flatten(),
            mode: None,
            kind: None,
            side: None,
            size: None,
            price: None,
            levels: Vec::new(),
            unit: None,
            reduces: false,
            whole: false,
            attached: Vec::new(),
            leverage: None,
            beside: Vec::new(),
        })
    }

    /// What new orders have in common.
    fn read_placed(&mut self, members: &mut Element<'t>) -> Result<(), Reason> {
        let unit = |word: &str| match word {
            "base_ccy" => Some(Unit::Base),
            "quote_ccy" => Some(Unit::Quote),
            _ => None,
        };
        let is_algo = self.act == Act::Algo;
        let kind = |word: &str| OrderType::from_word(word).filter(|kind| kind.is_algo() == is_algo);
        self.mode = members.word("tdMode", TradeMode::from_word)?;
        self.kind = members.word("ordType", kind)?;
        self.side = members.word("side", Side::from_word)?;
        self.unit = members.word("tgtCcy", unit)?;
        self.size = members.decimal("sz")?;
        self.reduces = members.flag("reduceOnly")?;
        // Only a dollar for a dollar: another currency would be worth something else.
        members.word("tradeQuoteCcy", |word| super::market::is_dollar(word).then_some(()))?;
        let attached = members.list("attachAlgoOrds")?;
        if attached.len() > ATTACHED_ORDERS {
            return Err(Reason::Unreadable("attachAlgoOrds"));
        }
        self.attached = attached.into_iter().map(Attached::read).collect::<Result<_, _>>()?;
        for (name, is_there) in
            [("tdMode", self.mode.is_some()), ("ordType", self.kind.is_some()), ("side", self.side.is_some())]
        {
            if !is_there {
                return Err(Reason::Unreadable(name));
            }
        }
        Ok(())
    }
}

impl Attached {
    fn read(element: Value<'_>) -> Result<Self, Reason> {
        let mut members = Element::of(element)?;
        let size = members.decimal("sz")?;
        let prices = members.prices(&["tpOrdPx", "slOrdPx"])?;
        let mut levels = members.prices(&["tpTriggerPx", "slTriggerPx", "activePx"])?;
        levels.extend(&prices);
        members.prices(&["tpTriggerRatio", "slTriggerRatio", "callbackSpread"])?;
        members.end(&HARMLESS_ATTACHED)?;
        Ok(Self { size, levels, prices })
    }
}

impl Element<'_> {
    /// The prices that are there.
    fn prices(&mut self, names: &[&'static str]) -> Result<Vec<Decimal>, Reason> {
        let mut found = Vec::new();
        for name in names {
            found.extend(self.price(name)?);
        }
        Ok(found)
    }
}
