//! The `[[budgets]]` and `[[rate_limits]]` of `weir.toml`.

use std::collections::HashSet;
use std::sync::Arc;

use weir_control::budget::{BudgetEntry, EntryFault, LimitKind, RateLimitEntry};

use super::resolve::Resolver;
use crate::budgeting::Configured;

impl Resolver<'_> {
    /// Holds the entries to what they can mean; mistakes are reported, each at its key.
    pub(super) fn budgets(&mut self, budgets: &[BudgetEntry], rates: &[RateLimitEntry]) -> Configured {
        let mut limits = Vec::new();
        for (at, entry) in budgets.iter().enumerate() {
            match entry.resolve() {
                Ok(spec) => limits.push((format!("budgets[{at}]"), spec)),
                Err(fault) => self.report_entry(&format!("budgets[{at}]"), &fault),
            }
        }
        for (at, entry) in rates.iter().enumerate() {
            match entry.resolve() {
                Ok(specs) => {
                    limits.extend(specs.into_iter().map(|spec| (format!("rate_limits[{at}]"), spec)));
                }
                Err(fault) => self.report_entry(&format!("rate_limits[{at}]"), &fault),
            }
        }
        let mut names = HashSet::<Arc<str>>::new();
        for (key, spec) in &limits {
            if !names.insert(Arc::clone(&spec.name)) {
                let message = format!("there are two limits with the name {:?}", spec.name);
                self.report::<()>(key, message, Some("give one of them another name"));
            }
        }
        let rates = limits.into_iter().map(|(_, spec)| spec).filter(|spec| spec.kind == LimitKind::Rate);
        Configured { budgets: budgets.to_vec(), rates: rates.collect() }
    }

    fn report_entry(&mut self, at: &str, fault: &EntryFault) {
        let key = if fault.key.is_empty() { at.to_owned() } else { format!("{at}.{}", fault.key) };
        self.report::<()>(&key, fault.message.clone(), None);
    }
}
