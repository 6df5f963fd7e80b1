//! DogStatsD over real sockets: what the seed's own Python code emits, many at once, and what is wrong.

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::JoinHandle;

use tokio::sync::watch;
use weir_ingest::{Inlet, RefusalCount, dogstatsd};
use weir_types::{Clock, EventLevel, Point, PointKind, Record, UnixMicros};

use crate::kept::{self, Kept};

struct Receiver {
    inlet: Arc<Inlet>,
    kept: Arc<Kept>,
    client: UdpSocket,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Receiver {
    fn new() -> Self {
        Self::before(kept::inlet())
    }

    fn before((inlet, kept): (Arc<Inlet>, Arc<Kept>)) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(socket.local_addr().unwrap()).unwrap();
        let (stop, stopped) = watch::channel(false);
        let thread = dogstatsd::serve_udp(socket, Arc::clone(&inlet), stopped).unwrap();
        Self { inlet, kept, client, stop, thread }
    }

    fn send(&self, datagram: &str) {
        self.client.send(datagram.as_bytes()).unwrap();
    }

    /// Ends the receiver and returns what it kept and refused.
    fn finish(self) -> (Arc<Kept>, Vec<RefusalCount>) {
        self.stop.send(true).unwrap();
        self.thread.join().unwrap();
        (self.kept, self.inlet.refusals())
    }
}

fn told(point: &Point) -> String {
    let tags: Vec<_> = point.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{:?} {} {} {}", point.kind, point.name, point.value, tags.join(","))
}

#[test]
fn the_five_metrics_and_the_event_of_the_seed_are_kept_as_its_python_code_sends_them() {
    let receiver = Receiver::new();
    receiver.send("custom.llm.injection_risk_score:0.2|g|#session:s-1|c:ci-0123\n");
    receiver.send("custom.rag.retrieval_relevance:0.61|g|#index:faq,query_category:billing\n");
    receiver.send(
        "_e{21,71}:RAG Relevance Warning|Average relevance 0.61 below threshold for query category billing today|t:warning\n",
    );
    receiver.send("custom.llm.prompt_truncated:1|c|#agent:chat-assistant\n");
    receiver.send("custom.llm.cache_hit:1|c|#model:gpt-4o\ncustom.llm.cache_miss:1|c|#model:gpt-4o\n");
    receiver.kept.wait_until("the last of them", |records| {
        records
            .iter()
            .any(|record| matches!(record, Record::Point(point) if &*point.name == "custom.llm.cache_miss"))
    });
    let (kept, refusals) = receiver.finish();
    let mut points: Vec<_> = kept.points().iter().map(told).collect();
    points.sort();
    assert_eq!(
        points,
        [
            "Count custom.llm.cache_hit 1 model=gpt-4o",
            "Count custom.llm.cache_miss 1 model=gpt-4o",
            "Count custom.llm.prompt_truncated 1 agent=chat-assistant",
            "Gauge custom.llm.injection_risk_score 0.2 session=s-1",
            "Gauge custom.rag.retrieval_relevance 0.61 index=faq,query_category=billing",
        ]
    );
    let events = kept.events();
    assert_eq!(
        (events.len(), &*events[0].title, events[0].level),
        (1, "RAG Relevance Warning", EventLevel::Warning)
    );
    assert_eq!(refusals, []);
}

/// A clock that is looked at: an hour later each time.
#[derive(Default)]
struct Hours(AtomicI64);

impl Clock for Hours {
    fn now(&self) -> UnixMicros {
        UnixMicros(self.0.fetch_add(1, Ordering::SeqCst) * UnixMicros::HOUR)
    }
}

