//! A receiver of webhooks, as somebody else would write one: it checks signatures as Standard Webhooks says, keeps what it
//! accepted, and refuses what it is told to.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha2::Sha256;

/// What messages are signed with: `whsec_` and the base64 of a key.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// One alert of one message.
#[derive(Debug, Clone)]
pub struct Told {
    pub webhook_id: String,
    pub monitor: String,
    pub alert_id: String,
    pub kind: String,
    pub state: String,
    pub message: String,
    /// All that was said of it.
    pub alert: Value,
}

/// See the module.
pub struct Hook {
    address: std::net::SocketAddr,
    kept: Arc<Kept>,
}

#[derive(Default)]
struct Kept {
    came: tokio::sync::Notify,
    /// The monitor of which nothing is accepted.
    refuses: Mutex<Option<String>>,
    told: Mutex<Vec<Told>>,
    refused: Mutex<Vec<Told>>,
}

impl Hook {
    pub async fn start() -> Self {
        let kept = Arc::new(Kept::default());
        let router = Router::new().route("/hook", post(receive)).with_state(Arc::clone(&kept));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, kept }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Returns when something comes, or has come since this was asked last.
    pub async fn next(&self) {
        self.kept.came.notified().await;
    }

    /// From now on messages about this monitor are refused, or none.
    pub fn refuse(&self, monitor: Option<&str>) {
        *self.kept.refuses.lock().unwrap() = monitor.map(str::to_owned);
    }

    /// What was accepted of a monitor, in order.
    pub fn told(&self, monitor: &str) -> Vec<Told> {
        of(&self.kept.told, monitor)
    }

    /// What was refused of a monitor, in order.
    pub fn refused(&self, monitor: &str) -> Vec<Told> {
        of(&self.kept.refused, monitor)
    }
}

fn of(kept: &Mutex<Vec<Told>>, monitor: &str) -> Vec<Told> {
    kept.lock().unwrap().iter().filter(|told| told.monitor == monitor).cloned().collect()
}

async fn receive(State(kept): State<Arc<Kept>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let id = header("webhook-id");
    if !is_signed(id, header("webhook-timestamp"), header("webhook-signature"), &body) {
        return StatusCode::UNAUTHORIZED;
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let told: Vec<Told> = body["data"]["alerts"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|alert| {
            let text = |key: &str| alert[key].as_str().unwrap_or_default().to_owned();
            Told {
                webhook_id: id.to_owned(),
                monitor: text("monitor"),
                alert_id: text("alert_id"),
                kind: text("kind"),
                state: text("state"),
                message: text("message"),
                alert: alert.clone(),
            }
        })
        .collect();
    let refused = kept.refuses.lock().unwrap().clone();
    let refuses = told.iter().any(|told| Some(&told.monitor) == refused.as_ref());
    let place = if refuses { &kept.refused } else { &kept.told };
    place.lock().unwrap().extend(told);
    kept.came.notify_one();
    if refuses { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::NO_CONTENT }
}

/// Whether one of the signatures is that of `id.timestamp.body`.
fn is_signed(id: &str, timestamp: &str, signatures: &str, body: &[u8]) -> bool {
    let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    signatures.split(' ').any(|signature| signature == expected)
}
