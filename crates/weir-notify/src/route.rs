//! The routing tree: who hears of an alert, and in which message.

use std::sync::Arc;

use weir_types::{Notice, Scope, TagKey};

/// What notices are grouped by and how long groups wait, in microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grouping {
    pub(crate) by: Vec<TagKey>,
    pub(crate) wait_us: i64,
    pub(crate) interval_us: i64,
    /// After how long an unchanged alert is told again.
    pub(crate) repeat_us: Option<i64>,
}

/// A node of the tree, with everything that it takes from the nodes above it.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    /// Its place in the tree, such as `0.2`: a part of the name of its groups.
    pub(crate) id: Arc<str>,
    pub(crate) scope: Scope,
    pub(crate) receiver: Option<Arc<str>>,
    pub(crate) continues: bool,
    pub(crate) grouping: Arc<Grouping>,
    pub(crate) routes: Vec<Route>,
}

/// That a receiver hears of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) receiver: Arc<str>,
    pub(crate) route: Arc<str>,
    pub(crate) grouping: Arc<Grouping>,
}

impl Route {
    /// Who hears of a notice: each receiver once, by the first route that leads to it.
    pub(crate) fn targets(&self, notice: &Notice) -> Vec<Target> {
        let mut targets = Vec::new();
        if notice.notify.is_empty() {
            self.walk(notice, &mut targets);
        } else {
            for receiver in &notice.notify {
                add(&mut targets, self.target_for(receiver, "named"));
            }
        }
        targets
    }

    /// A target with the grouping of this node.
    pub(crate) fn target_for(&self, receiver: &Arc<str>, route: &str) -> Target {
        Target {
            receiver: Arc::clone(receiver),
            route: Arc::from(route),
            grouping: Arc::clone(&self.grouping),
        }
    }

    /// The first route within that matches takes the notice, and those after one that continues; without one this node
    /// does.
    fn walk(&self, notice: &Notice, targets: &mut Vec<Target>) {
        let mut is_taken = false;
        for route in self.routes.iter().filter(|route| matches(&route.scope, notice)) {
            is_taken = true;
            route.walk(notice, targets);
            if !route.continues {
                break;
            }
        }
        if let (false, Some(receiver)) = (is_taken, &self.receiver) {
            add(targets, self.target_for(receiver, &self.id));
        }
    }
}

fn add(targets: &mut Vec<Target>, target: Target) {
    if targets.iter().all(|other| other.receiver != target.receiver) {
        targets.push(target);
    }
}

/// A tag of a notice: of its group, a label of its monitor, `monitor` or `state`.
pub(crate) fn tag<'n>(notice: &'n Notice, key: &str) -> Option<&'n str> {
    match key {
        "monitor" => Some(&notice.transition.monitor),
        "state" => Some(notice.transition.to.as_str()),
        _ => notice.transition.group.get(key).or_else(|| notice.labels.get(key)),
    }
}

pub(crate) fn matches(scope: &Scope, notice: &Notice) -> bool {
    scope.matches(&|key| tag(notice, key))
}

/// An alert that makes others needless.
#[derive(Debug, Clone)]
pub(crate) struct Inhibition {
    pub(crate) source: Scope,
    pub(crate) target: Scope,
    pub(crate) equal: Vec<TagKey>,
}

impl Inhibition {
    /// Whether an alert that is there makes a notice needless. Alerts that are both source and target do not silence each
    /// other, and no alert silences itself.
    pub(crate) fn holds(&self, active: &Notice, notice: &Notice) -> bool {
        active.alert_id != notice.alert_id
            && matches(&self.source, active)
            && matches(&self.target, notice)
            && !(matches(&self.target, active) && matches(&self.source, notice))
            && self.equal.iter().all(|key| tag(active, key.as_str()) == tag(notice, key.as_str()))
    }
}
