//! The JWT guard: without a viewer, only public fields run.
//!
//! It runs before execution, so that it can refuse the operation as a whole. A root field without a row in the policy table is
//! not public, so a new field is protected even if its row is forgotten.

use std::{any::TypeId, sync::Arc};

use async_graphql::{
    Request, ServerError, ServerResult,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextPrepareRequest},
};

use super::{
    documents::Documents,
    operation::{chosen_operation, root_fields},
    policy::{Access, access},
};
use crate::{
    app::App,
    graphql::{caller::Caller, error::ApiError, measure},
    sessions::Unauthenticated,
};

/// The extension that guards a schema. The schema's data must contain an `Arc<App>`, and the data of each request must contain a
/// [`Caller`].
#[derive(Clone, Debug)]
pub struct JwtGuard {
    /// The parsed and validated documents.
    pub documents: Documents,
}

impl ExtensionFactory for JwtGuard {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Extension for JwtGuard {
    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        mut request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        let app = ctx.data_unchecked::<Arc<App>>();
        if self.needs_viewer(&mut request, app)? {
            let caller =
                request.data.get(&TypeId::of::<Caller>()).and_then(|data| data.downcast_ref::<Caller>());
            let viewer = match caller {
                Some(caller) => caller.authenticate(app).await.map_err(ApiError::from)?.as_ref().map(drop),
                None => Err(&Unauthenticated::Missing),
            };
            viewer.map_err(|why| ApiError::Unauthenticated(*why))?;
        }
        next.run(ctx, request).await
    }
}

impl JwtGuard {
    /// Prepares the request's document, and returns whether its operation selects a field that is not public.
    fn needs_viewer(&self, request: &mut Request, app: &App) -> Result<bool, ServerError> {
        let variables = std::mem::take(&mut request.variables);
        let document = self.documents.judge(&request.query, &variables, &app.config.graphql_limits)?;
        let name = request.operation_name.as_deref();
        let operation = chosen_operation(&document.executable, name)?;
        let mut needs_viewer = false;
        let fields = root_fields(&document.executable, operation);
        measure::note_fields(fields.iter().copied());
        for field in fields {
            match access(field) {
                Access::Introspection if !app.config.server.introspection => {
                    return Err(ApiError::Forbidden("Introspection is disabled.").into());
                }
                Access::Introspection | Access::Anybody => {}
                Access::Viewer | Access::Staff | Access::Superuser | Access::Nobody => needs_viewer = true,
            }
        }
        request.variables = self.documents.coerce(&document, name, variables)?;
        let to_run = document.to_run(name, &request.variables);
        request.set_parsed_query(to_run);
        Ok(needs_viewer)
    }
}
