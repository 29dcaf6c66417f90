//! Questions: which channels are there, and what became of their messages?

use keyward_rules::channel::{ChannelId, ChannelKind, Choices, MessageId, Outcome};
use keyward_rules::id::AccountId;
use keyward_rules::key::KeyName;
use keyward_rules::limits::PAGE_MAX;
use keyward_rules::time::Moment;
use keyward_store::{ChannelRecord, DeliveryRecord, DeliveryState};

use crate::{ActionContext, ActionError};

/// How a channel does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChannelState {
    /// It takes what it is sent.
    Active,
    /// Nothing gets through since then; it is tried again.
    Failing(Moment),
    /// Nothing is put into it since then, until a test gets through.
    Paused(Moment),
    /// Its row was altered outside the program: nothing is sent.
    Altered,
}

/// A channel as its holder sees it: nothing of its target but what may be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChannelView {
    /// Its id.
    pub id: ChannelId,
    /// Its name.
    pub name: KeyName,
    /// What it sends to.
    pub kind: ChannelKind,
    /// Where to, without what is secret of it.
    pub goes_to: String,
    /// What goes there and when.
    pub choices: Choices,
    /// How it does.
    pub state: ChannelState,
    /// When it was made.
    pub made_at: Moment,
    /// Alerts that it did not get, for want of room or in a pause.
    pub missed: u64,
    /// The newest message.
    pub last: Option<DeliveryView>,
}

/// A message in a channel's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryView {
    /// Its number; later ones are greater.
    pub n: i64,
    /// Its id.
    pub id: MessageId,
    /// When it was begun.
    pub at: Moment,
    /// What it is about.
    pub title: String,
    /// `waiting`, `delivered` or `failed`.
    pub state: &'static str,
    /// When it is due.
    pub due_at: Moment,
    /// How often it was tried.
    pub tries: u32,
    /// When it was last tried.
    pub tried_at: Option<Moment>,
    /// The HTTP status of the last try, if there was an answer.
    pub status: Option<u16>,
    /// What came of the last try.
    pub outcome: Option<Outcome>,
}

impl DeliveryView {
    /// Whether it can be sent again.
    #[must_use]
    pub fn can_go_again(&self) -> bool {
        self.state == "failed"
    }

    fn of(record: DeliveryRecord) -> Self {
        Self {
            n: record.n,
            id: record.id,
            at: record.at,
            title: record.title,
            state: match record.state {
                DeliveryState::Waiting => "waiting",
                DeliveryState::Delivered => "delivered",
                DeliveryState::Failed => "failed",
            },
            due_at: record.due_at,
            tries: record.tries,
            tried_at: record.tried_at,
            status: record.status,
            outcome: Outcome::from_word(&record.word),
        }
    }
}

fn view(record: &ChannelRecord, last: Option<DeliveryView>) -> ChannelView {
    let state = match (&record.target, record.paused_at, record.failing_since) {
        (None, _, _) => ChannelState::Altered,
        (Some(_), Some(since), _) => ChannelState::Paused(since),
        (Some(_), None, Some(since)) => ChannelState::Failing(since),
        (Some(_), None, None) => ChannelState::Active,
    };
    ChannelView {
        id: record.id,
        name: record.name.clone(),
        kind: record.kind,
        goes_to: record.target.as_ref().map(keyward_rules::channel::Target::shown).unwrap_or_default(),
        choices: record.choices,
        state,
        made_at: record.made_at,
        missed: record.missed,
        last,
    }
}

async fn with_last(context: &ActionContext<'_>, record: &ChannelRecord) -> Result<ChannelView, ActionError> {
    let rows = context.authority.access.reader.deliveries_of(context.actor.scope(), record, None, 1).await?;
    Ok(view(record, rows.into_iter().next().map(DeliveryView::of)))
}

/// The channels of an account, oldest first.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn list_channels(
    context: &ActionContext<'_>,
    account: AccountId,
) -> Result<Vec<ChannelView>, ActionError> {
    let mut views = Vec::new();
    for record in context.authority.access.reader.channels_of(context.actor.scope(), account).await? {
        views.push(with_last(context, &record).await?);
    }
    Ok(views)
}

/// One channel.
///
/// # Errors
/// [`ActionError::NoChannel`].
#[crate::boxed]
pub async fn show_channel(context: &ActionContext<'_>, id: ChannelId) -> Result<ChannelView, ActionError> {
    with_last(context, &find(context, id).await?).await
}

/// Messages of a channel before the one numbered `before`, newest first, at most `limit` (1 to 100).
///
/// # Errors
/// [`ActionError::NoChannel`].
#[crate::boxed]
pub async fn list_deliveries(
    context: &ActionContext<'_>,
    id: ChannelId,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<DeliveryView>, ActionError> {
    let record = find(context, id).await?;
    let limit = limit.clamp(1, PAGE_MAX);
    let rows =
        context.authority.access.reader.deliveries_of(context.actor.scope(), &record, before, limit).await?;
    Ok(rows.into_iter().map(DeliveryView::of).collect())
}

async fn find(context: &ActionContext<'_>, id: ChannelId) -> Result<ChannelRecord, ActionError> {
    context.authority.access.reader.channel(context.actor.scope(), id).await?.ok_or(ActionError::NoChannel)
}
