//! The JWT guard: no field runs for nobody, unless it is on the public list.
//!
//! It stands before validation and execution, where the whole operation can be refused as one. A field that is added
//! tomorrow is protected without anyone remembering to protect it.

use std::{any::TypeId, sync::Arc};

use async_graphql::{
    Context, Guard, Request, ServerError, ServerResult,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextPrepareRequest},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;

use super::{
    documents::Documents,
    error::ApiError,
    limits::{chosen_operation, root_fields},
    measure,
    token_delivery::TokenDelivery,
};
use crate::{
    app::App,
    challenges::Asker,
    fault::Fault,
    sessions::{self, Client, Unauthenticated, Viewer, ViewerError},
    storage::user::Role,
};

/// Root fields that anybody may select. Everything else needs a viewer.
pub const PUBLIC_FIELDS: [&str; 17] = [
    "__typename",
    "authSettings",
    "usernameAvailable",
    "signup",
    "login",
    "refresh",
    "logout",
    "verifyOtp",
    "resendOtp",
    "activateAccount",
    "resendActivationEmail",
    "requestLoginCode",
    "requestPasswordReset",
    "resetPassword",
    "revertSecurityChange",
    "startGoogleLogin",
    "googleLogin",
];

/// Root fields that anybody may select where introspection is on.
const INTROSPECTION_FIELDS: [&str; 2] = ["__schema", "__type"];

/// Who sends a request: what they presented, and whom that proves, found out once and only if somebody asks.
pub struct Caller {
    /// What the connection tells.
    pub client: Client,
    /// By which way refresh tokens come and go.
    pub delivery: Arc<TokenDelivery>,
    access_token: Option<SecretString>,
    viewer: OnceCell<Result<Viewer, Unauthenticated>>,
}

impl Caller {
    /// Nobody yet, with or without an access token.
    #[must_use]
    pub fn new(client: Client, access_token: Option<SecretString>) -> Self {
        Self { client, delivery: Arc::default(), access_token, viewer: OnceCell::new() }
    }

    /// The same, and its refresh tokens come and go by this way.
    #[must_use]
    pub fn delivering(self, delivery: Arc<TokenDelivery>) -> Self {
        Self { delivery, ..self }
    }

    /// What was presented.
    #[must_use]
    pub fn access_token(&self) -> Option<&str> {
        self.access_token.as_ref().map(ExposeSecret::expose_secret)
    }

    /// Whoever is signed in, for fields that need nobody to be.
    ///
    /// # Errors
    /// [`Fault`] where it could not be found out.
    pub async fn viewer_if_any(&self, app: &App) -> Result<Option<&Viewer>, Fault> {
        Ok(self.authenticate(app).await?.as_ref().ok())
    }

    /// The sender of the request, as far as mails are charged to them.
    ///
    /// # Errors
    /// [`Fault`] where the viewer could not be found out.
    pub async fn asker(&self, app: &App) -> Result<Asker, Fault> {
        let viewer = self.viewer_if_any(app).await?;
        Ok(Asker { ip_address: self.client.ip_address, user_id: viewer.map(|viewer| viewer.user.id) })
    }

    async fn authenticate(&self, app: &App) -> Result<&Result<Viewer, Unauthenticated>, Fault> {
        let viewer = || async {
            match sessions::viewer(app, self.access_token()).await {
                Ok(viewer) => Ok(Ok(viewer)),
                Err(ViewerError::Unauthenticated(why)) => Ok(Err(why)),
                Err(ViewerError::Fault(fault)) => Err(fault),
            }
        };
        self.viewer.get_or_try_init(viewer).await
    }
}

/// The viewer that the guard has found, for the resolvers of protected fields. Without the guard there is none.
///
/// # Errors
/// [`ApiError::Unauthenticated`].
pub fn viewer<'c>(ctx: &Context<'c>) -> Result<&'c Viewer, ApiError> {
    let found = ctx.data_opt::<Caller>().and_then(|caller| caller.viewer.get());
    match found {
        Some(viewer) => viewer.as_ref().map_err(|why| ApiError::Unauthenticated(*why)),
        None => Err(ApiError::Unauthenticated(Unauthenticated::Missing)),
    }
}

/// Refuses a field to viewers below a role.
#[derive(Clone, Copy, Debug)]
pub struct AtLeast(pub Role);

impl Guard for AtLeast {
    async fn check(&self, ctx: &Context<'_>) -> async_graphql::Result<()> {
        if viewer(ctx)?.user.role >= self.0 {
            return Ok(());
        }
        Err(ApiError::Forbidden("Your role does not allow this.").into())
    }
}

/// The guard, as an extension of a schema whose data has an `Arc<App>`, and whose requests' data a [`Caller`].
#[derive(Clone, Debug)]
pub struct JwtGuard {
    /// Judges what is to run.
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
    /// Has the request judged, and says whether its operation selects a field that is not public.
    fn needs_viewer(&self, request: &mut Request, app: &App) -> Result<bool, ServerError> {
        let variables = std::mem::take(&mut request.variables);
        let document = self.documents.judge(&request.query, &variables, &app.config.graphql_limits)?;
        let name = request.operation_name.as_deref();
        let operation = chosen_operation(&document.executable, name)?;
        let mut needs_viewer = false;
        let fields = root_fields(&document.executable, operation);
        measure::note_fields(fields.iter().copied());
        for field in fields {
            if INTROSPECTION_FIELDS.contains(&field) {
                if !app.config.introspection {
                    return Err(ApiError::Forbidden("Introspection is switched off.").into());
                }
            } else if !PUBLIC_FIELDS.contains(&field) {
                needs_viewer = true;
            }
        }
        request.variables = self.documents.coerce(&document, name, variables)?;
        let to_run = document.to_run(name, &request.variables);
        request.set_parsed_query(to_run);
        Ok(needs_viewer)
    }
}
