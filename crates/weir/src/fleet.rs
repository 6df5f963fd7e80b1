//! This gateway as one of a fleet that shares budgets and rate limits.
//!
//! It is told apart from others by an id in its data directory, which it keeps over restarts: what it says of itself
//! afterwards takes the place of what it had said before. Two gateways with copies of one data directory would take each
//! other's place, which is noticed and logged.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use weir_control::budget::{Fleet, FleetConfig, Ledger};
use weir_control::redis::Redis;
use weir_types::{Clock, IdGenerator};

use crate::config::RedisPlace;

/// The file with the id, in the data directory.
const ID_FILE: &str = "gateway-id";

/// What this gateway shares with others.
#[derive(Clone, Default)]
pub struct Shared {
    /// The server; `None` for a gateway that is alone.
    pub redis: Option<Arc<Redis>>,
    /// Those that limits are shared with; `None` where each gateway counts for itself.
    pub fleet: Option<Arc<Fleet>>,
}

/// Begins to connect with Redis, where one is named, and shares the limits of this ledger from now on.
pub fn open(
    place: Option<&RedisPlace>,
    ledger: &Arc<Ledger>,
    clock: &Arc<dyn Clock>,
    data_dir: &Path,
) -> anyhow::Result<Shared> {
    let Some(place) = place else { return Ok(Shared::default()) };
    let runtime = tokio::runtime::Handle::current();
    let redis = Arc::new(Redis::open(&place.url, place.password.as_ref(), &runtime)?);
    let mut shared = Shared { redis: Some(Arc::clone(&redis)), fleet: None };
    if let Some(on_unavailable) = place.limits {
        let config = FleetConfig::new(gateway_id(data_dir, &**clock)?, on_unavailable);
        shared.fleet = Some(Fleet::join(ledger, &redis, Arc::clone(clock), config));
    }
    Ok(shared)
}

/// The id that is in the data directory; a new one when there is none.
fn gateway_id(data_dir: &Path, clock: &dyn Clock) -> anyhow::Result<String> {
    let path = data_dir.join(ID_FILE);
    let known = std::fs::read_to_string(&path).ok().map(|text| text.trim().to_owned());
    if let Some(id) = known.filter(|id| is_id(id)) {
        return Ok(id);
    }
    let id = IdGenerator::new().span_id(clock.now()).to_string();
    std::fs::write(&path, format!("{id}\n"))
        .with_context(|| format!("cannot write the id of this gateway to {}", path.display()))?;
    Ok(id)
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use weir_types::SystemClock;

    use super::*;

    #[test]
    fn the_id_stays_the_same_and_a_broken_one_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let first = gateway_id(folder.path(), &SystemClock).unwrap();
        assert_eq!(gateway_id(folder.path(), &SystemClock).unwrap(), first);
        std::fs::write(folder.path().join(ID_FILE), "a:b").unwrap();
        assert!(is_id(&gateway_id(folder.path(), &SystemClock).unwrap()));
    }
}
