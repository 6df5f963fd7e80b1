//! Judging history: the same panel over a range of the past, for who watches a bar.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::task::JoinSet;
use weir_types::{Record, TimeRange, TraceId, UnixMicros};

use crate::error::EvaluateError;
use crate::judgement::scores_in;
use crate::panel::Panel;
use crate::traces::{AROUND_US, BATCH, Traces};

/// Judgements under way at once, those that wait for a place at the judge among them.
const UNDER_WAY_MAX: usize = 32;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BackFill {
    /// Traces that were looked at.
    pub traces: u64,
    /// Judgements that were made, or would have been.
    pub judgements: u64,
    /// Of these, how many asked a model, or would have.
    pub by_model: u64,
    /// Scores that were written.
    pub scores: u64,
    /// Judgements that failed.
    pub failed: u64,
    /// Why the first of them did.
    pub first_failure: Option<String>,
}

/// Judges what started in a range. `write` keeps records; `progress` hears how far it has come. A dry run only plans.
pub async fn back_fill(
    panel: &Arc<Panel>,
    traces: &dyn Traces,
    range: TimeRange,
    is_dry: bool,
    write: &mut dyn FnMut(Vec<Record>) -> Result<(), EvaluateError>,
    progress: &mut dyn FnMut(UnixMicros, &BackFill),
) -> Result<BackFill, EvaluateError> {
    let mut done = BackFill::default();
    let mut seen: HashSet<TraceId> = HashSet::new();
    let mut under_way = JoinSet::new();
    let mut after = None;
    loop {
        let page = traces.page(range, after.take())?;
        let fresh: Vec<_> = page.traces.into_iter().filter(|(id, _)| seen.insert(*id)).collect();
        for batch in fresh.chunks(BATCH) {
            let ids: Vec<_> = batch.iter().map(|(id, _)| *id).collect();
            let (first, last) = (batch[0].1, batch[batch.len() - 1].1);
            let around = TimeRange {
                from: first.saturating_add_us(-AROUND_US),
                to: last.saturating_add_us(AROUND_US),
            };
            for (spans, scores) in traces.whole(&ids, around)? {
                done.traces += 1;
                for task in panel.plan(&spans, &scores) {
                    done.judgements += 1;
                    done.by_model += u64::from(task.asks_model);
                    if is_dry {
                        continue;
                    }
                    while under_way.len() >= UNDER_WAY_MAX {
                        done.finish(under_way.join_next().await, write)?;
                    }
                    let panel = Arc::clone(panel);
                    under_way.spawn(async move { panel.perform(&task).await });
                }
            }
            progress(last, &done);
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    while let Some(ended) = under_way.join_next().await {
        done.finish(Some(ended), write)?;
        progress(range.to, &done);
    }
    Ok(done)
}

type Ended = Result<Result<Vec<Record>, EvaluateError>, tokio::task::JoinError>;

impl BackFill {
    fn finish(
        &mut self,
        ended: Option<Ended>,
        write: &mut dyn FnMut(Vec<Record>) -> Result<(), EvaluateError>,
    ) -> Result<(), EvaluateError> {
        let Some(ended) = ended else { return Ok(()) };
        match ended.unwrap_or(Err(EvaluateError::Ended)) {
            Ok(records) => {
                self.scores += scores_in(&records) as u64;
                if !records.is_empty() {
                    write(records)?;
                }
            }
            Err(error) => {
                self.failed += 1;
                self.first_failure.get_or_insert_with(|| error.to_string());
            }
        }
        Ok(())
    }
}
