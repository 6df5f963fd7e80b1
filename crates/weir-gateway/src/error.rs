//! Why a gateway cannot start. What clients are told when a call is refused is [`crate::refusal`].

use std::io;
use std::sync::Arc;

/// Why a gateway cannot start or serve.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The configuration makes no sense; every fault is listed.
    #[error("{}", joined(.0))]
    Config(Vec<ConfigFault>),
    /// An `https` upstream is configured and the system has no usable root certificates.
    #[error("cannot load the system's root certificates, which https upstreams need: {0}")]
    RootCertificates(io::Error),
    /// The data that came with this build is damaged.
    #[error("data/providers.toml of this build is damaged: {0}")]
    KnownProviders(#[from] toml::de::Error),
    /// A worker thread or its event loop could not be started.
    #[error("cannot start gateway worker {index}: {source}")]
    Worker {
        /// Which worker.
        index: usize,
        /// What the system said.
        source: io::Error,
    },
    /// A listener could not be used.
    #[error("cannot listen: {0}")]
    Listen(io::Error),
}

/// One thing that is wrong in a [`crate::GatewayConfig`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigFault {
    /// Two providers have one name.
    #[error("two providers are named {name:?}; names must differ")]
    DuplicateProvider {
        /// The name.
        name: Arc<str>,
    },
    /// The name cannot be part of a path.
    #[error("provider name {name:?} must be letters, digits, `-`, `_` and `.`: it is part of paths")]
    BadName {
        /// The name.
        name: Arc<str>,
    },
    /// The name is the beginning of other paths.
    #[error(
        "no provider can be named {name:?}: paths that begin with it mean something else; choose another name"
    )]
    ReservedName {
        /// The name.
        name: Arc<str>,
    },
    /// The base URL names no host, or a scheme that is not HTTP.
    #[error("provider {name:?}: base_url {base_url:?} must begin with http:// or https:// and name a host")]
    BadBaseUrl {
        /// The provider.
        name: Arc<str>,
        /// Its base URL.
        base_url: String,
    },
    /// The key cannot be part of a header.
    #[error(
        "provider {name:?}: api_key has characters that no HTTP header can carry; is there a newline in it?"
    )]
    BadKey {
        /// The provider.
        name: Arc<str>,
    },
    /// A route leads nowhere.
    #[error("route {model:?} has no targets; name at least one provider in `targets`")]
    RouteWithoutTarget {
        /// The route's pattern.
        model: Arc<str>,
    },
    /// A route leads to a provider that is not configured.
    #[error("route {model:?}: there is no provider {provider:?}; configured are: {configured}")]
    UnknownTarget {
        /// The route's pattern.
        model: Arc<str>,
        /// The name that is not known.
        provider: Arc<str>,
        /// The names that are.
        configured: String,
    },
}

fn joined(faults: &[ConfigFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
