//! Budgets over HTTP.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use weir_types::{BoxFuture, BudgetError, BudgetOutlook, BudgetStatus, Budgets, TimeRange, UnixMicros};

use crate::client::Weir;

/// Budgets in memory: the one that was saved last, half used.
#[derive(Default)]
pub struct FakeBudgets(Mutex<Option<(String, Value)>>);

impl Budgets for FakeBudgets {
    fn list(&self) -> Vec<BudgetStatus> {
        let saved = self.0.lock().unwrap().clone();
        let status = saved.map(|(name, entry)| BudgetStatus {
            name: Arc::from(name),
            kind: "budget",
            scope: "team:payments".into(),
            values: "".into(),
            measure: "usd",
            period: "day",
            timezone: "UTC".into(),
            window: Some(TimeRange { from: UnixMicros(0), to: UnixMicros(24 * UnixMicros::HOUR) }),
            amount: 200.0,
            limit: 300.0,
            settled: 90.0,
            reserved: 1.5,
            others: 10.0,
            warn_at: vec![0.8],
            mode: "enforce",
            on_shutoff: "reject",
            cheaper_model: None,
            is_exhausted: false,
            defined_in: "dashboard",
            outlook: Some(BudgetOutlook {
                projected: 310.0,
                low: 290.0,
                high: 330.0,
                exhausted_at: Some(UnixMicros(1_000)),
                periods: 8,
            }),
            entry,
        });
        status.into_iter().collect()
    }

    fn save<'a>(
        &'a self,
        name: &'a str,
        entry: &'a Value,
    ) -> BoxFuture<'a, Result<Option<Value>, BudgetError>> {
        Box::pin(async move {
            if entry.get("amount_usd").is_none() {
                return Err(BudgetError::Invalid { key: String::new(), message: "has no amount".to_owned() });
            }
            let before = self.0.lock().unwrap().replace((name.to_owned(), entry.clone()));
            Ok(before.map(|(_, entry)| entry))
        })
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Value, BudgetError>> {
        Box::pin(async move {
            let saved = self.0.lock().unwrap().take();
            saved.map(|(_, entry)| entry).ok_or_else(|| BudgetError::NotFound(name.to_owned()))
        })
    }
}

#[tokio::test]
async fn a_budget_is_made_shown_and_ended_and_all_of_it_is_in_the_audit_log() {
    let api = Weir::start().await;
    let entry = json!({"scope": {"team": "payments"}, "amount_usd": 200.0});
    let put = |entry: &Value| {
        api.call("PUT", "/api/budgets/pay%20team").json(&json!({"entry": entry, "by": "ana"}))
    };
    assert_eq!(put(&entry).send().await.status, 204);
    let budgets = api.get("/api/budgets").await.json();
    let budget = &budgets["budgets"][0];
    assert_eq!((&budget["name"], &budget["used"]), (&json!("pay team"), &json!(0.5)));
    assert_eq!(budget["outlook"]["exhausted_at_ms"], 1);
    assert_eq!(budget["entry"], entry);
    assert_eq!(api.call("DELETE", "/api/budgets/pay%20team?by=ben").send().await.status, 204);
    let audit = api.get("/api/audit?action=budget.").await.json();
    let log: Vec<_> =
        audit["entries"].as_array().unwrap().iter().map(|entry| (&entry["who"], &entry["action"])).collect();
    assert_eq!(log, [(&json!("ben"), &json!("budget.remove")), (&json!("ana"), &json!("budget.save"))]);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_says_why() {
    let api = Weir::start().await;
    let reply = api.call("PUT", "/api/budgets/x").json(&json!({"entry": {}})).send().await;
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("the budget has no amount"), "{}", reply.text());
    assert_eq!(api.call("DELETE", "/api/budgets/x").send().await.status, 404);
}
