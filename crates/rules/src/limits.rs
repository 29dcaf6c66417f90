//! Every bound on what may grow, in one place, units in the names, relations checked when compiling.
//!
//! The sources are `product.md` 2 and 3 for the product's figures, and OKX's contract where it is named.

/// Keys of one account or sub-account that are neither deleted nor expired (product.md 3.1; OKX 59501).
pub const KEYS_PER_ACCOUNT: usize = 50;
/// Sub-accounts of one master account.
pub const SUB_ACCOUNTS_PER_ACCOUNT: i64 = 100;
/// Sub-accounts that one request over the exchange's API names (OKX contract 5.1).
pub const SUB_ACCOUNTS_PER_REQUEST: usize = 20;
/// Parameters of one request that administers sub-accounts; more than any client sends.
pub const ENDPOINT_PARAMETERS: usize = 32;
/// The same with those that were closed: their names stay taken, so their rows stay.
pub const SUB_ACCOUNTS_EVER_PER_ACCOUNT: i64 = 1_000;
/// Notices of one master account that wait for the exchange. With more, a freeze is told once there is room, and closing is refused.
pub const NOTICES_WAITING_PER_ACCOUNT: i64 = 500;
/// People who administer one sub-account, open invitations included.
pub const MEMBERS_PER_SUB_ACCOUNT: usize = 20;
/// Milliseconds in which an invitation to a sub-account can be accepted.
pub const INVITATION_LIFE_MS: u64 = 7 * DAY_MS;
/// Keys that one action changes at most: those of an account, and as many that end with the overlap of a rotation.
pub const KEYS_PER_ACTION: usize = 2 * KEYS_PER_ACCOUNT;
/// Address entries a key may be bound to, after merging (product.md 3.1; OKX 59503).
pub const ADDRESSES_PER_KEY: usize = 20;
/// Address entries of one app's range set (product.md 4).
pub const RANGES_PER_APP: usize = 1_000;
/// Widest single range of an app, as prefix lengths (product.md 4).
pub const RANGE_V4_PREFIX: u8 = 16;
/// See [`RANGE_V4_PREFIX`].
pub const RANGE_V6_PREFIX: u8 = 32;
/// Entries of one range set as it is typed, before neighbours are joined.
pub const RANGE_ENTRIES: usize = 5_000;
/// Bytes of text of one range set.
pub const RANGE_TEXT_BYTES: usize = 256 * 1024;
/// Characters of an app's name.
pub const APP_NAME_CHARS: usize = 40;
/// Apps of one account.
pub const APPS_PER_BROKER: usize = 10;
/// Versions of an app's ranges that are kept, those in force and those that wait not counted.
pub const RANGE_VERSIONS: usize = 200;
/// Characters of a broker's note to the reviewers.
pub const NOTE_CHARS: usize = 1_000;
/// Days of overlap between two range sets at most.
pub const RANGE_OVERLAP_DAYS: u64 = 30;
/// Bytes of an app's logo as it is sent, and pixels of a side of it.
pub const LOGO_BYTES: usize = 512 * 1024;
/// See [`LOGO_BYTES`].
pub const LOGO_PIXELS: u32 = 128;
/// Bytes of a text that somebody pastes who found a key.
pub const LEAK_TEXT_BYTES: usize = 16 * 1024;
/// Secrets and API keys that are looked at in one found text, of each so many.
pub const LEAK_CANDIDATES: usize = 20;
/// Findings of one report of a scanner.
pub const LEAK_FINDINGS: usize = 500;
/// Bytes of one report of a scanner.
pub const LEAK_REPORT_BYTES: usize = 512 * 1024;
/// Characters of the address where a key was found that are shown.
pub const LEAK_URL_CHARS: usize = 300;
/// Reporters whose signed reports a deployment may believe.
pub const LEAK_REPORTERS: usize = 20;
/// Bytes of text in which a list of addresses may arrive.
pub const ADDRESS_TEXT_BYTES: usize = 64 * 1024;
/// Characters of a key's name.
pub const KEY_NAME_CHARS: usize = 50;
/// Characters of a passphrase, shortest and longest (OKX 59505).
pub const PASSPHRASE_MIN_CHARS: usize = 8;
/// See [`PASSPHRASE_MIN_CHARS`].
pub const PASSPHRASE_MAX_CHARS: usize = 32;
/// Characters of a secret key at most.
pub const SECRET_MAX_CHARS: usize = 64;
/// Widest union of IPv4 ranges that still counts as a binding: a /8.
pub const BOUND_IPV4_ADDRESSES: u64 = 1 << 24;
/// Widest union of IPv6 ranges that still counts as a binding: a /32.
pub const BOUND_IPV6_ADDRESSES: u128 = 1 << 96;
/// Idle days after which an unbound live key is deleted (product.md 3.2).
pub const UNBOUND_IDLE_DAYS: u64 = 30;
/// Half width of the window around the gateway's clock in which a timestamp is fresh, inclusive.
pub const TIMESTAMP_WINDOW_MS: u64 = 30_000;
/// Bytes of a request target.
pub const TARGET_BYTES: usize = 8 * 1024;
/// Bytes of a request body (the default; a setting may lower or raise it).
pub const BODY_BYTES: usize = 1024 * 1024;
/// Characters of an e-mail address (RFC 5321, 4.5.3.1.3).
pub const EMAIL_CHARS: usize = 254;
/// Characters of a password at least (product.md 2).
pub const PASSWORD_MIN_CHARS: usize = 12;
/// Bytes of a password at most: none is cut, longer ones are refused.
pub const PASSWORD_MAX_BYTES: usize = 1024;
/// Recovery codes of one set (product.md 2).
pub const RECOVERY_CODES: usize = 10;
/// Passkeys of one account.
pub const PASSKEYS_PER_ACCOUNT: usize = 10;
/// Milliseconds in which a passkey must answer.
pub const PASSKEY_LIFE_MS: u64 = 5 * 60 * 1_000;
/// Questions to passkeys that are open at a time: for one account's sessions, and for each way in of one source
/// before sign-in.
pub const PASSKEY_CEREMONIES: i64 = 60;
/// Bytes of a passkey's answer.
pub const PASSKEY_ANSWER_BYTES: usize = 16 * 1024;
/// Tries of one code that was sent by mail (product.md 2).
pub const CODE_TRIES: u32 = 5;
/// Milliseconds in which such a code is good.
pub const CODE_LIFE_MS: u64 = 10 * 60 * 1_000;
/// Codes that may be sent in an hour: for one account's sessions, and for one source before sign-in.
pub const CODES_PER_HOUR: u32 = 10;
/// Milliseconds after which a session that nobody used ends.
pub const SESSION_IDLE_MS: u64 = 30 * 60 * 1_000;
/// Milliseconds after which every session ends.
pub const SESSION_LIFE_MS: u64 = 12 * 60 * 60 * 1_000;
/// Sessions of one account at a time; the oldest one ends for the next.
pub const SESSIONS_PER_ACCOUNT: usize = 20;
/// Sign-ins of an account whose second factor is due, and for how long they wait. They are counted apart: who knows only the
/// password must not end the owner's sessions.
pub const HALF_SESSIONS_PER_ACCOUNT: usize = 5;
/// See [`HALF_SESSIONS_PER_ACCOUNT`].
pub const HALF_SESSION_LIFE_MS: u64 = 10 * 60 * 1_000;
/// Milliseconds for which keys that move money rest after a change of password, factor or e-mail address.
pub const COOLING_MS: u64 = DAY_MS;
/// Hours for which a device is new that a user signs in on, unless a policy says otherwise, and the most that one may say.
pub const NEW_DEVICE_HOURS: u16 = 24;
/// See [`NEW_DEVICE_HOURS`].
pub const NEW_DEVICE_MOST_HOURS: u16 = 168;
/// Accounts that begin the same unusual use at once of which operators are told, unless a policy says otherwise, and the fewest and
/// most that one may say.
pub const ACCOUNTS_AT_ONCE: u16 = 10;
/// See [`ACCOUNTS_AT_ONCE`].
pub const ACCOUNTS_AT_ONCE_BOUNDS: (u16, u16) = (2, 1_000);
/// Milliseconds in which the link of an alert can brake.
pub const BRAKE_LINK_MS: u64 = DAY_MS;
/// Milliseconds for which both keys of a rotation work, unless the holder says otherwise.
pub const OVERLAP_MS: u64 = DAY_MS;
/// Days of such an overlap at most.
pub const OVERLAP_MAX_DAYS: u64 = 7;
/// Days of age at which a rotation is suggested.
pub const ROTATION_AGE_DAYS: u64 = 90;
/// Days before its end at which the holder of an idle key is warned.
pub const IDLE_WARNING_DAYS: [u64; 3] = [7, 3, 1];
/// Days from one review of an account's keys to the next (product.md 3.2).
pub const REVIEW_EVERY_DAYS: u64 = 30;
/// Days after a review was due at which its holder is reminded.
pub const REVIEW_REMINDER_DAYS: [u64; 3] = [0, 7, 14];
/// Recorded reviews of one account that are kept: five years of them.
pub const REVIEWS_KEPT: usize = 60;
/// Addresses of one key that a review looks at.
pub const REVIEW_SOURCES: usize = 64;
/// Days after which a review lets a key expire, where it suggests that.
pub const EXPIRY_SUGGESTED_DAYS: u16 = 90;
/// Days until a key's own end at most.
pub const EXPIRY_MAX_DAYS: u16 = 3_650;
/// Tags of one key, and characters of one tag.
pub const TAGS_PER_KEY: usize = 10;
/// See [`TAGS_PER_KEY`].
pub const TAG_CHARS: usize = 20;
/// Bytes of the name of an audit log.
pub const ORIGIN_BYTES: usize = 255;
/// Bytes of a signed note, witnesses' signatures included (c2sp.org/signed-note asks for at least sixteen).
pub const NOTE_BYTES: usize = 128 * 1024;
/// Rows of one page of an answer at most, and unless asked otherwise.
pub const PAGE_MAX: usize = 100;
/// See [`PAGE_MAX`].
pub const PAGE_DEFAULT: usize = 50;
/// Records that one search of requests looks through; it says where it stopped.
pub const SEARCH_ROWS: u64 = 50_000;
/// Records of such a search that are looked through at a time.
pub const SEARCH_SLICE_ROWS: u64 = 10_000;
/// Records that the live view looks through each time; of more, the newest.
pub const TAIL_ROWS: u64 = 20_000;
/// Records before and behind a request among which the same key's next ones are looked for.
pub const NEIGHBOUR_ROWS: u64 = 5_000;
/// Records that one search of the audit log looks through; it says where it stopped.
pub const AUDIT_SEARCH_ROWS: u64 = 20_000;
/// Records of an account that one search of its holder reads; it says where it stopped.
pub const TRAIL_SEARCH_ROWS: u64 = 2_000;
/// Ids of one kind whose names one page of records shows.
pub const RECORD_NAMES: usize = 100;
/// Searches of one account at the same time, exports included.
pub const SEARCHES_PER_ACCOUNT: usize = 2;
/// Searches of all accounts at the same time.
pub const SEARCHES: usize = 64;
/// Alert channels of one account.
pub const CHANNELS_PER_ACCOUNT: usize = 10;
/// Bytes of a channel's target as it is typed.
pub const TARGET_TEXT_BYTES: usize = 1024;
/// Alerts that one message to a channel holds; more make another message.
pub const ALERTS_PER_MESSAGE: usize = 10;
/// Characters of an alert's detail that a message to a channel holds.
pub const MESSAGE_DETAIL_CHARS: usize = 300;
/// Messages that may wait for one channel; beyond, alerts stand in the console and in mails only.
pub const WAITING_PER_CHANNEL: u64 = 200;
/// Milliseconds after which what cannot be delivered is given up, and its channel paused.
pub const DELIVERY_GIVE_UP_MS: u64 = 3 * DAY_MS;
/// Days for which the log of deliveries is kept.
pub const DELIVERY_LOG_DAYS: u64 = 30;
/// Rows of one channel's log.
pub const DELIVERY_LOG_ROWS: u64 = 300;
/// Test messages of one account in an hour.
pub const CHANNEL_TESTS_PER_HOUR: i64 = 10;
/// Milliseconds until a message may be sent again once more.
pub const SEND_AGAIN_MS: u64 = 60 * 1_000;
/// Milliseconds in a day.
pub const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// How long a proposal waits for its approvals.
pub const PROPOSAL_LIFE_MS: u64 = 7 * DAY_MS;
/// Open proposals at a time.
pub const OPEN_PROPOSALS: usize = 100;
/// Characters of a reason in the audit log.
pub const WHY_CHARS: usize = 200;
/// How long a set-up link is good.
pub const SET_UP_LIFE_MS: u64 = 7 * DAY_MS;
/// Milliseconds for which the answer to a form of the console is repeated when the same form arrives again.
pub const FORM_ANSWER_MS: u64 = 15 * 1_000;
/// Bytes of such an answer; a longer one is not kept.
pub const FORM_ANSWER_BYTES: usize = 128 * 1024;
/// Forms under way and answers that are kept: of signed-in people, and as many of visitors.
pub const FORM_ANSWERS: usize = 1_024;
/// Forms under way and answers that are kept of one source.
pub const FORM_ANSWERS_PER_SOURCE: usize = 64;
/// Bytes of all answers that are kept: of signed-in people, and as many of visitors.
pub const FORM_ANSWERS_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of the answers that are kept of one source.
pub const FORM_ANSWERS_BYTES_PER_SOURCE: usize = 1024 * 1024;
/// Levels of arrays and objects in JSON of clients and of the exchange: requests on sockets, orders and their answers.
pub const JSON_DEPTH: usize = 8;
/// Values in such a text, on all levels.
pub const JSON_VALUES: usize = 8_192;
/// Members of one object in it.
pub const JSON_OBJECT_MEMBERS: usize = 64;
/// Bytes of a number in it.
pub const JSON_NUMBER_BYTES: usize = 32;
/// Letters and digits of the id of a request on a socket (OKX contract 3.3).
pub const SOCKET_ID_CHARS: usize = 32;
/// Bytes of its `op`.
pub const SOCKET_OP_BYTES: usize = 32;
/// Channels of one request to subscribe or unsubscribe.
pub const SOCKET_CHANNELS_PER_REQUEST: usize = 1_000;
/// Letters of the name of a channel's parameter.
pub const SOCKET_PARAMETER_CHARS: usize = 32;
/// Parameters of a channel.
pub const SOCKET_PARAMETERS: usize = 8;
/// Bytes of its value.
pub const SOCKET_PARAMETER_BYTES: usize = 256;
/// Orders of one batch (OKX's figure).
pub const SOCKET_ORDERS_PER_REQUEST: usize = 20;
/// Parts of a route's rate for one account: instruments, and one for what names none. Who knows more instruments than these
/// has some of them share a part.
pub const RATE_PARTS: u16 = 1_024;
/// New and amended orders of an account in [`ACCOUNT_ORDERS_MS`], over all its keys and routes (OKX's figure).
pub const ACCOUNT_ORDERS: u32 = 1_000;
/// Milliseconds of [`ACCOUNT_ORDERS`].
pub const ACCOUNT_ORDERS_MS: u64 = 2_000;
/// Orders of one request that its record keeps.
pub const ORDER_LINES: usize = 20;
/// Characters of each of their texts.
pub const ORDER_TEXT_CHARS: usize = 128;
/// Bytes of a request's body, and of the answer to it, that orders are read from.
pub const ORDER_MESSAGE_BYTES: usize = 64 * 1024;
/// Bytes of what a record keeps of all orders of a request.
pub const ORDERS_TEXT_BYTES: usize = 8 * 1024;

