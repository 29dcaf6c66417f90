//! The body of an answer, and what becomes of its connection at the end.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use super::framing::{Broken, Framing, Piece};
use super::head::Head;
use super::line::Line;
use super::pool::Pool;

/// The body of an answer that is being read; its connection goes back to the pool at its end.
pub struct AnswerBody {
    line: Option<Line>,
    framing: Framing,
    keeps: bool,
    pool: Arc<Pool>,
}

impl AnswerBody {
    pub(super) const fn new(line: Line, head: &Head, pool: Arc<Pool>) -> Self {
        Self { line: Some(line), framing: head.framing, keeps: head.keeps, pool }
    }

    /// The next part, never empty; nothing at the end.
    ///
    /// # Errors
    /// [`Broken`] when the body is malformed, breaks off or does not go on in time.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        loop {
            let Some(line) = &mut self.line else { return Poll::Ready(None) };
            match line.take(&mut self.framing) {
                Ok(Piece::Data(data)) => return Poll::Ready(Some(Ok(data))),
                Ok(Piece::Wanting) => {
                    if let Err(broken) = ready!(line.poll_fill(context)) {
                        self.line = None;
                        return Poll::Ready(Some(Err(broken)));
                    }
                }
                Ok(Piece::End) => {
                    // What comes behind an answer belongs to no request.
                    let line = self.line.take().filter(|line| self.keeps && line.is_drained());
                    line.into_iter().for_each(|line| self.pool.keep(line));
                    return Poll::Ready(None);
                }
                Err(broken) => {
                    self.line = None;
                    return Poll::Ready(Some(Err(broken)));
                }
            }
        }
    }
}
