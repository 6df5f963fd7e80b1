//! Where telemetry is received: standard ports, written addresses, unix sockets, or nothing.
//!
//! A client that was set up for a Datadog agent or an OpenTelemetry collector finds Weir without a change, so the standard
//! ports are the default. They are a wish: another program may hold one. An address that someone wrote is a demand.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::file;
use super::resolve::Resolver;

/// What in the file switches a receiver off.
const OFF: &str = "off";

/// Receivers by the names of their keys, each with its standard port.
const STANDARD: [(&str, u16); 4] =
    [("otlp_grpc", 4317), ("otlp_http", 4318), ("datadog", 8126), ("dogstatsd", 8125)];

/// Every receiver, open or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listeners {
    doors: Vec<Door>,
}

/// One address of one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// The receiver, by its key in `[listeners]`; a unix socket has the name of the receiver that it belongs to.
    pub name: &'static str,
    /// Where it is.
    pub place: Place,
    /// Whether someone wrote the address down: then it must be free.
    pub is_written: bool,
}

/// Where a receiver listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nowhere.
    Off,
    /// An address: UDP for `dogstatsd`, TCP for all others.
    Address(SocketAddr),
    /// A unix socket: of datagrams for `dogstatsd`, of streams for `datadog`.
    Socket(PathBuf),
}

impl Listeners {
    /// Nothing but DogStatsD, on any free port of the loopback.
    pub fn only_dogstatsd() -> Self {
        let place = Place::Address((Ipv4Addr::LOCALHOST, 0).into());
        Self { doors: vec![Door { name: "dogstatsd", place, is_written: true }] }
    }

    /// All of them, in a fixed order.
    pub fn doors(&self) -> &[Door] {
        &self.doors
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.pad(OFF),
            Self::Address(address) => fmt::Display::fmt(address, f),
            Self::Socket(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Resolver<'_> {
    /// Reads `[listeners]`; `has_token` says whether `server.admin_token` is set.
    pub(super) fn listeners(&mut self, written: &file::Listeners, has_token: bool) -> Listeners {
        let texts = [&written.otlp_grpc, &written.otlp_http, &written.datadog, &written.dogstatsd];
        let mut doors = Vec::new();
        for ((name, port), text) in STANDARD.into_iter().zip(texts) {
            let place = match text.as_deref() {
                None => Some(Place::Address((Ipv4Addr::LOCALHOST, port).into())),
                Some(OFF) => Some(Place::Off),
                Some(text) => self.door(name, text, has_token),
            };
            doors.extend(place.map(|place| Door { name, place, is_written: text.is_some() }));
        }
        let sockets = [("datadog", &written.datadog_socket), ("dogstatsd", &written.dogstatsd_socket)];
        for (name, path) in sockets {
            let place = path.clone().map(Place::Socket);
            doors.extend(place.map(|place| Door { name, place, is_written: true }));
        }
        Listeners { doors }
    }

    fn door(&mut self, name: &str, text: &str, has_token: bool) -> Option<Place> {
        let key = format!("listeners.{name}");
        let address = self.address(&key, text)?;
        if !address.ip().is_loopback() && !has_token {
            let message =
                format!("{address} can be reached from other machines, and that needs `server.admin_token`");
            let hint = "listen on 127.0.0.1, or set the token";
            return self.report(&key, message, Some(hint));
        }
        Some(Place::Address(address))
    }
}