/// Milliseconds for which a transfer waits for its master's approval, and for which an approval is good (product.md 5).
pub const APPROVAL_LIFE_MS: u64 = DAY_MS;
/// Approvals of one sub-account that wait at a time.
pub const APPROVALS_WAITING: usize = 100;
/// Approvals that one action decides at most.
pub const APPROVALS_PER_ACTION: usize = APPROVALS_WAITING;
/// Milliseconds after which an approval is no longer kept.
pub const APPROVALS_KEPT_MS: u64 = 90 * DAY_MS;
/// Characters of a currency, and of a sub-account's name, in a transfer that can be approved.
pub const TRANSFER_NAME_CHARS: usize = 32;
/// Bytes of the text of an account's thresholds.
pub const THRESHOLDS_TEXT_BYTES: usize = 8 * 1024;

/// Bytes of the text of a key's limits.
pub const FENCES_TEXT_BYTES: usize = 16 * 1024;
/// Entries of one list in a key's limits.
pub const FENCE_ENTRIES: usize = 100;
/// Bytes of an instrument's id.
pub const INSTRUMENT_BYTES: usize = 64;
/// Per cent of a limit of the day at which the holder is told, and its bar warns.
pub const LIMIT_NEAR_PER_CENT: u8 = 80;
/// Orders that are attached to one order at most.
pub const ATTACHED_ORDERS: usize = 10;
/// Milliseconds after which a price of the exchange is too old to judge by (`fences.md` 1.9).
pub const PRICE_LIFE_MS: u64 = 5_000;
const _: () = assert!(PASSPHRASE_MIN_CHARS < PASSPHRASE_MAX_CHARS);
const _: () = assert!(ADDRESSES_PER_KEY < RANGES_PER_APP);
const _: () = assert!(TARGET_BYTES < BODY_BYTES);
const _: () = assert!(SESSION_IDLE_MS < SESSION_LIFE_MS);
const _: () = assert!(OVERLAP_MS <= OVERLAP_MAX_DAYS * DAY_MS);
const _: () = assert!(WAITING_PER_CHANNEL < DELIVERY_LOG_ROWS);
const _: () = assert!(PAGE_DEFAULT <= PAGE_MAX);
const _: () = assert!(PAGE_MAX <= RECORD_NAMES);
const _: () = assert!(SEARCH_SLICE_ROWS <= SEARCH_ROWS);
const _: () = assert!(SEARCHES_PER_ACCOUNT < SEARCHES);
const _: () = assert!(FORM_ANSWER_BYTES <= FORM_ANSWERS_BYTES_PER_SOURCE);
const _: () = assert!(FORM_ANSWERS_BYTES_PER_SOURCE < FORM_ANSWERS_BYTES);
const _: () = assert!(FORM_ANSWERS_PER_SOURCE < FORM_ANSWERS);
const _: () = assert!(SOCKET_CHANNELS_PER_REQUEST < JSON_VALUES);
const _: () = assert!(SOCKET_ORDERS_PER_REQUEST <= ORDER_LINES);
const _: () = assert!(APPROVAL_LIFE_MS < APPROVALS_KEPT_MS);
const _: () = assert!(ORDERS_TEXT_BYTES < ORDER_MESSAGE_BYTES);
