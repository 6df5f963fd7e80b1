//! `weir demo --incident`: a Weir of its own in which one thing goes wrong, from its quiet beginning to its end.
//!
//! What happens is [`weir_demo::play`]'s; this file makes the Weir. Its data are never among others: they are in a folder
//! that is removed at the end, or in the one that was named. Its clock starts in the past and is turned forward, never beyond
//! now, so that a folder that is kept can be looked at later with `weir serve`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use weir_demo::{DemoError, Incident, IncidentParts, SimulatedProvider, SimulatorConfig, past, play};
use weir_types::Clock as _;

use super::simulated_providers;
use crate::cli::{IncidentName, ServeArgs};
use crate::clock::TurnedClock;
use crate::cmd_serve::configured;
use crate::config::Config;
use crate::config::listeners::Listeners;
use crate::wire::{self, Weir};
use crate::{log, output};

/// Records of the past that are appended at once.
const APPENDED_AT_ONCE: usize = 500;

/// Plays the incident with this name, or all of them.
pub fn run(name: IncidentName, args: &ServeArgs) -> anyhow::Result<ExitCode> {
    log::start(&configured(args)?.log)?;
    let folder = Folder::new(args.data_dir.as_deref());
    let incidents = incidents(name);
    for incident in &incidents {
        // Each starts with what it needs and nothing else.
        let data_dir =
            if incidents.len() > 1 { folder.path.join(incident.monitor()) } else { folder.path.clone() };
        let mut config = configured(args)?;
        config.store.data_dir = data_dir;
        config.listeners = Listeners::only_dogstatsd();
        if args.listen.is_none() && args.config.is_none() {
            config.listen.set_port(0);
        }
        let is_over = wire::background_runtime()?.block_on(play_in(*incident, config))?;
        if !is_over {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn incidents(name: IncidentName) -> Vec<Incident> {
    match name {
        IncidentName::Spend => vec![Incident::Spend],
        IncidentName::Latency => vec![Incident::Latency],
        IncidentName::Errors => vec![Incident::Errors],
        IncidentName::Hallucination => vec![Incident::Hallucination],
        IncidentName::AgentLoop => vec![Incident::AgentLoop],
        IncidentName::Injection => vec![Incident::Injection],
        IncidentName::Retrieval => vec![Incident::Retrieval],
        IncidentName::All => Incident::ALL.to_vec(),
    }
}

/// Plays one incident in a Weir of its own. False when the process was asked to end before.
async fn play_in(incident: Incident, mut config: Config) -> anyhow::Result<bool> {
    let provider = SimulatedProvider::start(SimulatorConfig::default()).await?;
    config.gateway.providers = simulated_providers(&provider, &config.gateway)?;
    config.gateway.routes.clear();
    let clock = Arc::new(TurnedClock::behind(incident.takes_us())?);
    let is_told = config.notifications.receivers().next().is_some();
    let weir = Weir::open(config, Arc::clone(&clock) as _, true).await?;
    write_past(incident, &weir, &clock).await?;
    output::print(&format!("\nThe incident for {}, at http://{}\n\n", incident.monitor(), weir.address))?;
    let parts = IncidentParts { is_told, ..parts(incident, &weir, clock)? };
    let (is_played, mut played) = tokio::sync::watch::channel(());
    let playing = tokio::spawn(async move {
        let _until_the_end = is_played;
        play(incident, parts).await
    });
    let over = async move {
        tokio::select! {
            () = wire::asked_to_end() => {}
            // It is an error that tells that the sender is gone.
            _ = played.changed() => {}
        }
    };
    weir.serve(over).await?;
    provider.stop().await;
    if !playing.is_finished() {
        playing.abort();
        return Ok(false);
    }
    playing.await??;
    output::print(&format!("\n{} fired and recovered.\n", incident.monitor()))?;
    Ok(true)
}

/// Writes what the monitor must know of the days before.
async fn write_past(incident: Incident, weir: &Weir, clock: &TurnedClock) -> anyhow::Result<()> {
    let (meter, sink, now) = (Arc::clone(&weir.meter), weir.store.sink(), clock.now());
    let written = tokio::task::spawn_blocking(move || {
        past(incident, now, &meter).chunks(APPENDED_AT_ONCE).try_for_each(|records| sink.append(records))
    });
    written.await??;
    weir.store.flush().await?;
    Ok(())
}

fn parts(incident: Incident, weir: &Weir, clock: Arc<TurnedClock>) -> anyhow::Result<IncidentParts> {
    let port = weir.statsd_port.context("DogStatsD is not received")?;
    let turned = Arc::clone(&clock);
    Ok(IncidentParts {
        gateway_url: format!("http://{}", weir.address),
        statsd: ([127, 0, 0, 1], port).into(),
        clock,
        turn: Box::new(move |by_us| {
            let failed = |error: anyhow::Error| DemoError::Incident {
                monitor: incident.monitor(),
                reason: format!("{error:#}"),
            };
            turned.turn(by_us).map_err(failed)
        }),
        scan: weir.store.scan(),
        alerts: weir.store.alerts(),
        is_told: false,
        say: Box::new(|line| {
            // Nothing is left to be done when standard output fails.
            let _ = output::print(&format!("{line}\n"));
        }),
    })
}

/// Where an incident keeps its data.
struct Folder {
    path: PathBuf,
    is_kept: bool,
}

impl Folder {
    fn new(named: Option<&Path>) -> Self {
        match named {
            Some(path) => Self { path: path.to_owned(), is_kept: true },
            None => Self {
                path: std::env::temp_dir().join(format!("weir-incident-{}", std::process::id())),
                is_kept: false,
            },
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed is in the folder for temporary files.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
