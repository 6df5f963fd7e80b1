//! An inlet whose records can be looked at.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use weir_ingest::{Inlet, InletParts};
use weir_meter::{Meter, PriceBook};
use weir_types::{Clock, Event, Point, Record, RecordSink, Score, SinkError, Span, UnixMicros};

/// When everything happens that states no time.
pub const NOW: UnixMicros = UnixMicros(1_700_000_000_000_000);

/// Keeps records in memory, and can be told to fail.
#[derive(Debug, Default)]
pub struct Kept {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    records: Vec<Record>,
    appends: usize,
    fails: bool,
}

struct Standing;

impl Clock for Standing {
    fn now(&self) -> UnixMicros {
        NOW
    }
}

impl RecordSink for Kept {
    fn append(&self, records: &[Record]) -> Result<(), SinkError> {
        let mut state = self.state.lock().unwrap();
        if state.fails {
            return Err(SinkError::Journal("no space left".to_owned()));
        }
        state.records.extend_from_slice(records);
        state.appends += 1;
        self.changed.notify_all();
        Ok(())
    }
}

/// An inlet whose clock stands, and what it keeps.
pub fn inlet() -> (Arc<Inlet>, Arc<Kept>) {
    inlet_by(Arc::new(Standing))
}

/// An inlet that goes by a clock, and what it keeps.
pub fn inlet_by(clock: Arc<dyn Clock>) -> (Arc<Inlet>, Arc<Kept>) {
    let kept = Arc::new(Kept::default());
    let meter = Arc::new(Meter::new(PriceBook::bundled()));
    let sink: Arc<dyn RecordSink> = Arc::clone(&kept) as _;
    (Arc::new(Inlet::new(InletParts { sink, meter, clock })), kept)
}

impl Kept {
    /// From now on appends fail, or succeed again.
    pub fn set_fails(&self, fails: bool) {
        self.state.lock().unwrap().fails = fails;
    }

    pub fn records(&self) -> Vec<Record> {
        self.state.lock().unwrap().records.clone()
    }

    pub fn appends(&self) -> usize {
        self.state.lock().unwrap().appends
    }

    pub fn spans(&self) -> Vec<Span> {
        let pick = |record| match record {
            Record::Span(span) => Some(*span),
            _ => None,
        };
        self.records().into_iter().filter_map(pick).collect()
    }

    pub fn scores(&self) -> Vec<Score> {
        let pick = |record| match record {
            Record::Score(score) => Some(*score),
            _ => None,
        };
        self.records().into_iter().filter_map(pick).collect()
    }

    pub fn points(&self) -> Vec<Point> {
        let pick = |record| match record {
            Record::Point(point) => Some(*point),
            _ => None,
        };
        self.records().into_iter().filter_map(pick).collect()
    }

    pub fn events(&self) -> Vec<Event> {
        let pick = |record| match record {
            Record::Event(event) => Some(*event),
            _ => None,
        };
        self.records().into_iter().filter_map(pick).collect()
    }

    /// Waits until what is kept fulfils the condition.
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&[Record]) -> bool) {
        let state = self.state.lock().unwrap();
        let limit = Duration::from_secs(30);
        let (state, result) =
            self.changed.wait_timeout_while(state, limit, |state| !is_so(&state.records)).unwrap();
        assert!(!result.timed_out(), "waited in vain for {what}: {} records", state.records.len());
    }
}
