//! Routes of pages, which are data as well: who may use each, and what becomes of a form that arrives again. The tests
//! walk them.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{self, MethodRouter};

use crate::handler::{Answer, Boxed, boxed};
use crate::once::{self, FormOf};
use crate::shell::Shell;

/// What becomes of a form that arrives again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Forms {
    /// It is handled once: both get the first answer. For a signed-in user.
    Once,
    /// The same for a visitor.
    OncePerVisitor,
    /// Each is handled, whatever came before.
    Each,
}

/// Who may use a route. Handlers enforce it; the tests walk all routes and compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Everybody, for this reason.
    Everybody(&'static str),
    /// A signed-in user.
    User,
    /// An operator or an auditor.
    Staff,
    /// An operator.
    Operator,
}

/// A route of the pages, as data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Declared {
    /// Its path, with parameters in braces.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// Whether it answers GET.
    pub reads: bool,
    /// Whether it takes forms, and what becomes of one that arrives again.
    pub forms: Option<Forms>,
}

/// The methods of one route.
pub struct Methods {
    router: MethodRouter<Shell>,
    reads: bool,
    forms: Option<Forms>,
}

impl Methods {
    fn with_post<T, H: Handler<T, Shell, Future = Answer>>(self, forms: Forms, handler: H) -> Self {
        let handler = match forms {
            Forms::Once => handled_once(FormOf::SignedIn, handler),
            Forms::OncePerVisitor => handled_once(FormOf::Visitor, handler),
            Forms::Each => boxed(handler),
        };
        Self { router: self.router.post(handler), forms: Some(forms), ..self }
    }

    /// The same route, which answers as [`post`] as well.
    pub fn and_post<T, H: Handler<T, Shell, Future = Answer>>(self, handler: H) -> Self {
        self.with_post(Forms::Once, handler)
    }

    /// The same route, which answers as [`post_as_visitor`] as well.
    pub fn and_post_as_visitor<T, H: Handler<T, Shell, Future = Answer>>(self, handler: H) -> Self {
        self.with_post(Forms::OncePerVisitor, handler)
    }

    /// The same route, which answers as [`post_each`] as well.
    pub fn and_post_each<T, H: Handler<T, Shell, Future = Answer>>(self, handler: H) -> Self {
        self.with_post(Forms::Each, handler)
    }
}

fn none() -> Methods {
    Methods { router: MethodRouter::new(), reads: false, forms: None }
}

/// A form that is handled once when it arrives twice.
fn handled_once<T, H: Handler<T, Shell, Future = Answer>>(of: FormOf, handler: H) -> Boxed {
    let handler = boxed(handler);
    Boxed::of(move |request, shell| Box::pin(once::answer(request, shell, handler.clone(), of)))
}

/// A route that answers GET.
pub fn get<T, H: Handler<T, Shell, Future = Answer>>(handler: H) -> Methods {
    Methods { router: routing::get(boxed(handler)), reads: true, forms: None }
}

/// A route that takes a form of a signed-in user. Sent twice, the form is handled once, and both get its answer.
pub fn post<T, H: Handler<T, Shell, Future = Answer>>(handler: H) -> Methods {
    none().and_post(handler)
}

/// A route that takes a form of a visitor without a full session. Sent twice, it is handled once. The form must hold what
/// strangers on the same network cannot know: they get its answer if they send the same.
pub fn post_as_visitor<T, H: Handler<T, Shell, Future = Answer>>(handler: H) -> Methods {
    none().and_post_as_visitor(handler)
}

/// A route that handles each POST, whatever came before.
pub fn post_each<T, H: Handler<T, Shell, Future = Answer>>(handler: H) -> Methods {
    none().and_post_each(handler)
}

/// Routes with what is declared of each.
#[derive(Default)]
pub struct Routes {
    router: Router<Shell>,
    declared: Vec<Declared>,
}

impl Routes {
    fn add(mut self, path: &'static str, access: Access, methods: Methods) -> Self {
        let Methods { router, reads, forms } = methods;
        self.declared.push(Declared { path, access, reads, forms });
        Self { router: self.router.route(path, router), declared: self.declared }
    }

    /// A route that needs no session, for the reason that is given.
    pub fn open(self, path: &'static str, reason: &'static str, methods: Methods) -> Self {
        self.add(path, Access::Everybody(reason), methods)
    }

    /// A route of a signed-in user.
    pub fn route(self, path: &'static str, methods: Methods) -> Self {
        self.add(path, Access::User, methods)
    }

    /// A route of operators and auditors.
    pub fn staff(self, path: &'static str, methods: Methods) -> Self {
        self.add(path, Access::Staff, methods)
    }

    /// A route of operators: an auditor is refused before any form.
    pub fn operator(self, path: &'static str, methods: Methods) -> Self {
        self.add(path, Access::Operator, methods)
    }

    /// Both sets of routes.
    pub fn merge(mut self, others: Self) -> Self {
        self.declared.extend(others.declared);
        Self { router: self.router.merge(others.router), declared: self.declared }
    }

    /// Lets bodies be as long as so many bytes.
    pub fn with_bodies_up_to(self, bytes: usize) -> Self {
        Self { router: self.router.layer(DefaultBodyLimit::max(bytes)), ..self }
    }

    /// The router, and what was declared.
    pub fn into_parts(self) -> (Router<Shell>, Vec<Declared>) {
        (self.router, self.declared)
    }
}
