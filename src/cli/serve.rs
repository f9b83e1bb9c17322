//! `gatehouse serve`.

use std::{future::pending, sync::Arc};

use futures_util::FutureExt;
use tokio::{net::TcpListener, sync::oneshot};

use super::{
    migrate::require_migrated,
    setup::{CliError, load},
};
use crate::{app::App, config::Mode, housekeeping, http, outbox, peers, storage::migrate};

#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// Apply pending migrations first; several servers may do so at the same time
    #[arg(long)]
    migrate: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), CliError> {
    let config = load(Mode::Serve)?;
    if arguments.migrate {
        migrate::migrate(&config).await?;
    } else {
        require_migrated(&config).await?;
    }
    let app = App::build(config).await?;
    listen(app, || {}).await
}

/// Serves until the process is asked to stop. Calls `ready` once connections are accepted.
pub(super) async fn listen(app: Arc<App>, ready: impl FnOnce()) -> Result<(), CliError> {
    let (host, port) = (app.config.server.host.clone(), app.config.server.port);
    let listener = TcpListener::bind((host.as_str(), port)).await.map_err(|error| {
        format!("cannot listen on {host}, port {port}: {error}; set PORT to use another port")
    })?;
    let metrics = match app.config.monitoring.metrics_addr {
        Some(address) => Some(
            TcpListener::bind(address)
                .await
                .map_err(|error| format!("cannot listen on METRICS_ADDR, {address}: {error}"))?,
        ),
        None => None,
    };
    if !app.config.budgets.are_enforced {
        tracing::warn!("RATE_LIMITS=off: anyone can guess passwords as fast as the server can hash them");
    }
    if app.config.mode == Mode::Serve && app.config.mail.app_url.is_none() {
        tracing::warn!("APP_URL is not set: emails and pages name the app without linking to it");
    }
    ready();
    // the sender and the server stop at the same time, so that both finish within the time limit
    let (stop, stopped) = oneshot::channel::<()>();
    let (sender, sending) = (app.clone(), stopped.map(drop));
    let sender = tokio::spawn(async move { outbox::run(&sender, sending).await });
    let shutdown = async {
        told_to_stop().await;
        drop(stop);
    };
    let served = async { Ok::<_, CliError>(http::serve(app.clone(), listener, shutdown).await?) };
    let measured = async {
        if let Some(listener) = metrics {
            http::serve_metrics(app.clone(), listener, pending()).await?;
        }
        pending().await
    };
    let sent = async { Ok::<_, CliError>(sender.await?) };
    let ended = tokio::select! {
        both = async { tokio::try_join!(served, sent) } => both.map(drop),
        failed = measured => failed,
        () = housekeeping::run(&app) => Ok(()),
        () = peers::run(&app) => Ok(()),
    };
    // the last requests may have signed somebody out just now
    peers::announce_rest(&app).await;
    ended
}

/// Waits for Ctrl-C or, on Unix, SIGTERM.
async fn told_to_stop() {
    let interrupted = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    #[cfg(unix)]
    {
        let mut terminated = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(signal) => signal,
            Err(error) => {
                tracing::warn!(%error, "cannot listen for SIGTERM");
                return interrupted.await;
            }
        };
        tokio::select! {
            () = interrupted => {}
            _ = terminated.recv() => {}
        }
    }
    #[cfg(not(unix))]
    interrupted.await;
}
