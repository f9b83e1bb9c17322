//! The HTTP server: every route and every middleware, in one place.

use std::{io, sync::Arc, time::Duration};

use poem::{
    Endpoint, EndpointExt, IntoResponse, Response, Route, get,
    http::{HeaderValue, Method, header},
    middleware::{CatchPanic, Cors},
};
use tokio::net::TcpListener;

use crate::{app::App, config::Config, graphql::guard::documents::Documents, metrics::OpenCount};

mod access_log;
mod admission;
mod answer;
mod callback;
mod client;
mod deadlines;
mod docs;
mod form;
mod graphql;
mod headers;
mod health;
mod hosts;
mod introspection;
mod leaving;
mod lingering_close;
mod mailbox;
mod media;
mod metrics;
mod origins;
mod pages;
mod playground;
mod public_path;
mod refresh_cookie;
mod request_id;
mod seen_address;
mod server;
mod sockets;
pub(crate) mod welcome;
mod well_known;

use form::PostOnly;
use graphql::rest;
pub use leaving::Leaving;
use request_id::RequestId;
use sockets::Sockets;

/// How long to wait for WebSockets that are still open after the other requests have finished.
const FAREWELL: Duration = Duration::from_millis(500);

/// Serves until `shutdown`, then finishes the requests in progress. `leaving` may begin earlier.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    leaving: Leaving,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let sockets = Sockets::default();
    let shutdown = async {
        shutdown.await;
        sockets.close();
    };
    let documents = Documents::load(&app.config).map_err(io::Error::other)?;
    let routes = routes(&app, documents, &sockets, &leaving);
    let connections = admission::Admission::new(app.clone(), app.metrics.http_connections.clone());
    server::run(listener, connections, routes, leaving, shutdown).await?;
    let _ = tokio::time::timeout(FAREWELL, sockets.closed()).await;
    Ok(())
}

/// Serves `/metrics` until `shutdown`.
pub async fn serve_metrics(
    app: Arc<App>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    // connections to `/metrics` do not count as connections of clients
    let connections = admission::Admission::new(app.clone(), OpenCount::default());
    let outbox = Arc::new(metrics::Outbox::default());
    let routes = Route::new().at("/metrics", get(metrics::metrics)).data(app).data(outbox);
    server::run(listener, connections, routes.map_to_response(), Leaving::default(), shutdown).await
}

fn routes(
    app: &Arc<App>,
    documents: Documents,
    sockets: &Sockets,
    leaving: &Leaving,
) -> impl Endpoint<Output = Response> + use<> {
    let endpoint = Arc::new(graphql::GraphqlEndpoint::new(app.clone(), documents, sockets.clone()));
    let mut routes = Route::new()
        .at("/graphql", endpoint.clone().with(cors(&app.config)).after(vary_by_accept))
        .at(rest::PATH, rest::RestEndpoint(endpoint.clone()).with(cors(&app.config)))
        .at("/openapi.json", well_known::public(rest::OpenApi(endpoint)))
        .at("/.well-known/jwks.json", well_known::public(well_known::jwks))
        .at("/callback/:provider", PostOnly(callback::callback))
        .at(introspection::PATH, PostOnly(introspection::introspect))
        .at("/health/address", get(seen_address::address));
    if app.config.passkeys.relying_party.is_some() {
        routes = routes
            .at("/.well-known/webauthn", well_known::public(well_known::webauthn))
            .at("/.well-known/passkey-endpoints", well_known::public(well_known::passkey_endpoints));
    }
    if let Some(page) = well_known::password_page(&app.config) {
        routes = routes.at("/.well-known/change-password", get(well_known::ChangePassword(page)));
    }
    for path in well_known::metadata_paths(&app.config) {
        routes = routes.at(path, well_known::public(well_known::metadata));
    }
    routes = pages::add_to(routes, &app.config);
    if app.config.server.playground {
        routes = routes
            .at("/", get(playground::show_graphiql))
            .at("/demo", get(playground::show_demo))
            .at("/docs", get(docs::show_index))
            .at("/docs/:name", get(docs::show_page))
            .at("/playground/*path", get(playground::show_file));
    }
    if app.mailer.mailbox().is_some() {
        routes = routes.nest("/mailbox", mailbox::routes());
    }
    // health checks are outside of `AllowedHosts`, because monitoring may use any host name
    let ready = get(health::ready).data(Arc::new(health::Readiness::default())).data(leaving.clone());
    let with_health = Route::new()
        .at("/health/live", get(health::live))
        .at("/health/ready", ready)
        .nest_no_strip("/", routes.with(hosts::AllowedHosts::new(&app.config)))
        .data(app.clone());
    let with_path = with_health.with(public_path::PublicPath::new(&app.config));
    named(with_path, RequestId::new(app)).with(headers::SecurityHeaders::new(&app.config))
}

/// Gives every request an ID, and responds even if the handler panics.
fn named(endpoint: impl Endpoint<Output: IntoResponse>, ids: RequestId) -> impl Endpoint<Output = Response> {
    endpoint.with(CatchPanic::new().with_handler(answer::panicked)).with(ids)
}

/// Adds `Accept` to the `Vary` header of a response that caches may store. This must run after `Cors`, which replaces
/// the header.
async fn vary_by_accept(answer: poem::Result<Response>) -> poem::Result<Response> {
    let mut answer = answer?;
    if answer.headers().get(header::CACHE_CONTROL).is_some_and(|value| value != "no-store") {
        answer.headers_mut().append(header::VARY, HeaderValue::from_static("Accept"));
    }
    Ok(answer)
}

fn cors(config: &Config) -> Cors {
    let origins = origins::Origins::new(config);
    // There is no list of allowed headers, because tracing libraries add their own. Preflights may therefore request
    // any header. This is safe: authorization comes only from the token, or from a cookie that only allowed origins can
    // use.
    Cors::new()
        .allow_origins_fn(move |origin| origins.allow(origin))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST])
        .expose_headers([request_id::HEADER, header::RETRY_AFTER.as_str(), header::WWW_AUTHENTICATE.as_str()])
        .max_age(7200)
}

#[cfg(test)]
mod tests {
    use poem::{Request, endpoint};
    use serde_json::Value;

    use super::*;
    use crate::clock::Clock;

    #[tokio::test]
    async fn a_panic_is_told_by_the_id_that_its_log_has_and_by_nothing_else() {
        let panics = endpoint::make_sync(|_| -> Response { panic!("a secret") });
        let mut answer = named(panics, RequestId { clock: Clock::default(), app: None })
            .get_response(Request::default())
            .await;
        let told: Value = answer.take_body().into_json().await.unwrap();
        let error = &told["errors"][0];
        assert_eq!((answer.status().as_u16(), &error["extensions"]["code"]), (500, &"INTERNAL".into()));
        assert_eq!(error["extensions"]["requestId"], answer.headers()[request_id::HEADER].to_str().unwrap());
        assert!(!told.to_string().contains("secret"), "{told}");
    }
}
