//! Handlers of pages and operations behind one type.
//!
//! axum's router is generic over each handler. With 250 handlers that was a third of what the compiler had to build;
//! behind [`Boxed`] it builds the router once.

use std::pin::Pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;

use crate::shell::Shell;

/// The answer to come.
pub type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A handler of any form.
#[derive(Clone)]
pub struct Boxed(Arc<dyn Fn(Request, Shell) -> Answer + Send + Sync>);

impl Boxed {
    /// A handler that answers as `answer` does.
    pub fn of(answer: impl Fn(Request, Shell) -> Answer + Send + Sync + 'static) -> Self {
        Self(Arc::new(answer))
    }
}

impl Handler<(), Shell> for Boxed {
    type Future = Answer;

    fn call(self, request: Request, shell: Shell) -> Answer {
        (self.0)(request, shell)
    }
}

/// Takes a handler whose form is known only here.
pub fn boxed<T, H: Handler<T, Shell, Future = Answer>>(handler: H) -> Boxed {
    Boxed::of(move |request, shell| handler.clone().call(request, shell))
}
