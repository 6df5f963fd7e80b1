//! What tests do with a real Redis.

use std::sync::Arc;

use weir_control::redis::Redis;
use weir_testkit::RedisServer;

use super::patiently;

/// A connection, once there is one.
pub async fn connection(server: &RedisServer) -> Arc<Redis> {
    let redis = Arc::new(Redis::open(&server.url(), None, &tokio::runtime::Handle::current()).unwrap());
    connected(&redis).await;
    redis
}

/// Waits until something is connected.
pub async fn connected(redis: &Redis) {
    let connected = async {
        while !redis.is_connected() {
            tokio::task::yield_now().await;
        }
    };
    patiently("a connection to redis", connected).await;
}

/// Waits until the server holds so many keys.
pub async fn holds(server: &RedisServer, count: u64) {
    let redis = connection(server).await;
    let counted = async { while redis.run::<u64>(&::redis::cmd("DBSIZE")).await != Ok(count) {} };
    patiently("keys in redis", counted).await;
}
