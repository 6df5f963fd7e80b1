//! The notifier's task: started with the server, and waited for when it ends.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use weir_notify::{Notifier, Quiet};
use weir_store::SilenceCheck;

use crate::config::notifications::scopes;

/// A notifier at work.
pub struct Notifying {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Notifying {
    /// Starts it on this runtime.
    pub fn start(notifier: Notifier) -> Self {
        let (stop, stopped) = oneshot::channel();
        // Whether it is told or its owner is gone makes no difference.
        let shutdown = async move { drop(stopped.await) };
        Self { stop, task: tokio::spawn(notifier.run(shutdown)) }
    }

    /// Ends it when messages under way have ended; the rest waits in the store.
    pub async fn stop(self) {
        drop(self.stop);
        if self.task.await.is_err() {
            tracing::error!("the notifier ended early; notifications wait for the next start");
        }
    }
}

/// What the state store asks before it makes a silence: whether its scope, rule and time zone are understood.
pub fn silence_check() -> SilenceCheck {
    let scopes = scopes();
    Arc::new(move |silence| Quiet::from_silence(silence, &scopes).map(drop))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::http::HeaderMap;
    use axum::routing::post;
    use weir_notify::NotifierParts;
    use weir_store::{Store, StoreConfig};
    use weir_types::{
        AlertState, AlertStoreError, Delivery, DeliveryState, Judgement, Notice, NoticeKind, Silence,
        SystemClock, TickCommit, Transition, TransitionReason, UnixMicros,
    };

    use super::*;
    use crate::config::{Overrides, Source, load};

    const TICK: UnixMicros = UnixMicros(1_763_112_600_000_000);

    type Arrived = Arc<Mutex<Vec<(String, String)>>>;

    /// A receiver on a free port that keeps ids and bodies.
    async fn receiver() -> (String, Arrived) {
        let arrived = Arrived::default();
        let keeping = Arc::clone(&arrived);
        let keep = post(move |headers: HeaderMap, body: String| async move {
            let id = headers.get("webhook-id").map(|id| id.to_str().unwrap().to_owned());
            keeping.lock().unwrap().push((id.unwrap(), body));
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let app = axum::Router::new().route("/hook", keep);
        tokio::spawn(async move { axum::serve(listener, app).await });
        (url, arrived)
    }

    fn notifier(store: &Store, url: &str) -> Notifier {
        let text = format!(
            "[[receivers]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"{url}\"\nallow_private = true\n\
             [routing]\ngroup_wait = \"0s\"\n"
        );
        let config = load(&Source { path: None, text }, &Overrides::default(), &|_| None).unwrap();
        Notifier::new(NotifierParts {
            store: store.alerts(),
            clock: Arc::new(SystemClock),
            settings: config.notifications,
            base_url: "https://weir.example.com".into(),
        })
        .unwrap()
    }

    fn alert() -> TickCommit {
        let transition = Transition {
            monitor: "p95".into(),
            revision: "r".into(),
            group: [("model", "gpt-4o")].into_iter().collect(),
            seq: 1,
            alert_id: "alert-1".into(),
            at: TICK,
            from: AlertState::Ok,
            to: AlertState::Alert,
            reason: TransitionReason::Crossed,
            judgement: Judgement { value: Some(12.5), ..Judgement::default() },
            message: "slow".into(),
            exemplars: Vec::new(),
            details: Vec::new(),
        };
        let notice = Notice {
            id: "notice-1".into(),
            alert_id: "alert-1".into(),
            kind: NoticeKind::Trigger,
            transition: transition.clone(),
            since: TICK,
            unit: "ms".into(),
            labels: weir_types::Tags::new(),
            notify: Vec::new(),
            path: "/monitors/p95".into(),
            score: None,
            is_catching_up: false,
        };
        TickCommit {
            tick: TICK,
            transitions: vec![transition],
            notices: vec![notice],
            ..TickCommit::default()
        }
    }

    #[tokio::test]
    async fn a_notice_that_was_committed_before_a_restart_is_told_once_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let (url, arrived) = receiver().await;
        let store = Store::open(StoreConfig::at(dir.path()), Arc::new(SystemClock)).await.unwrap();
        store.alerts().commit(&alert()).await.unwrap();
        store.close().await.unwrap();

        let store = Store::open(StoreConfig::at(dir.path()), Arc::new(SystemClock)).await.unwrap();
        let notifying = Notifying::start(notifier(&store, &url));
        let is_delivered = |delivery: &Delivery| delivery.state == DeliveryState::Delivered;
        weir_testkit::eventually("the delivery is written down", async || {
            let log = store.alerts().deliveries(Some("p95"), 9).await.unwrap();
            log.first().is_some_and(is_delivered).then_some(())
        })
        .await
        .unwrap();
        notifying.stop().await;
        // What another start finds is done.
        notifier(&store, &url).settle().await.unwrap();
        let arrived = arrived.lock().unwrap().clone();
        assert_eq!(arrived.len(), 1, "{arrived:?}");
        let log = store.alerts().deliveries(None, 9).await.unwrap();
        assert_eq!(*arrived[0].0, *log[0].id);
        assert!(arrived[0].1.contains("\"title\":\"[ALERT] p95 model:gpt-4o\""), "{}", arrived[0].1);
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_silence_that_is_not_understood_is_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(StoreConfig::at(dir.path()), Arc::new(SystemClock)).await.unwrap();
        let alerts = store.alerts_with_check(silence_check());
        let good = Silence {
            id: "".into(),
            scope: "monitor:p95-* AND NOT team:payments".into(),
            starts_at: TICK,
            ends_at: UnixMicros(TICK.0 + UnixMicros::HOUR),
            rrule: Some("FREQ=WEEKLY;BYDAY=SA".into()),
            tz: Some("Europe/Berlin".into()),
            by: "ann".into(),
            note: "".into(),
            created_at: TICK,
        };
        alerts.silence(good.clone()).await.unwrap();
        for wrong in [
            Silence { scope: "monitor:(".into(), ..good.clone() },
            Silence { rrule: Some("FREQ=HOURLY".into()), ..good.clone() },
            Silence { tz: Some("Europe/Atlantis".into()), ..good.clone() },
        ] {
            let refused = alerts.silence(wrong).await;
            assert!(matches!(refused, Err(AlertStoreError::Invalid(_))), "{refused:?}");
        }
    }
}
