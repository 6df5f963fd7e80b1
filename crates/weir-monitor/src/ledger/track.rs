//! One selection as it is followed: its groups, its cells, and its windows.

use std::collections::HashMap;
use std::sync::Arc;

use weir_types::{Cell, CellDelta, Need, ScanRequest, ScanRow, Tags, TimeRange, UnixMicros, metric};

use super::rolling::{Rolling, Tiers};
use super::slots::{GroupNumber, SlotCells, Slots, SmallCell};
use super::{History, Keep, Selection, overflow_group};

/// Windows of one selection that are kept: monitors that share a selection have a few each.
const WINDOWS_MAX: usize = 64;

/// Series whose group is remembered, beyond four for each group; then they are looked up anew.
const SERIES_MAX: usize = 20_000;

type Group = Vec<Option<Arc<str>>>;

/// See the module.
pub(super) struct Track {
    selection: Selection,
    keep: Keep,
    position: u64,
    groups: Vec<Group>,
    /// Of each group the minute from which on its cells are its own; earlier ones were merged with those of others.
    own_from: Vec<UnixMicros>,
    /// The same for groups that get a number from now on.
    unmerged_from: UnixMicros,
    numbers: HashMap<Group, GroupNumber>,
    /// The numbers of groups in the order of groups; as long as them when it is up to date.
    order: Vec<GroupNumber>,
    /// Of each series its group; `None` when it is out of scope.
    series: HashMap<Tags, Option<GroupNumber>>,
    minutes: Slots,
    hours: Slots,
    /// From when on minutes and hours are complete.
    minutes_from: UnixMicros,
    hours_from: UnixMicros,
    /// The earliest minute that was ever seen.
    began: Option<UnixMicros>,
    is_over_limit: bool,
    windows: Vec<Rolling>,
    uses: u64,
}

impl Track {
    pub(super) fn new(selection: Selection, keep: Keep) -> Self {
        Self {
            selection,
            keep,
            position: 0,
            groups: Vec::new(),
            own_from: Vec::new(),
            unmerged_from: UnixMicros(i64::MIN),
            numbers: HashMap::new(),
            order: Vec::new(),
            series: HashMap::new(),
            minutes: Slots::new(UnixMicros::MINUTE),
            hours: Slots::new(UnixMicros::HOUR),
            minutes_from: UnixMicros(i64::MIN),
            hours_from: UnixMicros(i64::MIN),
            began: None,
            is_over_limit: false,
            windows: Vec::new(),
            uses: 0,
        }
    }

    pub(super) fn selection(&self) -> &Selection {
        &self.selection
    }

    pub(super) fn keep(&self) -> Keep {
        self.keep
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn is_over_limit(&self) -> bool {
        self.is_over_limit
    }

    pub(super) fn began(&self) -> Option<UnixMicros> {
        self.began
    }

    /// Takes in what the store knew.
    pub(super) fn load(&mut self, history: &History) {
        self.position = history.position;
        self.minutes_from = history.minutes_from;
        self.hours_from = history.hours_from;
        if history.began_before {
            self.began = Some(UnixMicros(i64::MIN));
        }
        self.number_by_size(history);
        for row in &history.hours {
            let group = self.number(row.group.clone());
            self.note_beginning(row.bucket);
            self.hours.add(row.bucket, group, &SmallCell::of(&row.cell, self.keep.histograms));
        }
        for row in &history.minutes {
            let group = self.number(row.group.clone());
            self.note_beginning(row.bucket);
            self.minutes.add(row.bucket, group, &SmallCell::of(&row.cell, self.keep.histograms));
        }
    }

    /// When there are more groups than are kept, those with the most values get the places.
    fn number_by_size(&mut self, history: &History) {
        let mut sizes: HashMap<&Group, u64> = HashMap::new();
        for row in history.hours.iter().chain(&history.minutes) {
            *sizes.entry(&row.group).or_default() += row.cell.count;
        }
        if sizes.len() <= self.keep.groups_max {
            return;
        }
        let mut groups: Vec<_> = sizes.into_iter().collect();
        groups.sort_by(|(a, a_size), (b, b_size)| b_size.cmp(a_size).then_with(|| a.cmp(b)));
        for (group, _) in groups.into_iter().take(self.keep.groups_max) {
            self.number(group.clone());
        }
    }

    /// Takes in minutes that a scan gave.
    pub(super) fn extend(&mut self, minutes: &[ScanRow]) {
        for row in minutes {
            let group = self.number(row.group.clone());
            self.add_cell(row.bucket, group, &row.cell);
        }
    }

    pub(super) fn add(&mut self, delta: &CellDelta) {
        if let Some(group) = self.group_of(&delta.key.tags) {
            self.add_cell(delta.minute, group, &delta.cell);
        }
    }

    fn add_cell(&mut self, minute: UnixMicros, group: GroupNumber, cell: &Cell) {
        let group = self.holder(group, minute);
        let cell = SmallCell::of(cell, self.keep.histograms);
        self.note_beginning(minute);
        self.minutes.add(minute, group, &cell);
        self.hours.add(minute, group, &cell);
        self.windows.iter_mut().for_each(|window| window.add_late(minute, group, &cell));
    }

    pub(super) fn take_away(&mut self, delta: &CellDelta) {
        let Some(group) = self.group_of(&delta.key.tags) else { return };
        let group = self.holder(group, delta.minute);
        let cell = SmallCell::of(&delta.cell, self.keep.histograms);
        self.minutes.take_away(delta.minute, group, &cell);
        self.hours.take_away(delta.minute, group, &cell);
        self.windows.iter_mut().for_each(|window| window.take_away(delta.minute, group, &cell));
    }

    /// Answers a scan; `None` when it asks for more than is kept.
    pub(super) fn scan(&mut self, request: &ScanRequest) -> Option<Vec<ScanRow>> {
        let with_histogram = request.need == Need::Histogram;
        if with_histogram && !self.keep.histograms || !self.tiers().cover(request.range) {
            return None;
        }
        match request.step_us {
            None => Some(self.scan_window(request.range, with_histogram)),
            Some(step_us) => Some(self.scan_buckets(request, step_us, with_histogram)),
        }
    }

    fn tiers(&self) -> Tiers<'_> {
        Tiers {
            minutes: &self.minutes,
            hours: &self.hours,
            minutes_from: self.minutes_from,
            hours_from: self.hours_from,
        }
    }

