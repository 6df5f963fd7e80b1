//! Waiting for a condition instead of for a time.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use crate::TestError;

/// How long tests wait for what should take moments: long enough for a machine that is busy with other tests.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(10);

/// Polls until `condition` gives a value, and returns it; an error that names `what` after [`DEADLINE`].
pub async fn eventually<T>(
    what: &str,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> Result<T, TestError> {
    let started_at = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return Ok(value);
        }
        if started_at.elapsed() > DEADLINE {
            return Err(TestError::TimedOut { what: what.to_owned(), waited: DEADLINE });
        }
        tokio::time::sleep(POLL).await;
    }
}

/// An address of the loopback that nobody listens on at the moment.
pub fn free_address() -> Result<SocketAddr, TestError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(TestError::io("find a free port"))?;
    listener.local_addr().map_err(TestError::io("read the free port"))
}