#[test]
fn a_sample_has_the_time_at_which_it_came_and_not_that_from_which_on_it_was_waited_for() {
    let clock = Arc::new(Hours::default());
    let receiver = Receiver::before(kept::inlet_by(Arc::clone(&clock) as _));
    receiver.send("a:1|g");
    receiver.kept.wait_until("the first", |records| records.len() == 1);
    // The receiver waits. Whatever it looked at before this is too early for what is sent now.
    let sent_at = clock.now();
    receiver.send("b:1|g");
    receiver.kept.wait_until("the second", |records| records.len() == 2);
    let (kept, _) = receiver.finish();
    let came_at = kept.points()[1].time;
    assert!(came_at > sent_at, "{came_at:?} is not after {sent_at:?}");
}

#[test]
fn ten_thousand_increments_become_few_records_and_none_is_lost() {
    let receiver = Receiver::new();
    for _ in 0..10_000 {
        receiver.send("hits:1|c|#model:gpt-4o");
    }
    let sum = |records: &[Record]| -> f64 {
        let value = |record: &Record| match record {
            Record::Point(point) => point.value,
            _ => 0.0,
        };
        records.iter().map(value).sum()
    };
    receiver.kept.wait_until("all increments", |records| sum(records) >= 10_000.0);
    let inlet = Arc::clone(&receiver.inlet);
    let (kept, refusals) = receiver.finish();
    assert!((sum(&kept.records()) - 10_000.0).abs() < 0.5 && refusals.is_empty());
    assert_eq!(inlet.accepted(dogstatsd::RECEIVER), 10_000);
    assert!(kept.records().len() <= 10_000 / 10, "{} records", kept.records().len());
}

#[test]
fn what_is_wrong_is_counted_by_reason_and_the_rest_is_kept() {
    let receiver = Receiver::new();
    receiver.send("a:1|c\na:x|c\na:1|zz\na:1|c|@7\n_e{9,9}:a|b\n_sc|x|9\ngarbage");
    receiver.client.send(&[0xff, 0xfe, b':', b'1']).unwrap();
    receiver.send("last:1|c");
    receiver.kept.wait_until("the last one", |records| {
        records.iter().any(|record| matches!(record, Record::Point(point) if &*point.name == "last"))
    });
    let (kept, refusals) = receiver.finish();
    assert_eq!(kept.points().len(), 2);
    let reasons: Vec<_> = refusals.iter().map(|refusal| (refusal.reason, refusal.count)).collect();
    let once = |reason| (reason, 1);
    assert_eq!(
        reasons,
        ["bad_check", "bad_event", "bad_metric", "bad_rate", "bad_type", "bad_value", "not_utf8"].map(once)
    );
}

#[test]
fn a_unix_socket_takes_large_datagrams_and_replaces_what_a_dead_process_left() {
    let (inlet, kept) = kept::inlet();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dsd.socket");
    drop(UnixDatagram::bind(&path).unwrap());
    let (stop, stopped) = watch::channel(false);
    let thread = dogstatsd::serve_unix(&path, Arc::clone(&inlet), stopped).unwrap();
    assert!(
        dogstatsd::serve_unix(&path, inlet, stop.subscribe()).is_err(),
        "the living one keeps its socket"
    );
    let client = UnixDatagram::unbound().unwrap();
    let lines: Vec<_> = (0..1_000).map(|i| format!("took:{i}|d|#route:/v1/chat")).collect();
    client.send_to(lines.join("\n").as_bytes(), &path).unwrap();
    kept.wait_until("all samples", |records| records.len() == 1_000);
    assert!(kept.points().iter().all(|point| point.kind == PointKind::Distribution));
    drop(stop);
    thread.join().unwrap();
}

#[test]
fn a_failing_journal_is_counted_and_the_receiver_goes_on() {
    let receiver = Receiver::new();
    receiver.kept.set_fails(true);
    receiver.send("lost:1|c\nlost:1|c");
    while receiver.inlet.refusals().is_empty() {
        std::thread::yield_now();
    }
    receiver.kept.set_fails(false);
    receiver.send("kept:1|c");
    receiver.kept.wait_until("the next", |records| !records.is_empty());
    let (kept, refusals) = receiver.finish();
    assert_eq!(&*kept.points()[0].name, "kept");
    assert_eq!((refusals[0].reason, refusals[0].count), ("journal", 2));
}
