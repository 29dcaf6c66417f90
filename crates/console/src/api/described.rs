//! The paths of the document, each with its operations and their handlers.

use axum::routing::MethodRouter;
use utoipa::__dev::{SchemaReferences, Tags};
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, Paths};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{HttpMethod, RefOr};
use utoipa_axum::PathItemExt as _;
use utoipa_axum::router::UtoipaMethodRouter;

use crate::handler::Boxed;
use crate::shell::Shell;

/// One path of the document with its operations, each beside its handler.
macro_rules! routes {
    ($($module:ident::$handler:ident),+) => {{
        let mut route = $crate::api::described::Described::default();
        $(utoipa_axum::paste! {
            let id = concat!(stringify!($module), "_", stringify!($handler));
            route.add::<$module::[<__path_ $handler>]>(id, $crate::handler::boxed($module::$handler));
        })+
        route.into_routes()
    }};
}

pub(super) use routes;

/// A path while its operations are gathered.
#[derive(Default)]
pub struct Described {
    schemas: Vec<(String, RefOr<Schema>)>,
    paths: Paths,
    methods: MethodRouter<Shell>,
}

impl Described {
    /// Adds a schema with those that it names.
    pub fn schema<T: ToSchema>(&mut self) {
        self.schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.schemas);
    }

    /// Adds an operation that was described by hand.
    pub fn operation(&mut self, method: HttpMethod, path: &str, operation: Operation, handler: Boxed) {
        self.methods = std::mem::take(&mut self.methods).on(method.to_method_filter(), handler);
        self.paths.add_path_operation(path, vec![method], operation);
    }

    /// Adds an operation under an id that is unique in the document: handlers of two modules may share a name.
    pub(super) fn add<P: utoipa::Path + for<'t> Tags<'t> + SchemaReferences>(
        &mut self,
        id: &str,
        handler: Boxed,
    ) {
        let (methods, mut operation) = (P::methods(), P::operation());
        operation.operation_id = Some(id.to_owned());
        let tags = P::tags().into_iter().map(str::to_owned);
        operation.tags.get_or_insert_default().extend(tags);
        P::schemas(&mut self.schemas);
        for method in &methods {
            let filter = method.to_method_filter();
            self.methods = std::mem::take(&mut self.methods).on(filter, handler.clone());
        }
        self.paths.add_path_operation(P::path(), methods, operation);
    }

    /// What a router takes.
    pub fn into_routes(self) -> UtoipaMethodRouter<Shell> {
        (self.schemas, self.paths, self.methods)
    }
}
