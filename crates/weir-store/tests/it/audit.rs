//! The audit log: added to, never changed, found again.

use serde_json::json;
use weir_types::{AUDIT_BYTES_MAX, AuditFilter, NewAuditEntry};

use crate::support::{START, open};

fn entry(who: &str, action: &str, target: &str) -> NewAuditEntry {
    NewAuditEntry {
        who: who.into(),
        action: action.into(),
        target: target.into(),
        ..NewAuditEntry::default()
    }
}

#[tokio::test]
async fn entries_survive_a_restart_and_are_found_by_who_what_and_which() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let audit = store.audit();
    let change = NewAuditEntry {
        before: Some(json!({"for": "5m"})),
        after: Some(json!({"for": "9m"})),
        ..entry("ann", "monitor.save", "p95")
    };
    let first = audit.append(change).await.unwrap();
    assert_eq!((first.number, first.at), (1, START));
    let second = audit.append(entry("bob", "silence.create", "sil_1")).await.unwrap();
    let third = audit.append(entry("ann", "silence.end", "sil_1")).await.unwrap();
    store.close().await.unwrap();

    let audit = open(dir.path()).await.audit();
    let all = AuditFilter::default();
    for (filter, expected) in [
        (all.clone(), vec![&third, &second, &first]),
        (AuditFilter { who: Some("ann".into()), ..all.clone() }, vec![&third, &first]),
        (AuditFilter { action: Some("silence.".into()), ..all.clone() }, vec![&third, &second]),
        (AuditFilter { action: Some("silence".into()), ..all.clone() }, vec![]),
        (AuditFilter { action: Some("silence.end".into()), ..all.clone() }, vec![&third]),
        (AuditFilter { target: Some("p95".into()), ..all.clone() }, vec![&first]),
        (AuditFilter { before_number: Some(3), ..all.clone() }, vec![&second, &first]),
        (AuditFilter { to: Some(START), ..all.clone() }, vec![]),
        (AuditFilter { from: Some(START), ..all.clone() }, vec![&third, &second, &first]),
    ] {
        let found = audit.list(10, &filter).await.unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
    }
    assert_eq!(audit.list(1, &all).await.unwrap(), [third]);
}

#[tokio::test]
async fn a_value_that_is_too_large_leaves_its_size() {
    let dir = tempfile::tempdir().unwrap();
    let audit = open(dir.path()).await.audit();
    let large = json!("x".repeat(AUDIT_BYTES_MAX));
    let written =
        audit.append(NewAuditEntry { after: Some(large), ..entry("ann", "a.b", "c") }).await.unwrap();
    assert_eq!(written.after, Some(json!({"omitted_bytes": AUDIT_BYTES_MAX + 2})));
    assert_eq!(audit.list(1, &AuditFilter::default()).await.unwrap(), [written]);
}
