//! A real conversation with a mail server: a small one that keeps what it is told.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use weir_notify::{MailTls, ReceiverEntry, ReceiverKind};
use weir_types::{AlertState, DeliveryState};

use crate::store::MemoryStore;
use crate::support::{START, TestClock, at_once, env, notice, notifier, receiver};

type Said = Arc<Mutex<Vec<String>>>;

/// A mail server on a free port; refuses recipients whose address begins with `no`.
async fn mail_server() -> (u16, Said) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let said = Said::default();
    let keeping = Arc::clone(&said);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, Arc::clone(&keeping)));
        }
    });
    (port, said)
}

async fn converse(stream: TcpStream, said: Said) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    writing.write_all(b"220 mail.example.com ESMTP\r\n").await?;
    let mut in_data = false;
    while let Some(line) = lines.next_line().await? {
        let upper = line.to_ascii_uppercase();
        said.lock().unwrap().push(line);
        let answer = if in_data {
            if upper != "." {
                continue;
            }
            in_data = false;
            "250 2.0.0 queued\r\n"
        } else if upper.starts_with("EHLO") {
            "250-mail.example.com\r\n250 AUTH PLAIN\r\n"
        } else if upper.starts_with("AUTH") {
            "235 2.7.0 welcome\r\n"
        } else if upper.starts_with("RCPT TO:<NO") {
            "550 5.1.1 no such user\r\n"
        } else if upper == "DATA" {
            in_data = true;
            "354 go on\r\n"
        } else if upper == "QUIT" {
            "221 bye\r\n"
        } else {
            "250 ok\r\n"
        };
        writing.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

fn mail(port: u16, to: &str) -> ReceiverEntry {
    ReceiverEntry {
        server: Some(format!("127.0.0.1:{port}")),
        tls: Some(MailTls::None),
        username: Some("weir".to_owned()),
        password: Some(env("MAIL")),
        from: Some("Weir <weir@example.com>".to_owned()),
        to: vec![to.to_owned()],
        ..receiver("mail", ReceiverKind::Smtp)
    }
}

/// What has been sent as text, quoted-printable undone.
fn decoded(lines: &[String]) -> String {
    let text = lines.join("\n").replace("=\n", "");
    let mut decoded = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let hex = |bytes: &[u8]| u8::from_str_radix(std::str::from_utf8(bytes).ok()?, 16).ok();
        let ahead: Vec<u8> = bytes.clone().take(2).collect();
        if let (b'=', Some(value)) = (byte, hex(&ahead)) {
            decoded.push(value);
            bytes.nth(1);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[tokio::test]
async fn a_mail_has_text_and_html_and_belongs_to_its_alert() {
    let (port, said) = mail_server().await;
    let (store, clock) = (MemoryStore::default(), TestClock::new());
    let mut notifier = notifier(&store, &clock, &[mail(port, "ops@example.com")], &at_once());
    store.add(notice("gpt-4o", 1, AlertState::Alert), START);
    notifier.settle().await.unwrap();
    let delivery = &store.log()[0];
    assert_eq!((delivery.state, delivery.error.clone()), (DeliveryState::Delivered, None));
    let lines = said.lock().unwrap().clone();
    let text = decoded(&lines);
    for expected in [
        "MAIL FROM:<weir@example.com>",
        "RCPT TO:<ops@example.com>",
        "Subject: [ALERT] p95-latency-per-model model:gpt-4o",
        &format!("Message-ID: <{}@weir>", delivery.id),
        "References: <alert-of-gpt-4o@weir>",
        "multipart/alternative",
        "Model gpt-4o P95 latency <is> 12346ms & exceeds *SLO*",
        "Model gpt-4o P95 latency &lt;is&gt; 12346ms &amp; exceeds *SLO*",
        "Value: 12345.68 ms",
        "Threshold: 10000 ms",
        "Since: 2025-11-14T09:25:00Z",
        "eu-west: 14 s",
        "https://weir.example.com/monitors/p95-latency-per-model?group=model:gpt-4o",
        "https://weir.example.com/traces/abababab",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing in:\n{text}");
    }
    // base64 of \0weir\0secret-of-MAIL: it goes to the server and nowhere else.
    assert!(lines.contains(&"AUTH PLAIN AHdlaXIAc2VjcmV0LW9mLU1BSUw=".to_owned()), "{text}");
    assert!(store.bodies().iter().all(|body| !body.contains("secret-of")));
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_not_tried_again() {
    let (port, _) = mail_server().await;
    let (store, clock) = (MemoryStore::default(), TestClock::new());
    let mut notifier = notifier(&store, &clock, &[mail(port, "nobody@example.com")], &at_once());
    store.add(notice("gpt-4o", 1, AlertState::Alert), START);
    notifier.settle().await.unwrap();
    let delivery = &store.log()[0];
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Failed, 1));
    assert!(delivery.error.as_deref().unwrap().contains("no such user"), "{delivery:?}");
}

#[tokio::test]
async fn a_mail_server_at_a_private_address_needs_to_be_allowed() {
    let (port, said) = mail_server().await;
    let (store, clock) = (MemoryStore::default(), TestClock::new());
    let entry =
        ReceiverEntry { tls: Some(MailTls::Starttls), allow_private: false, ..mail(port, "ops@example.com") };
    let mut notifier = notifier(&store, &clock, &[entry], &at_once());
    store.add(notice("gpt-4o", 1, AlertState::Alert), START);
    notifier.settle().await.unwrap();
    let error = store.log()[0].error.clone().unwrap();
    assert!(error.contains("not a public address"), "{error}");
    assert!(said.lock().unwrap().is_empty());
}
