//! Reading a whole body: bounded in size, time, and together.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use keyward_rules::denial::Denial;

use crate::settings::Limits;

/// Bytes that all buffered bodies may take together.
pub struct Budget {
    left: AtomicUsize,
}

/// Bytes taken from the budget, given back when dropped.
pub struct Share<'b> {
    budget: &'b Budget,
    bytes: usize,
}

impl Budget {
    /// A budget of `bytes`.
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self { left: AtomicUsize::new(bytes) }
    }

    const fn nothing(&self) -> Share<'_> {
        Share { budget: self, bytes: 0 }
    }
}

impl Share<'_> {
    fn grow(&mut self, bytes: usize) -> Result<(), Denial> {
        let left = &self.budget.left;
        left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(bytes))
            .map_err(|_| Denial::Busy)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::AcqRel);
    }
}

/// Reads the body to its end.
///
/// # Errors
/// 413 past the limit, 408 past the time, 50013 when the budget is used up, 400 when it breaks off.
pub async fn read<'b>(
    mut body: Incoming,
    limits: &Limits,
    budget: &'b Budget,
) -> Result<(Bytes, Share<'b>), Denial> {
    let mut share = budget.nothing();
    if body.is_end_stream() {
        return Ok((Bytes::new(), share));
    }
    let whole = async {
        let mut gathered = BytesMut::new();
        if body.size_hint().lower() > limits.body_bytes as u64 {
            return Err(Denial::BodyTooLarge);
        }
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Denial::Malformed)?.into_data() else { continue };
            if gathered.len() + data.len() > limits.body_bytes {
                return Err(Denial::BodyTooLarge);
            }
            share.grow(data.len())?;
            gathered.extend_from_slice(&data);
        }
        Ok(gathered.freeze())
    };
    let read = tokio::time::timeout(Duration::from_millis(limits.body_ms), whole)
        .await
        .unwrap_or(Err(Denial::BodyTooSlow));
    match read {
        Ok(bytes) => Ok((bytes, share)),
        Err(denial) => {
            if denial == Denial::BodyTooLarge {
                drain(body, limits).await;
            }
            Err(denial)
        }
    }
}

/// Reads and forgets what a client still sends, within bounds, so that the refusal reaches it.
pub async fn drain(mut body: Incoming, limits: &Limits) {
    let rest = async {
        let mut left = limits.drain_bytes;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_millis(limits.body_ms), rest).await;
}