    fn scan_window(&mut self, range: TimeRange, with_histogram: bool) -> Vec<ScanRow> {
        let place = self.window(range);
        self.sort();
        let (groups, window) = (&self.groups, &self.windows[place]);
        // In the order of groups, so that those who sort the answer find it sorted.
        let rows = self.order.iter().filter_map(|group| {
            let cell = window.cell(*group, with_histogram)?;
            Some(ScanRow { group: groups[*group as usize].clone(), bucket: range.from, cell })
        });
        rows.collect()
    }

    /// Puts groups in order again when there are others than before.
    fn sort(&mut self) {
        if self.order.len() != self.groups.len() {
            self.order = (0..).take(self.groups.len()).collect();
            let groups = &self.groups;
            self.order.sort_unstable_by_key(|group| &groups[*group as usize]);
        }
    }

    /// The place of a window over a range: one that has moved there, or a new one.
    fn window(&mut self, range: TimeRange) -> usize {
        self.uses += 1;
        let tiers = Tiers {
            minutes: &self.minutes,
            hours: &self.hours,
            minutes_from: self.minutes_from,
            hours_from: self.hours_from,
        };
        let movable = self.windows.iter().enumerate().filter(|(_, window)| window.can_move_to(range));
        let nearest = movable.min_by_key(|(_, window)| window.distance_us(range)).map(|(place, _)| place);
        let place = match nearest {
            Some(place) if self.windows[place].moves_exactly_to(range, tiers) => {
                self.windows[place].move_to(range, tiers);
                place
            }
            Some(place) => {
                self.windows[place] = Rolling::over(range, tiers);
                place
            }
            None => {
                let window = Rolling::over(range, tiers);
                self.put(window)
            }
        };
        self.windows[place].used = self.uses;
        place
    }

    /// Keeps a window: in the place of the one that was not used for longest, when there are many.
    fn put(&mut self, window: Rolling) -> usize {
        if self.windows.len() < WINDOWS_MAX {
            self.windows.push(window);
            return self.windows.len() - 1;
        }
        let oldest = self.windows.iter().enumerate().min_by_key(|(_, window)| window.used);
        let place = oldest.map_or(0, |(place, _)| place);
        self.windows[place] = window;
        place
    }

    fn scan_buckets(&self, request: &ScanRequest, step_us: i64, with_histogram: bool) -> Vec<ScanRow> {
        let tiers = self.tiers();
        let mut merged: HashMap<(GroupNumber, UnixMicros), Cell> = HashMap::new();
        let mut start = request.range.from;
        while start < request.range.to {
            let since = start.0 - request.origin.0;
            let bucket = UnixMicros(request.origin.0 + since.div_euclid(step_us) * step_us);
            let end = bucket.saturating_add_us(step_us).min(request.range.to);
            for (_, cells) in tiers.between(TimeRange { from: start, to: end }) {
                merge_cells(&mut merged, bucket, cells, with_histogram);
            }
            start = end;
        }
        let rows = merged.into_iter().map(|((group, bucket), cell)| ScanRow {
            group: self.groups[group as usize].clone(),
            bucket,
            cell,
        });
        rows.collect()
    }

