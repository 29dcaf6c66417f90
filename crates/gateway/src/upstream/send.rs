//! One request to the exchange, and the beginning of its answer.

use std::sync::Arc;

use keyward_rules::denial::Denial;

use super::answer::AnswerBody;
use super::framing::Broken;
use super::head::Head;
use super::line::Unwritten;
use super::pool::Pool;

/// How a request ended.
pub enum Sent {
    /// The exchange's answer has begun.
    Answered(Head, AnswerBody),
    /// Nothing was sent.
    Unsent(Denial),
    /// It may have taken effect.
    Unknown(Denial),
}

impl Pool {
    /// Sends one request. `go` is asked right before the first byte is handed over.
    pub async fn send(
        self: &Arc<Self>,
        head: &[u8],
        body: &[u8],
        go: impl Fn() -> Result<(), Denial>,
    ) -> Sent {
        // Each idle connection may turn out closed once; a new one that does is a dead exchange.
        for _ in 0..=self.most_idle() {
            let mut line = match self.line().await {
                Ok(line) => line,
                Err(denial) => return Sent::Unsent(denial),
            };
            if let Err(denial) = go() {
                self.keep(line);
                return Sent::Unsent(denial);
            }
            let written = line.write(head, body).await;
            if written == Err(Unwritten::Wholly) {
                continue;
            }
            return match line.head().await {
                Ok(mut head) => {
                    // An exchange may answer before it has taken the whole request, and then the rest must not follow.
                    head.keeps &= written.is_ok();
                    let body = AnswerBody::new(line, &head, Arc::clone(self));
                    Sent::Answered(head, body)
                }
                Err(Broken) => Sent::Unknown(Denial::UpstreamTimeout),
            };
        }
        Sent::Unsent(Denial::UpstreamDown)
    }
}
