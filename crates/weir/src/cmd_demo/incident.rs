//! `weir demo --incident`: a Weir of its own in which one thing goes wrong, from its quiet beginning to its end.
//!
//! What happens is [`weir_demo::play`]'s; this file makes the Weir. Its data are never among others: they are in a folder
//! that is removed at the end, or in the one that was named. Its clock starts in the past and is turned forward, never beyond
//! now, so that a folder that is kept can be looked at later with `weir serve`.
//!
//! Of a configuration it takes what is rehearsed: monitors, receivers and routes. It takes one only when it is told to: nobody
//! shall be woken because a `weir.toml` happened to be in the folder.
//!
//! On failure: what is ended in its middle goes on from there when it is played again on the same folder.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use weir_demo::{
    Incident, IncidentClock, IncidentParts, Reached, SimulatedProvider, SimulatorConfig, past, play, reached,
};
use weir_types::{Clock as _, UnixMicros};

use super::simulated_providers;
use crate::cli::{IncidentName, ServeArgs};
use crate::cmd_serve::configured;
use crate::config::listeners::Listeners;
use crate::config::{self, Config, Overrides, Source};
use crate::wire::{self, Weir};
use crate::{log, output};

/// How long after the last tick an incident goes on: after everything that happened before it was ended.
const GOES_ON_AFTER_US: i64 = 3 * UnixMicros::MINUTE;

/// Records of the past that are appended at once.
const APPENDED_AT_ONCE: usize = 500;

/// Plays the incident with this name, or all of them.
pub fn run(name: IncidentName, args: &ServeArgs) -> anyhow::Result<ExitCode> {
    log::start(&rehearsed(args)?.log)?;
    let folder = Folder::new(args.data_dir.as_deref())?;
    let incidents = incidents(name);
    for incident in &incidents {
        // Each starts with what it needs and nothing else.
        let data_dir =
            if incidents.len() > 1 { folder.path.join(incident.monitor()) } else { folder.path.clone() };
        let mut config = rehearsed(args)?;
        config.store.data_dir = data_dir;
        let is_over = wire::background_runtime()?.block_on(play_in(*incident, config))?;
        if !is_over {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The defaults, with what is rehearsed of the configuration that was named.
fn rehearsed(args: &ServeArgs) -> anyhow::Result<Config> {
    let nothing = Source { path: None, text: String::new() };
    let overrides = Overrides { listen: args.listen.clone(), data_dir: None };
    let mut config = config::load(&nothing, &overrides, &|_| None).context("the defaults have mistakes")?;
    config.listeners = Listeners::only_dogstatsd();
    // The scores of an incident are those of its script.
    config.evaluation.evaluators.clear();
    if args.listen.is_none() {
        config.listen.set_port(0);
    }
    // The account is what people want to read.
    "error".clone_into(&mut config.log.level);
    if args.config.is_some() {
        let named = configured(args)?;
        config.log = named.log;
        config.monitors = named.monitors;
        config.notifications = named.notifications;
        config.prices = named.prices;
    }
    Ok(config)
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
    let clock = Arc::new(IncidentClock::behind(incident.takes_us()));
    let is_told = config.notifications.receivers().next().is_some();
    let weir = Weir::open(config, Arc::clone(&clock) as _, true).await?;
    // What a kill left in the journal is part of what happened.
    weir.store.flush().await?;
    output::print(&headline(incident, &weir, is_told))?;
    match reached(incident, &*weir.store.alerts()).await? {
        Reached::Nothing => write_past(incident, &weir, &clock).await?,
        Reached::Middle(tick) => clock.turn_to(tick.saturating_add_us(GOES_ON_AFTER_US)),
        Reached::End => {
            output::print(
                "It fired and recovered in this folder before; name another one to play it again.\n",
            )?;
            weir.serve(std::future::ready(())).await?;
            return Ok(true);
        }
    }
    let parts = parts(incident, &weir, clock, is_told)?;
    let mut playing = tokio::spawn(play(incident, parts));
    let mut played = None;
    let over = async {
        tokio::select! {
            () = wire::asked_to_end() => {}
            ended = &mut playing => played = Some(ended),
        }
    };
    weir.serve(over).await?;
    provider.stop().await;
    let Some(played) = played else {
        playing.abort();
        return Ok(false);
    };
    played??;
    output::print(&format!("\n{} fired and recovered.\n", incident.monitor()))?;
    Ok(true)
}

fn headline(incident: Incident, weir: &Weir, is_told: bool) -> String {
    let told =
        if is_told { "Your receivers are told" } else { "Nobody is told; with --config your receivers are" };
    format!(
        "\nAn incident for {}, to be watched at http://{}\nIts clock starts in the past, shows UTC, and is turned forward where \
         you would wait. {told}.\n\n",
        incident.monitor(),
        weir.address
    )
}

/// Writes what the monitor must know of the days before.
async fn write_past(incident: Incident, weir: &Weir, clock: &IncidentClock) -> anyhow::Result<()> {
    let (meter, sink, now) = (Arc::clone(&weir.meter), weir.store.sink(), clock.now());
    let written = tokio::task::spawn_blocking(move || {
        past(incident, now, &meter).chunks(APPENDED_AT_ONCE).try_for_each(|records| sink.append(records))
    });
    written.await??;
    weir.store.flush().await?;
    Ok(())
}

fn parts(
    incident: Incident,
    weir: &Weir,
    clock: Arc<IncidentClock>,
    is_told: bool,
) -> anyhow::Result<IncidentParts> {
    let port = weir.statsd_port.with_context(|| format!("{} needs DogStatsD", incident.monitor()))?;
    Ok(IncidentParts {
        gateway_url: format!("http://{}", weir.address),
        statsd: ([127, 0, 0, 1], port).into(),
        clock,
        scan: weir.store.scan(),
        alerts: weir.store.alerts(),
        is_told,
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
    fn new(named: Option<&Path>) -> io::Result<Self> {
        if let Some(path) = named {
            return Ok(Self { path: path.to_owned(), is_kept: true });
        }
        let path = std::env::temp_dir().join(format!("weir-incident-{}", std::process::id()));
        // A folder that is there already is somebody else's, or of a process that was killed: it is not used.
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path, is_kept: false })
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