    /// Forgets what is older than is kept.
    pub(super) fn trim(&mut self, now: UnixMicros) {
        self.minutes_from = self.minutes_from.max(now.saturating_add_us(-self.keep.minutes_us));
        self.hours_from =
            self.hours_from.max(now.saturating_add_us(-self.keep.hours_us).floor_to(UnixMicros::HOUR));
        self.minutes.trim(self.minutes_from);
        self.hours.trim(self.hours_from);
        if self.series.len() > SERIES_MAX + 4 * self.groups.len() {
            self.series.clear();
        }
        self.forget_groups();
    }

    /// Gives the numbers of groups that have no cells any more to others, when they are the greater part.
    fn forget_groups(&mut self) {
        const WORTH_IT: usize = 1_024;
        if self.groups.len() < WORTH_IT && !self.is_over_limit {
            return;
        }
        let mut alive: Vec<GroupNumber> =
            self.minutes.all().chain(self.hours.all()).flat_map(|cells| cells.keys().copied()).collect();
        alive.sort_unstable();
        alive.dedup();
        if alive.len() * 2 > self.groups.len() {
            return;
        }
        self.note_merged();
        let numbers: HashMap<GroupNumber, GroupNumber> = alive.iter().copied().zip(0..).collect();
        self.minutes.renumber(&numbers);
        self.hours.renumber(&numbers);
        self.groups = alive.iter().map(|group| self.groups[*group as usize].clone()).collect();
        self.own_from = alive.iter().map(|group| self.own_from[*group as usize]).collect();
        self.numbers = self.groups.iter().cloned().zip(0..).collect();
        self.order.clear();
        self.series.clear();
        self.windows.clear();
        self.is_over_limit = false;
    }

    /// Cells of groups without a number were merged; those groups may get numbers now. What they were merged into stays
    /// theirs up to its last cell, so that what is taken away is taken from where it was put.
    fn note_merged(&mut self) {
        let Some(overflow) = self.numbers.get(&overflow_group(self.selection.by.len())) else { return };
        let end = self.minutes.end_of(*overflow).or_else(|| self.hours.end_of(*overflow));
        self.unmerged_from = end.map_or(self.unmerged_from, |end| end.max(self.unmerged_from));
    }

    /// The group that holds a group's cells of a minute: itself, or the one for all that have no number.
    fn holder(&mut self, group: GroupNumber, minute: UnixMicros) -> GroupNumber {
        if minute >= self.own_from[group as usize] { group } else { self.overflow() }
    }

    fn note_beginning(&mut self, at: UnixMicros) {
        self.began = Some(self.began.map_or(at, |began| began.min(at)));
    }

    fn group_of(&mut self, tags: &Tags) -> Option<GroupNumber> {
        if let Some(group) = self.series.get(tags) {
            return *group;
        }
        let is_in_scope = self.selection.scope.matches(&|key| tags.get(key));
        let group = is_in_scope.then(|| {
            let group = self.selection.by.iter().map(|key| tags.get(key.as_str()).map(Arc::from)).collect();
            self.number(group)
        });
        // What an event says comes once, and is long.
        if *self.selection.metric != *metric::EVENTS {
            self.series.insert(tags.clone(), group);
        }
        group
    }

    fn number(&mut self, group: Group) -> GroupNumber {
        if let Some(number) = self.numbers.get(&group) {
            return *number;
        }
        if self.groups.len() < self.keep.groups_max {
            return self.put_group(group, self.unmerged_from);
        }
        self.is_over_limit = true;
        self.overflow()
    }

    /// The number of the group for all that have none. It is there beyond the limit of groups.
    fn overflow(&mut self) -> GroupNumber {
        let group = overflow_group(self.selection.by.len());
        match self.numbers.get(&group) {
            Some(number) => *number,
            None => self.put_group(group, UnixMicros(i64::MIN)),
        }
    }

    /// Gives a group that has none a number.
    fn put_group(&mut self, group: Group, own_from: UnixMicros) -> GroupNumber {
        let number = GroupNumber::try_from(self.groups.len()).unwrap_or(GroupNumber::MAX);
        self.groups.push(group.clone());
        self.own_from.push(own_from);
        self.numbers.insert(group, number);
        number
    }
}

fn merge_cells(
    merged: &mut HashMap<(GroupNumber, UnixMicros), Cell>,
    bucket: UnixMicros,
    cells: &SlotCells,
    with_histogram: bool,
) {
    for (group, cell) in cells {
        let into = merged.entry((*group, bucket)).or_default();
        into.count = into.count.saturating_add(cell.count);
        into.sum_nano = into.sum_nano.saturating_add(cell.sum_nano);
        into.min = Some(into.min.map_or(cell.min, |min| min.min(cell.min)));
        into.max = Some(into.max.map_or(cell.max, |max| max.max(cell.max)));
        if let Some(histogram) = cell.histogram.as_ref().filter(|_| with_histogram) {
            into.histogram.merge(histogram);
        }
    }
}
