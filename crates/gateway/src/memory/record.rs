//! One key's facts as atomic words under a sequence lock, without `unsafe`.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use keyward_rules::address::Binding;
use keyward_rules::fence::Fences;
use keyward_rules::id::{AccountId, AppId, KeyId};
use keyward_rules::key::{
    Environment, FewV4, HmacState, Hold, HolderState, Holds, KeyFacts, Life, PassphraseTag, RateCap, Reach,
};
use keyward_rules::permission::Permissions;
use keyward_rules::time::Moment;
use keyward_store::KeyRecord;
use zeroize::Zeroize;

use super::applied::Applied;

const WORDS: usize = 23;
/// Copies tried before a reader gives up; one write takes less than a microsecond.
const TRIES: usize = 1_000;

const STATE_ENDED: u64 = 3;
/// The bit of the word of life that says whether the key has limits.
const FENCED_BIT: u32 = 33;

/// A record: sequence word and facts, 192 bytes.
pub(super) struct Record {
    sequence: AtomicU64,
    words: [AtomicU64; WORDS],
}

const _: () = assert!(size_of::<Record>() == 192);

impl Default for Record {
    fn default() -> Self {
        Self { sequence: AtomicU64::new(0), words: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

/// A plain copy of the words. Holds the HMAC state, so it is wiped on drop.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Image {
    id: u128,
    life: u64,
    account: u64,
    master: u64,
    expires_at: u64,
    version: u64,
    hmac: [u64; 8],
    passphrase: [u64; 2],
    reach: u64,
    detail: [u64; FewV4::CAPACITY],
    rate_cap: u64,
}

/// The reach as the words tell it.
pub(super) enum ReachWord {
    Nowhere,
    Anywhere,
    Few(FewV4),
    Set,
    App(AppId),
    Canary,
}

const REACH_NOWHERE: u64 = 0;
const REACH_ANYWHERE: u64 = 1;
const REACH_FEW: u64 = 2;
const REACH_SET: u64 = 3;
const REACH_APP: u64 = 4;
const REACH_CANARY: u64 = 5;

impl Record {
    /// Whose record it is; set before the slot is published and never changed.
    pub(super) fn id(&self) -> KeyId {
        let [high, low, ..] = &self.words;
        let bits = u128::from(high.load(Ordering::Relaxed)) << 64 | u128::from(low.load(Ordering::Relaxed));
        KeyId::from_u128(bits).unwrap_or_else(|| KeyId::from_entropy([0; 16]))
    }

    /// Calls `take` with a consistent copy; `take` may look at what is only changed inside the write section.
    pub(super) fn read<T>(&self, take: impl Fn(&Image, u64) -> T) -> Option<T> {
        for _ in 0..TRIES {
            let before = self.sequence.load(Ordering::Acquire);
            if before.is_multiple_of(2) {
                let mut words = [0; WORDS];
                for (to, from) in words.iter_mut().zip(&self.words) {
                    *to = from.load(Ordering::Relaxed);
                }
                let taken = take(&Image::from_words(&words), before);
                words.zeroize();
                fence(Ordering::Acquire);
                if self.sequence.load(Ordering::Relaxed) == before {
                    return Some(taken);
                }
            }
            spin_loop();
        }
        None
    }

    /// The number of the current copy; odd while it is being written.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Acquire)
    }

    /// Fills a record that is not published yet.
    pub(super) fn fill(&self, image: &Image) {
        self.store(image, || ());
    }

    /// Puts a newer image in place, with `also` inside the write section. Called by the one applier.
    pub(super) fn replace(&self, image: &Image, also: impl FnOnce()) -> Applied {
        let Some(known) = self.read(|known, _| *known) else { return Applied::Older };
        if known.is_over() {
            return Applied::Older;
        }
        if *image == known {
            // Seen again by a scrub: requests under way keep their copy.
            return Applied::Stored;
        }
        if image.version < known.version {
            let mut stopped = known;
            stopped.break_seal();
            self.store(&stopped, || ());
            return Applied::RolledBack;
        }
        self.store(image, also);
        Applied::Stored
    }

    /// Changes the image in place. Called by the one applier.
    pub(super) fn write(&self, change: impl FnOnce(&mut Image)) {
        if let Some(mut image) = self.read(|image, _| *image) {
            change(&mut image);
            self.store(&image, || ());
        }
    }

    fn store(&self, image: &Image, also: impl FnOnce()) {
        let before = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(before.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        let mut words = image.words();
        for (to, from) in self.words.iter().zip(words) {
            to.store(from, Ordering::Relaxed);
        }
        words.zeroize();
        also();
        self.sequence.store(before.wrapping_add(2), Ordering::Release);
    }
}

impl Image {
    /// The image of an intact key.
    pub(super) fn of(key: &KeyRecord) -> Self {
        let state = match (key.life.state, &key.hmac_state()) {
            (HolderState::Active, Some(_)) => 1,
            (HolderState::Disabled, Some(_)) => 2,
            (HolderState::Active | HolderState::Disabled, None)
            | (HolderState::Deleted { .. } | HolderState::Expired { .. }, _) => STATE_ENDED,
        };
        let (reach, detail) = match &key.binding {
            Binding::Anywhere => (REACH_ANYWHERE, [0; FewV4::CAPACITY]),
            Binding::Addresses(set) => {
                FewV4::of(set).map_or((REACH_SET, [0; FewV4::CAPACITY]), |few| (REACH_FEW, few.words()))
            }
            Binding::App(app) => (REACH_APP, [app.as_u64(), 0, 0, 0]),
            Binding::Canary => (REACH_CANARY, [0; FewV4::CAPACITY]),
        };
        let mut hmac = [0; 8];
        if let Some(prepared) = key.hmac_state() {
            let bytes = zeroize::Zeroizing::new(prepared.to_bytes());
            for (to, from) in hmac.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *to = u64::from_be_bytes(*from);
            }
        }
        let mut passphrase = [0; 2];
        for (to, from) in passphrase.iter_mut().zip(key.passphrase.as_bytes().as_chunks::<8>().0) {
            *to = u64::from_be_bytes(*from);
        }
        let demo = u64::from(key.environment == Environment::Demo);
        Self {
            id: key.id.as_u128(),
            life: state
                | u64::from(key.life.holds.bits()) << 8
                | u64::from(key.permissions.bits()) << 24
                | demo << 32
                | u64::from(key.fences.is_some()) << FENCED_BIT,
            account: key.account.as_u64(),
            master: key.master.map_or(0, AccountId::as_u64),
            expires_at: key.expires_at.map_or(u64::MAX, Moment::unix_ms),
            version: key.version,
            hmac,
            passphrase,
            reach,
            detail,
            rate_cap: key.rate_cap.map_or(0, |cap| u64::from(cap.per_second())),
        }
    }

    /// The image of a key whose row does not verify: what was known of it, held; or held and nothing else.
    pub(super) fn broken(id: KeyId, known: Option<&Self>) -> Self {
        let mut image = known.copied().unwrap_or(Self {
            id: id.as_u128(),
            life: 1 | 1 << 24,
            account: 1,
            master: 0,
            expires_at: u64::MAX,
            version: 0,
            hmac: [0; 8],
            passphrase: [0; 2],
            reach: REACH_NOWHERE,
            detail: [0; FewV4::CAPACITY],
            rate_cap: 0,
        });
        image.break_seal();
        image
    }

    fn break_seal(&mut self) {
        // Nothing of it is believed, and nothing passes: its limits need not be there.
        self.life &= !(1 << FENCED_BIT);
        self.life |= u64::from(Holds::NONE.with(Hold::BrokenSeal).bits()) << 8;
    }

    /// Turns the image into a tombstone.
    pub(super) fn end(&mut self) {
        self.life = self.life & !0xff | STATE_ENDED;
        self.hmac.zeroize();
    }

    const fn is_over(&self) -> bool {
        self.life & 0xff == STATE_ENDED
    }

    /// Whether the key has limits, which are kept beside the record.
    pub(super) const fn is_fenced(&self) -> bool {
        self.life >> FENCED_BIT & 1 == 1
    }

    /// How the reach is held.
    pub(super) fn reach(&self) -> ReachWord {
        let [first, ..] = self.detail;
        match self.reach {
            REACH_ANYWHERE => ReachWord::Anywhere,
            REACH_FEW => ReachWord::Few(FewV4::from_words(self.detail)),
            REACH_SET => ReachWord::Set,
            REACH_APP => AppId::from_u64(first).map_or(ReachWord::Nowhere, ReachWord::App),
            REACH_CANARY => ReachWord::Canary,
            _ => ReachWord::Nowhere,
        }
    }

    /// The facts for a verdict; `None` for a tombstone or words that make no key.
    #[expect(clippy::cast_possible_truncation, reason = "the fields are unpacked by their widths")]
    pub(super) fn facts(
        &self,
        reach: Reach,
        fences: Option<Arc<Fences>>,
        (slot, copy): (u32, u64),
    ) -> Option<KeyFacts> {
        if self.is_fenced() != fences.is_some() {
            // Limits must not be lost by being mislaid.
            return None;
        }
        let state = match self.life & 0xff {
            1 => HolderState::Active,
            2 => HolderState::Disabled,
            _ => return None,
        };
        let mut hmac = [0; 64];
        for (to, from) in hmac.as_chunks_mut::<8>().0.iter_mut().zip(self.hmac) {
            *to = from.to_be_bytes();
        }
        let prepared = HmacState::from_bytes(&hmac);
        hmac.zeroize();
        let mut passphrase = [0; 16];
        for (to, from) in passphrase.as_chunks_mut::<8>().0.iter_mut().zip(self.passphrase) {
            *to = from.to_be_bytes();
        }
        Some(KeyFacts {
            id: KeyId::from_u128(self.id)?,
            account: AccountId::from_u64(self.account)?,
            master: AccountId::from_u64(self.master),
            life: Life { state, holds: Holds::from_bits((self.life >> 8) as u16)? },
            permissions: Permissions::from_bits((self.life >> 24) as u8)?,
            environment: if self.life >> 32 & 1 == 1 { Environment::Demo } else { Environment::Live },
            reach,
            expires_at: (self.expires_at != u64::MAX).then(|| Moment::from_unix_ms(self.expires_at)),
            // A word that is no cap makes no key: a limit must not be lost by being unreadable.
            rate_cap: match self.rate_cap {
                0 => None,
                cap => Some(RateCap::new(cap).ok()?),
            },
            fences,
            hmac: prepared,
            passphrase: PassphraseTag::from_bytes(passphrase),
            slot,
            copy,
        })
    }

    #[expect(clippy::cast_possible_truncation, reason = "the id is stored in halves")]
    fn words(&self) -> [u64; WORDS] {
        let [h0, h1, h2, h3, h4, h5, h6, h7] = self.hmac;
        let [p0, p1] = self.passphrase;
        let [d0, d1, d2, d3] = self.detail;
        [
            (self.id >> 64) as u64,
            self.id as u64,
            self.life,
            self.account,
            self.master,
            self.expires_at,
            self.version,
            h0,
            h1,
            h2,
            h3,
            h4,
            h5,
            h6,
            h7,
            p0,
            p1,
            self.reach,
            d0,
            d1,
            d2,
            d3,
            self.rate_cap,
        ]
    }

    const fn from_words(words: &[u64; WORDS]) -> Self {
        let [
            high,
            low,
            life,
            account,
            master,
            expires_at,
            version,
            h0,
            h1,
            h2,
            h3,
            h4,
            h5,
            h6,
            h7,
            p0,
            p1,
            reach,
            d0,
            d1,
            d2,
            d3,
            rate_cap,
        ] = *words;
        Self {
            id: (high as u128) << 64 | low as u128,
            life,
            account,
            master,
            expires_at,
            version,
            hmac: [h0, h1, h2, h3, h4, h5, h6, h7],
            passphrase: [p0, p1],
            reach,
            detail: [d0, d1, d2, d3],
            rate_cap,
        }
    }
}
