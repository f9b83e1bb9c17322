//! `gatehouse serve`.

use std::{future::pending, pin::pin, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::{
    net::TcpListener,
    sync::oneshot,
    task::JoinSet,
    time::{self, Instant},
};

use super::{
    migrate::require_none,
    setup::{CliError, load_server},
};
use crate::{
    app::App,
    config::{Config, Mode, Variables},
    housekeeping,
    http::{self, Leaving},
    outbox, peers,
    storage::migrate,
    telemetry::{traces, with_causes},
};

/// The pause between two attempts to reach the database.
const RETRY: Duration = Duration::from_secs(1);

/// The minimum time between two log messages that report that the server is waiting for the database.
const SAY_AGAIN: Duration = Duration::from_mins(1);

#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// Apply pending migrations first; several servers may do so at the same time
    #[arg(long)]
    migrate: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), CliError> {
    let config = load_server(Mode::Serve, &Variables::from_environment()?)?;
    // SIGTERM does not stop the first process of a container unless the process handles it
    let mut stop = pin!(told_to_stop());
    let prepared = async {
        prepare(&config, arguments.migrate).await?;
        App::build(config).await
    };
    let app = tokio::select! {
        // polled first, so that the server handles signals before it logs that it is waiting for the database
        biased;
        () = &mut stop => return Ok(()),
        app = prepared => app?,
    };
    listen(app, stop, || {}).await
}

/// Waits for a database with the tables of this version. With `migrate`, applies pending migrations first.
async fn prepare(config: &Config, migrate: bool) -> Result<(), CliError> {
    let mut told = None;
    loop {
        let pending = if migrate {
            migrate::migrate(config).await.map(|_| 0)
        } else {
            migrate::count_pending(config).await
        };
        match pending {
            Ok(pending) => return require_none(pending),
            Err(error) if error.is_away() => {
                // once a minute, because an outage may be long
                if told.is_none_or(|told: Instant| told.elapsed() > SAY_AGAIN) {
                    told = Some(Instant::now());
                    tracing::warn!(error = %with_causes(&error), "waiting for the database");
                }
                time::sleep(RETRY).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Serves until `asked_to_stop` completes. Calls `ready` once connections are accepted.
pub(super) async fn listen(
    app: Arc<App>,
    asked_to_stop: impl Future<Output = ()>,
    ready: impl FnOnce(),
) -> Result<(), CliError> {
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
    tell_systemd(ServiceState::Ready);
    // the email sender and the HTTP server stop at the same time, so that both finish within the time limit
    let (stop, stopped) = oneshot::channel::<()>();
    let (sender, sending) = (app.clone(), stopped.map(drop));
    let sender = tokio::spawn(async move { outbox::run(&sender, sending).await });
    let (leaving, delay) = (Leaving::default(), app.config.server.shutdown_delay);
    let shutdown = async {
        asked_to_stop.await;
        leaving.begin();
        tell_systemd(ServiceState::Stopping);
        if !delay.is_zero() {
            tracing::info!(?delay, "shutting down: reporting not ready, but still accepting connections");
            let _ = time::timeout(delay, told_to_stop()).await;
        }
        drop(stop);
    };
    let served =
        async { Ok::<_, CliError>(http::serve(app.clone(), listener, leaving.clone(), shutdown).await?) };
    let measured = async {
        if let Some(listener) = metrics {
            http::serve_metrics(app.clone(), listener, pending()).await?;
        }
        pending().await
    };
    let sent = async { Ok::<_, CliError>(sender.await?) };
    // in a task of its own, because sign-ins wake it, and the thread that runs this function is not one of the workers
    let mut exchange = JoinSet::new();
    exchange.spawn({
        let app = app.clone();
        async move { peers::run(&app).await }
    });
    let ended = tokio::select! {
        both = async { tokio::try_join!(served, sent) } => both.map(drop),
        failed = measured => failed,
        () = housekeeping::run(&app) => Ok(()),
        Some(exchanged) = exchange.join_next() => Ok(exchanged?),
    };
    exchange.shutdown().await;
    // the last requests may have ended sessions, which the other servers must still learn
    peers::announce_rest(&app).await;
    traces::flush().await;
    ended
}

/// The state of the process, as systemd sees it.
#[derive(Clone, Copy)]
enum ServiceState {
    Ready,
    Stopping,
}

/// Notifies systemd of the state of the service, if systemd expects that (`Type=notify`).
#[cfg_attr(not(unix), expect(unused_variables, reason = "systemd runs only on Linux"))]
fn tell_systemd(state: ServiceState) {
    #[cfg(unix)]
    if let Err(error) = sd_notify::notify(&[match state {
        ServiceState::Ready => sd_notify::NotifyState::Ready,
        ServiceState::Stopping => sd_notify::NotifyState::Stopping,
    }]) {
        tracing::warn!(%error, "systemd could not be notified");
    }
}

/// Waits for Ctrl-C or, on Unix, SIGTERM.
pub(super) async fn told_to_stop() {
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
