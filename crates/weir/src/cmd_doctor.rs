//! `weir doctor`: looks at configuration, data, the running Weir and its providers, or at the environment of a client,
//! and says what is wrong.

mod client_setup;

use std::fmt::Write as _;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Duration;

use weir_api::wire::{ReceiverState, ServerStatus, UpstreamState};
use weir_gateway::ProviderConfig;

use crate::cli::DoctorArgs;
use crate::client::Client;
use crate::config::{self, Config, Overrides, Source};
use crate::output;

/// How long a provider's address may take to answer a connection.
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// Appends that have not reached the store; more than this, some seconds of a busy gateway, is worth a look.
const BEHIND_MAX: u64 = 100_000;

/// Findings, with a mark for each.
#[derive(Default)]
struct Findings {
    text: String,
    faults: usize,
}

impl Findings {
    fn good(&mut self, what: &str) {
        self.say("ok", what);
    }

    fn note(&mut self, what: &str) {
        self.say("note", what);
    }

    fn say(&mut self, mark: &str, text: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "  {mark:4}  {text}");
    }

    /// Lines to copy, under a heading.
    fn paragraph(&mut self, heading: &str, lines: &str) {
        let _ = writeln!(self.text, "\n{heading}\n{lines}");
    }

    fn bad(&mut self, what: &str, advice: &str) {
        self.faults += 1;
        self.say("BAD", what);
        self.say("", advice);
    }
}

/// Looks and tells; the exit status is 1 when something is wrong.
pub fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let mut findings = Findings::default();
    let source = Source::find(args.server.config.as_deref())?;
    let loaded = config::load(&source, &Overrides::default(), &|name| std::env::var(name).ok());
    let config = match loaded {
        Ok(config) => {
            findings.good(&format!("configuration: {}", source.name()));
            Some(config)
        }
        Err(problems) => {
            let plural = if problems.len() == 1 { "mistake" } else { "mistakes" };
            findings.bad(
                &format!("configuration: {} {plural} in {}", problems.len(), source.name()),
                "see `weir check`",
            );
            None
        }
    };
    if let Some(config) = config.as_ref().filter(|_| args.client.is_none()) {
        look_at_providers(config, &mut findings);
    }
    let address =
        config.as_ref().map_or_else(|| "127.0.0.1:7070".to_owned(), |config| config.listen.to_string());
    let url = args.server.server.clone().unwrap_or_else(|| format!("http://{address}"));
    let status = look_at_server(&Client::new(&url, args.server.token.clone()), &url, &mut findings);
    if let Some(language) = args.client {
        let receivers = status.as_ref().map(|status| status.receivers.as_slice());
        let at = client_setup::Addresses::of(&url, receivers);
        client_setup::look(language, &at, &|name| std::env::var(name).ok(), &mut findings);
    }
    let verdict = match findings.faults {
        0 => "nothing is wrong\n".to_owned(),
        1 => "1 thing is wrong\n".to_owned(),
        n => format!("{n} things are wrong\n"),
    };
    output::print(&(findings.text + &verdict))?;
    Ok(if findings.faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn look_at_providers(config: &Config, findings: &mut Findings) {
    for provider in &config.gateway.providers {
        let name = &provider.name;
        match reach(provider) {
            Ok(()) => findings.good(&format!("provider {name}: {} accepts connections", provider.base_url)),
            Err(error) => findings.bad(
                &format!("provider {name}: {} cannot be reached: {error}", provider.base_url),
                "is the address right, and may this machine reach it?",
            ),
        }
        if provider.api_key.is_none() {
            findings.note(&format!("provider {name}: no api_key; the client's own key is passed on"));
        }
    }
}

fn reach(provider: &ProviderConfig) -> anyhow::Result<()> {
    let url = &provider.base_url;
    let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let port = url.port_u16().unwrap_or(if url.scheme_str() == Some("http") { 80 } else { 443 });
    let mut last = anyhow::anyhow!("{host} has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_MAX) {
            Ok(_) => return Ok(()),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

fn look_at_server(client: &Client, url: &str, findings: &mut Findings) -> Option<ServerStatus> {
    if let Err(error) = client.ready() {
        findings.bad(
            &format!("no Weir answers at {url}: {error}"),
            "start one with `weir serve`, or name one with --server",
        );
        return None;
    }
    let status: ServerStatus = match client.get("/api/status", &[]) {
        Ok(status) => status,
        Err(error) => {
            findings.bad(&format!("{url} does not tell its status: {error}"), "is the token right?");
            return None;
        }
    };
    findings.good(&format!("Weir {} answers at {url}", status.version));
    match &status.store.last_error {
        Some(error) => findings
            .bad(&format!("the store cannot be written: {error}"), "calls go on, the journal keeps them"),
        None if status.store.behind_appends > BEHIND_MAX => {
            findings
                .bad("the store is far behind the journal", "is the disk slow, or is a long query running?");
        }
        None => {
            findings.good(&format!("store: {} spans written since the start", status.store.records.spans));
        }
    }
    for upstream in &status.upstreams {
        let name = &upstream.provider;
        if upstream.breaker == UpstreamState::Open {
            findings.bad(
                &format!("provider {name}: too many calls failed, it is left alone for a while"),
                "see the errors of its last calls",
            );
        }
    }
    for receiver in &status.receivers {
        let (name, address) = (&receiver.name, receiver.address.as_deref().unwrap_or_default());
        if receiver.state == ReceiverState::Taken {
            findings.note(&format!(
                "receiver {name}: {address} is held by another program, so clients that send there do not reach Weir; \
                 free it, or set listeners.{name}"
            ));
        }
        for refusal in &receiver.refusals {
            findings.note(&format!("receiver {name}: {} refused, reason {}", refusal.count, refusal.reason));
        }
    }
    if status.last_span_at_ms.is_none() {
        findings.note(&format!("no call was seen yet; point a client at {url}/v1"));
    }
    Some(status)
}
