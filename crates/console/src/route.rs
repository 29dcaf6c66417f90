//! Handlers of pages and operations behind one type.
//!
//! axum's router is generic over each handler. With 250 handlers that was a third of what the compiler had to build;
//! behind [`Boxed`] it builds the router once.

use std::pin::Pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;
use axum::routing::{self, MethodRouter};

use crate::shell::Shell;

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A handler of any form.
#[derive(Clone)]
pub struct Boxed(Arc<dyn Fn(Request, Shell) -> Answer + Send + Sync>);

impl Handler<(), Shell> for Boxed {
    type Future = Answer;

    fn call(self, request: Request, shell: Shell) -> Answer {
        (self.0)(request, shell)
    }
}

/// Takes a handler whose form is known only here.
pub fn boxed<T, H: Handler<T, Shell, Future = Answer>>(handler: H) -> Boxed {
    Boxed(Arc::new(move |request, shell| handler.clone().call(request, shell)))
}

/// A route that answers GET.
pub fn get<T, H: Handler<T, Shell, Future = Answer>>(handler: H) -> MethodRouter<Shell> {
    routing::get(boxed(handler))
}

/// A route that answers POST.
pub fn post<T, H: Handler<T, Shell, Future = Answer>>(handler: H) -> MethodRouter<Shell> {
    routing::post(boxed(handler))
}

/// A second method of a route.
pub trait AndPost {
    /// The same route, which answers POST as well.
    #[must_use]
    fn and_post<T, H: Handler<T, Shell, Future = Answer>>(self, handler: H) -> Self;
}

impl AndPost for MethodRouter<Shell> {
    fn and_post<T, H: Handler<T, Shell, Future = Answer>>(self, handler: H) -> Self {
        self.post(boxed(handler))
    }
}
