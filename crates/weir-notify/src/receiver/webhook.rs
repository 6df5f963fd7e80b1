//! Any server that takes JSON. Signed as [Standard Webhooks](https://www.standardwebhooks.com) says: `webhook-id` is the
//! delivery's id and stays over all attempts, `webhook-timestamp` is the attempt's, and `webhook-signature` has one
//! signature for each secret, so that secrets can be replaced without a gap.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use http::HeaderValue;
use serde_json::{Value, json};
use sha2::Sha256;
use weir_types::{NoticeKind, Secret, UnixMicros};

use super::{Outcome, Parcel, endpoint, outcome};
use crate::entry::ReceiverEntry;
use crate::http::{Endpoint, HttpClient, headers, secret_header};
use crate::message::{Item, Message, time_text, with_unit};
use crate::settings::Resolver;

/// What a secret in the form of Standard Webhooks begins with; base64 follows.
const SECRET_PREFIX: &str = "whsec_";

pub(super) struct Webhook {
    pub(super) endpoint: Endpoint,
    token: Option<Secret>,
    signing_secrets: Vec<Secret>,
}

impl Webhook {
    pub(super) fn read(entry: &ReceiverEntry, key: &str, resolver: &mut Resolver<'_>) -> Option<Self> {
        let token = entry.token.as_ref().and_then(|token| resolver.secret(format!("{key}.token"), token));
        let mut signing_secrets = Vec::with_capacity(entry.signing_secrets.len());
        for (i, reference) in entry.signing_secrets.iter().enumerate() {
            let key = format!("{key}.signing_secrets[{i}]");
            let Some(secret) = resolver.secret(key.clone(), reference) else { continue };
            if secret.expose().strip_prefix(SECRET_PREFIX).is_some_and(|text| STANDARD.decode(text).is_err())
            {
                resolver.report(key, format!("what follows {SECRET_PREFIX} is not base64"), "");
            }
            signing_secrets.push(secret);
        }
        Some(Self { endpoint: endpoint(entry, key, None, resolver)?, token, signing_secrets })
    }

    pub(super) async fn send(&self, client: &HttpClient, parcel: &Parcel<'_>) -> Outcome {
        let id = &*parcel.delivery.id;
        let timestamp = parcel.now.0.div_euclid(UnixMicros::SECOND).to_string();
        let signatures = self.signing_secrets.iter().map(|secret| {
            let signature = signature(secret, id, &timestamp, parcel.body);
            format!("v1,{signature}")
        });
        let signatures = signatures.collect::<Vec<_>>().join(" ");
        let text = |text: &str| HeaderValue::from_str(text).ok();
        let headers = headers([
            ("webhook-id", text(id)),
            ("webhook-timestamp", text(&timestamp)),
            ("webhook-signature", text(&signatures).filter(|signatures| !signatures.is_empty())),
            ("authorization", self.token.as_ref().and_then(|token| secret_header("Bearer ", token))),
        ]);
        let answer = client.post(&self.endpoint, headers, parcel.body.to_owned()).await;
        let secrets: Vec<&Secret> = self.signing_secrets.iter().chain(&self.token).collect();
        outcome(answer, &self.endpoint, &secrets)
    }
}

/// base64 of HMAC-SHA256 over `id.timestamp.body`.
fn signature(secret: &Secret, id: &str, timestamp: &str, body: &str) -> String {
    let text = secret.expose();
    let decoded = text.strip_prefix(SECRET_PREFIX).and_then(|text| STANDARD.decode(text).ok());
    let key = decoded.unwrap_or_else(|| text.as_bytes().to_vec());
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else {
        unreachable!("HMAC takes keys of any length");
    };
    for part in [id, ".", timestamp, ".", body] {
        mac.update(part.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

pub(super) fn render(message: &Message<'_>) -> Value {
    let alerts: Vec<Value> = message.items().map(|item| alert(&item)).collect();
    json!({
        "type": "weir.alerts",
        "timestamp": time_text(message.created_at),
        "data": {
            "delivery": message.delivery,
            "receiver": message.receiver,
            "title": message.title(),
            "is_repeat": message.is_repeat,
            "alerts": alerts,
        }
    })
}

fn alert(item: &Item<'_>) -> Value {
    let notice = item.notice;
    let transition = &notice.transition;
    let judgement = &transition.judgement;
    let object = |tags: &weir_types::Tags| -> Value {
        tags.iter().map(|(key, value)| (key.to_string(), Value::from(&**value))).collect()
    };
    let traces: Vec<Value> = item.traces().map(|(id, url)| json!({"id": id, "url": url})).collect();
    let text = |value: Option<f64>| value.map(|value| with_unit(value, &notice.unit));
    json!({
        "alert_id": notice.alert_id,
        "notice_id": notice.id,
        "kind": match notice.kind {
            NoticeKind::Trigger => "trigger",
            NoticeKind::Improve => "improve",
            NoticeKind::Recover => "recover",
            NoticeKind::Repeat => "repeat",
        },
        "title": item.title(),
        "monitor": transition.monitor,
        "state": transition.to.as_str(),
        "previous_state": transition.from.as_str(),
        "reason": transition.reason.as_str(),
        "group": object(&transition.group),
        "labels": object(&notice.labels),
        "message": item.text(),
        "value": judgement.value,
        "value_text": text(judgement.value),
        "threshold": judgement.threshold,
        "threshold_text": text(judgement.threshold),
        "unit": notice.unit,
        "baseline": judgement.baseline,
        "lower": judgement.lower,
        "upper": judgement.upper,
        "samples": judgement.samples,
        "since": time_text(notice.since),
        "at": time_text(transition.at),
        "details": item.details().collect::<Vec<_>>(),
        "url": item.url(),
        "traces": traces,
        "is_catching_up": notice.is_catching_up,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_standard() {
        // The example of the Standard Webhooks reference libraries.
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed =
            signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}");
        assert_eq!(signed, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
