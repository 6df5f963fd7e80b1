//! Values on a grid, and how two sides of an operator meet.

use std::collections::HashMap;
use std::sync::Arc;

use weir_types::TagKey;

/// The values of the tags that a series is grouped by, in the order of the keys.
pub(crate) type Group = Vec<Option<Arc<str>>>;

/// One value for each window; `None` where there is none.
pub(crate) type Points = Vec<Option<f64>>;

/// What an expression evaluates to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// A constant.
    Constant(f64),
    /// Series.
    Series(SeriesSet),
}

/// Series with the same keys.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct SeriesSet {
    pub(crate) keys: Vec<TagKey>,
    /// Each group once, in the order in which the answer lists them.
    pub(crate) series: Vec<(Group, Points)>,
    /// The value of groups that are not listed; `None` when they have no values.
    pub(crate) absent: Option<f64>,
}

impl Value {
    /// Applies a function to every value. What is not finite is no value.
    pub(crate) fn map(self, apply: impl Fn(f64) -> f64) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(apply(value)),
            Self::Series(mut set) => {
                for point in set.series.iter_mut().flat_map(|(_, points)| points) {
                    *point = point.map(&apply).filter(|value| value.is_finite());
                }
                set.absent = set.absent.map(&apply).filter(|value| value.is_finite());
                Self::Series(set)
            }
        }
    }

    /// Applies an operator to every pair of values that meet.
    ///
    /// Groups meet when they agree on the tags that both sides have; so a side without groups meets every group of the
    /// other. A value that is missing on one side makes none, unless the side says what its absent groups are. What is
    /// not finite, such as a division by zero, is no value.
    pub(crate) fn join(self, other: Self, apply: impl Fn(f64, f64) -> f64) -> Self {
        match (self, other) {
            (Self::Constant(left), Self::Constant(right)) => Self::Constant(apply(left, right)),
            (Self::Constant(left), series) => series.map(|right| apply(left, right)),
            (series, Self::Constant(right)) => series.map(|left| apply(left, right)),
            (Self::Series(left), Self::Series(right)) => Self::Series(join_sets(left, right, apply)),
        }
    }

    /// The series; a constant is one series without tags.
    pub(crate) fn into_series(self, windows: usize) -> SeriesSet {
        match self {
            Self::Series(set) => set,
            Self::Constant(value) => {
                let point = Some(value).filter(|value| value.is_finite());
                SeriesSet { keys: Vec::new(), series: vec![(Vec::new(), vec![point; windows])], absent: None }
            }
        }
    }
}

fn join_sets(left: SeriesSet, right: SeriesSet, apply: impl Fn(f64, f64) -> f64) -> SeriesSet {
    // The checker has made sure that one side has all keys of the other.
    if left.keys.len() < right.keys.len() {
        return join_to_wider(right, &left, |wide, narrow| apply(narrow, wide));
    }
    join_to_wider(left, &right, apply)
}

/// Joins series with those of a side that has the same keys or fewer.
fn join_to_wider(wide: SeriesSet, narrow: &SeriesSet, apply: impl Fn(f64, f64) -> f64) -> SeriesSet {
    let finite = |value: f64| Some(value).filter(|value| value.is_finite());
    let pair = |a: Option<f64>, b: Option<f64>| a.zip(b).and_then(|(a, b)| finite(apply(a, b)));
    // For each key of the narrow side, its place among the keys of the wide one.
    let places: Vec<Option<usize>> =
        narrow.keys.iter().map(|key| wide.keys.iter().position(|other| other == key)).collect();
    let project = |group: &Group| -> Group {
        places.iter().map(|place| place.and_then(|place| group.get(place).cloned().flatten())).collect()
    };
    let by_group: HashMap<&Group, &Points> =
        narrow.series.iter().map(|(group, points)| (group, points)).collect();

    let same_keys = wide.keys.len() == narrow.keys.len();
    let mut met: Vec<Group> = Vec::new();
    let mut series = Vec::with_capacity(wide.series.len());
    for (group, points) in wide.series {
        let key = project(&group);
        let joined: Points = match by_group.get(&key) {
            Some(others) => points.iter().zip(*others).map(|(a, b)| pair(*a, *b)).collect(),
            None if narrow.absent.is_some() => points.iter().map(|a| pair(*a, narrow.absent)).collect(),
            None => continue,
        };
        series.push((group, joined));
        met.push(key);
    }
    if same_keys && wide.absent.is_some() {
        let met: std::collections::HashSet<&Group> = met.iter().collect();
        for (group, points) in narrow.series.iter().filter(|(group, _)| !met.contains(group)) {
            let restored = wide.keys.iter().map(|key| {
                let place = narrow.keys.iter().position(|other| other == key);
                place.and_then(|place| group.get(place).cloned().flatten())
            });
            series.push((restored.collect(), points.iter().map(|b| pair(wide.absent, *b)).collect()));
        }
    }
    let absent = if same_keys { pair(wide.absent, narrow.absent) } else { None };
    SeriesSet { keys: wide.keys, series, absent }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(keys: &[&str], series: &[(&[&str], &[Option<f64>])]) -> Value {
        Value::Series(SeriesSet {
            keys: keys.iter().map(|key| TagKey::new(key)).collect(),
            series: series
                .iter()
                .map(|(group, points)| (group.iter().map(|v| Some(Arc::from(*v))).collect(), points.to_vec()))
                .collect(),
            absent: None,
        })
    }

    #[test]
    fn groups_meet_by_tag_whatever_the_order_of_keys() {
        let left = set(&["model", "team"], &[(&["a", "x"], &[Some(6.0)])]);
        let right = set(&["team", "model"], &[(&["x", "a"], &[Some(3.0)]), (&["a", "x"], &[Some(9.0)])]);
        assert_eq!(left.join(right, |a, b| a / b), set(&["model", "team"], &[(&["a", "x"], &[Some(2.0)])]));
    }

    #[test]
    fn a_side_with_fewer_keys_meets_every_group_that_agrees() {
        let both = set(&["model", "team"], &[(&["a", "x"], &[Some(1.0)]), (&["b", "x"], &[Some(3.0)])]);
        let teams = set(&["team"], &[(&["x"], &[Some(4.0)])]);
        let shares = set(&["model", "team"], &[(&["a", "x"], &[Some(0.25)]), (&["b", "x"], &[Some(0.75)])]);
        assert_eq!(both.clone().join(teams.clone(), |a, b| a / b), shares);
        let inverse =
            set(&["model", "team"], &[(&["a", "x"], &[Some(4.0)]), (&["b", "x"], &[Some(4.0 / 3.0)])]);
        assert_eq!(teams.join(both, |a, b| a / b), inverse);
    }

    #[test]
    fn division_by_zero_and_missing_values_make_none() {
        let left = set(&[], &[(&[], &[Some(10.0), Some(10.0), None])]);
        let right = set(&[], &[(&[], &[Some(0.0), None, Some(1.0)])]);
        assert_eq!(left.join(right, |a, b| a / b), set(&[], &[(&[], &[None, None, None])]));
    }
}
