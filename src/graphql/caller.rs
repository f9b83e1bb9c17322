//! The caller of a request: the client, and the viewer if a user is signed in.

use std::sync::Arc;

use async_graphql::Context;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;

use super::{error::ApiError, token_delivery::TokenDelivery};
use crate::{
    app::App,
    challenges::Asker,
    fault::{Failure, Fault},
    sessions::{self, Client, Unauthenticated, Viewer},
    telemetry,
};

/// The caller of a request. The viewer is looked up once, on first use.
pub struct Caller {
    /// The network address and the user agent.
    pub client: Client,
    /// How refresh tokens are delivered.
    pub delivery: Arc<TokenDelivery>,
    access_token: Option<SecretString>,
    viewer: OnceCell<Result<Viewer, Unauthenticated>>,
}

impl Caller {
    /// Creates a caller whose viewer has not been looked up yet.
    #[must_use]
    pub fn new(client: Client, access_token: Option<SecretString>) -> Self {
        Self { client, delivery: Arc::default(), access_token, viewer: OnceCell::new() }
    }

    /// Sets how refresh tokens are delivered.
    #[must_use]
    pub fn delivering(self, delivery: Arc<TokenDelivery>) -> Self {
        Self { delivery, ..self }
    }

    /// Returns the access token that came with the request.
    #[must_use]
    pub fn access_token(&self) -> Option<&str> {
        self.access_token.as_ref().map(ExposeSecret::expose_secret)
    }

    /// Returns the viewer, if any, for public fields.
    ///
    /// # Errors
    /// Fails with a [`Fault`] if the session cannot be read.
    pub async fn viewer_if_any(&self, app: &App) -> Result<Option<&Viewer>, Fault> {
        Ok(self.authenticate(app).await?.as_ref().ok())
    }

    /// Returns the caller as the `Asker` whose budgets are charged for emails.
    ///
    /// # Errors
    /// Fails with a [`Fault`] if the session cannot be read.
    pub async fn asker(&self, app: &App) -> Result<Asker, Fault> {
        let viewer = self.viewer_if_any(app).await?;
        Ok(Asker { ip_address: self.client.ip_address, user_id: viewer.map(|viewer| viewer.user.id) })
    }

    pub(super) async fn authenticate(&self, app: &App) -> Result<&Result<Viewer, Unauthenticated>, Fault> {
        let viewer = || async {
            match sessions::viewer(app, self.access_token()).await {
                Ok(viewer) => {
                    telemetry::note(|notes| notes.user_id = Some(viewer.user.id));
                    Ok(Ok(viewer))
                }
                Err(Failure::Refused(why)) => Ok(Err(why)),
                Err(Failure::Fault(fault)) => Err(fault),
            }
        };
        self.viewer.get_or_try_init(viewer).await
    }
}

/// Returns the app and the caller, which resolvers pass to use cases.
pub fn caller<'c>(ctx: &Context<'c>) -> Result<(&'c App, &'c Caller), ApiError> {
    let caller = ctx.data_opt::<Caller>().ok_or(ApiError::Unauthenticated(Unauthenticated::Missing))?;
    Ok((ctx.data_unchecked::<Arc<App>>(), caller))
}

/// Returns the viewer that the guard looked up, for the resolvers of protected fields.
///
/// # Errors
/// Fails with [`ApiError::Unauthenticated`] if there is no viewer.
pub fn viewer<'c>(ctx: &Context<'c>) -> Result<&'c Viewer, ApiError> {
    let found = ctx.data_opt::<Caller>().and_then(|caller| caller.viewer.get());
    match found {
        Some(viewer) => viewer.as_ref().map_err(|why| ApiError::Unauthenticated(*why)),
        None => Err(ApiError::Unauthenticated(Unauthenticated::Missing)),
    }
}
