//! Documents: kept over restarts, changed by one person at a time.

use serde_json::json;
use weir_types::{DOCUMENT_BYTES_MAX, DocumentChange, DocumentError, DocumentKind, NewDocument, UnixMicros};

use crate::support::{START, TurnedClock, config, open};

fn new(kind: DocumentKind, name: &str) -> NewDocument {
    NewDocument { kind, name: name.into(), body: json!({"panels": [1, 2], "title": "Größe"}) }
}

#[tokio::test]
async fn documents_survive_a_restart_and_are_listed_by_kind_and_name() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let documents = store.documents();
    let second = documents.create(new(DocumentKind::View, "b")).await.unwrap();
    let first = documents.create(new(DocumentKind::View, "a")).await.unwrap();
    let panel = documents.create(new(DocumentKind::Panel, "c")).await.unwrap();
    assert!(first.id.starts_with("doc_") && first.id != second.id, "{first:?}");
    assert_eq!((first.created_at, first.updated_at, first.revision), (START, START, 1));
    store.close().await.unwrap();
    let documents = open(dir.path()).await.documents();
    assert_eq!(documents.list(Some(DocumentKind::View)).await, Ok(vec![first.clone(), second.clone()]));
    assert_eq!(documents.list(None).await, Ok(vec![first.clone(), second, panel]));
    assert_eq!(documents.get(&first.id).await, Ok(first));
}

#[tokio::test]
async fn a_change_to_an_old_revision_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TurnedClock::at(START);
    let store = weir_store::Store::open(config(dir.path()), clock.clone()).await.unwrap();
    let documents = store.documents();
    let made = documents.create(new(DocumentKind::Dashboard, "cost")).await.unwrap();
    clock.turn(UnixMicros::SECOND);
    let change = |name: &str, revision| DocumentChange { name: name.into(), body: json!([name]), revision };
    let changed = documents.replace(&made.id, change("mine", 1)).await.unwrap();
    assert_eq!((&*changed.name, changed.body.clone(), changed.revision), ("mine", json!(["mine"]), 2));
    assert_eq!(changed.updated_at, START.saturating_add_us(UnixMicros::SECOND));
    assert_eq!(changed.created_at, START);
    let refused = documents.replace(&made.id, change("theirs", 1)).await;
    assert_eq!(refused, Err(DocumentError::Conflict { kept: 2, changed: 1 }));
    assert_eq!(documents.get(&made.id).await, Ok(changed));
}

#[tokio::test]
async fn what_was_deleted_or_never_was_is_not_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let documents = store.documents();
    let made = documents.create(new(DocumentKind::View, "x")).await.unwrap();
    documents.delete(&made.id).await.unwrap();
    let gone = DocumentError::NotFound(made.id.to_string());
    let change = DocumentChange { name: "x".into(), body: json!(1), revision: 1 };
    assert_eq!(documents.delete(&made.id).await, Err(gone.clone()));
    assert_eq!(documents.get(&made.id).await, Err(gone.clone()));
    assert_eq!(documents.replace(&made.id, change).await, Err(gone));
}

#[tokio::test]
async fn names_and_bodies_have_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let documents = open(dir.path()).await.documents();
    for name in ["", "  ", &"x".repeat(201)] {
        let refused = documents.create(new(DocumentKind::View, name)).await;
        assert!(matches!(refused, Err(DocumentError::Invalid(_))), "{name:?}");
    }
    let body = |bytes: usize| json!("x".repeat(bytes - 2));
    let sized = |bytes| NewDocument { body: body(bytes), ..new(DocumentKind::View, "x") };
    documents.create(sized(DOCUMENT_BYTES_MAX)).await.unwrap();
    let refused = documents.create(sized(DOCUMENT_BYTES_MAX + 1)).await;
    assert!(matches!(refused, Err(DocumentError::Invalid(_))));
}
