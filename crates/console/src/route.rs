//! Handlers of pages and operations behind one type.
//!
//! axum's router is generic over each handler. With 250 handlers that was a third of what the compiler had to build;
//! behind [`Boxed`] it builds the router once.
//!
//! A route also says what becomes of a form that arrives again: see [`post`], [`post_as_visitor`] and [`post_each`].

use std::pin::Pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;
use axum::routing::{self, MethodRouter};

use crate::once::{self, FormOf};
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

/// A form that is handled once when it arrives twice.
fn handled_once<T, H: Handler<T, Shell, Future = Answer>>(of: FormOf, handler: H) -> Boxed {
    let handler = boxed(handler);
    Boxed(Arc::new(move |request, shell| Box::pin(once::answer(request, shell, handler.clone(), of))))
}

/// A route that takes a form of a signed-in person. Sent twice, the form is handled once, and both get its answer.
pub fn post<T, H: Handler<T, Shell, Future = Answer>>(handler: H) -> MethodRouter<Shell> {
    routing::post(handled_once(FormOf::SignedIn, handler))
}

/// A route that takes a form of somebody who has no full session. Sent twice, it is handled once. The form must hold what
/// strangers on the same network cannot know: they get its answer if they send the same.
pub fn post_as_visitor<T, H: Handler<T, Shell, Future = Answer>>(handler: H) -> MethodRouter<Shell> {
    routing::post(handled_once(FormOf::Visitor, handler))
}

/// A route that handles each POST, whatever came before.
pub fn post_each<T, H: Handler<T, Shell, Future = Answer>>(handler: H) -> MethodRouter<Shell> {
    routing::post(boxed(handler))
}

/// A second method of a route.
pub trait AndPost {
    /// The same route, which answers as [`post`] as well.
    #[must_use]
    fn and_post<T, H: Handler<T, Shell, Future = Answer>>(self, handler: H) -> Self;

    /// The same route, which answers as [`post_as_visitor`] as well.
    #[must_use]
    fn and_post_as_visitor<T, H: Handler<T, Shell, Future = Answer>>(self, handler: H) -> Self;

    /// The same route, which answers as [`post_each`] as well.
    #[must_use]
    fn and_post_each<T, H: Handler<T, Shell, Future = Answer>>(self, handler: H) -> Self;
}

impl AndPost for MethodRouter<Shell> {
    fn and_post<T, H: Handler<T, Shell, Future = Answer>>(self, handler: H) -> Self {
        self.post(handled_once(FormOf::SignedIn, handler))
    }

    fn and_post_as_visitor<T, H: Handler<T, Shell, Future = Answer>>(self, handler: H) -> Self {
        self.post(handled_once(FormOf::Visitor, handler))
    }

    fn and_post_each<T, H: Handler<T, Shell, Future = Answer>>(self, handler: H) -> Self {
        self.post(boxed(handler))
    }
}
