//! Mail: plain text and HTML, over STARTTLS or TLS.
//!
//! The server's name is resolved and checked here, and the connection goes to the address that was checked; the
//! certificate is still held against the name. The `Message-ID` is made of the delivery's id, so that a mail that is sent
//! twice is one, and `References` of the alert's, so that readers show an alert as one conversation.

use std::fmt::Write as _;
use std::time::Duration;

use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use serde_json::{Value, json};
use weir_types::Secret;

use super::{Outcome, Parcel};
use crate::entry::{MailTls, ReceiverEntry};
use crate::guard;
use crate::message::{Item, Message, SHOWN_MAX, cut};
use crate::settings::Resolver;

/// The whole conversation with a mail server: slower than HTTP, since some servers greet late on purpose.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Characters of a subject.
const SUBJECT_CHARS_MAX: usize = 180;

/// Recipients of one receiver.
const RECIPIENTS_MAX: usize = 50;

pub(super) struct Smtp {
    host: String,
    port: u16,
    tls: MailTls,
    login: Option<(String, Secret)>,
    from: Mailbox,
    to: Vec<Mailbox>,
    allow_private: bool,
}

impl Smtp {
    pub(super) fn read(entry: &ReceiverEntry, key: &str, resolver: &mut Resolver<'_>) -> Option<Self> {
        let tls = entry.tls.unwrap_or_default();
        if tls == MailTls::None && !entry.allow_private {
            let hint = "use \"starttls\", or set `allow_private = true` for a server of your own network";
            resolver.report(format!("{key}.tls"), "mail would not be encrypted".to_owned(), hint);
        }
        let server = server(entry.server.as_deref().unwrap_or_default(), tls);
        if server.is_none() {
            let hint = "for example \"smtp.example.com\" or \"smtp.example.com:587\"";
            resolver.report(format!("{key}.server"), "where is the mail server?".to_owned(), hint);
        }
        let login = match (&entry.username, &entry.password) {
            (Some(username), Some(password)) => resolver
                .secret(format!("{key}.password"), password)
                .map(|password| (username.clone(), password)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                let message = "`username` and `password` belong together".to_owned();
                resolver.report(format!("{key}.username"), message, "");
                None
            }
        };
        let from = mailbox(entry.from.as_deref().unwrap_or_default(), &format!("{key}.from"), resolver);
        let mut to = Vec::with_capacity(entry.to.len());
        for (i, address) in entry.to.iter().enumerate() {
            to.extend(mailbox(address, &format!("{key}.to[{i}]"), resolver));
        }
        if entry.to.is_empty() || entry.to.len() > RECIPIENTS_MAX {
            let message = format!("there are {} addresses: expected 1 to {RECIPIENTS_MAX}", entry.to.len());
            resolver.report(format!("{key}.to"), message, "");
        }
        let (host, port) = server?;
        Some(Self { host, port, tls, login, from: from?, to, allow_private: entry.allow_private })
    }

    pub(super) async fn send(&self, parcel: &Parcel<'_>) -> Outcome {
        let later = |error: String| Outcome::Later { error, after: None };
        let host = &self.host;
        let message = match self.message(parcel) {
            Ok(message) => message,
            Err(error) => return Outcome::Refused { error: format!("cannot write the mail: {error}") },
        };
        let looking_up = tokio::time::timeout(TIMEOUT, tokio::net::lookup_host((host.as_str(), self.port)));
        let addresses = match looking_up.await {
            Ok(Ok(addresses)) => addresses,
            Ok(Err(error)) => return later(format!("cannot find {host}: {error}")),
            Err(_) => return later(format!("cannot find {host} within {} s", TIMEOUT.as_secs())),
        };
        let address = match guard::allowed(host, addresses, self.allow_private) {
            Ok(addresses) => addresses.into_iter().next(),
            Err(error) => return Outcome::Refused { error: error.to_string() },
        };
        let Some(address) = address else { return later(format!("{host} has no address")) };
        let transport = match self.transport(&address.ip().to_string()) {
            Ok(transport) => transport,
            Err(error) => return later(format!("cannot prepare TLS: {error}")),
        };
        match tokio::time::timeout(TIMEOUT, transport.send(message)).await {
            Err(_) => later(format!("{host} did not take the mail within {} s", TIMEOUT.as_secs())),
            Ok(Ok(_)) => Outcome::Delivered { receipt: None },
            Ok(Err(error)) => {
                let text = cut(&format!("{host} did not take the mail: {}", chain(&error)), 400);
                if error.is_permanent() { Outcome::Refused { error: text } } else { later(text) }
            }
        }
    }

    fn transport(
        &self,
        address: &str,
    ) -> Result<AsyncSmtpTransport<Tokio1Executor>, lettre::transport::smtp::Error> {
        let tls = match self.tls {
            MailTls::None => Tls::None,
            MailTls::Starttls => Tls::Required(TlsParameters::new_rustls(self.host.clone())?),
            MailTls::Implicit => Tls::Wrapper(TlsParameters::new_rustls(self.host.clone())?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address)
            .port(self.port)
            .timeout(Some(TIMEOUT))
            .tls(tls);
        if let Some((username, password)) = &self.login {
            builder = builder.credentials(Credentials::new(username.clone(), password.expose().to_owned()));
        }
        Ok(builder.build())
    }

    fn message(&self, parcel: &Parcel<'_>) -> Result<lettre::Message, lettre::error::Error> {
        let body: Value = serde_json::from_str(parcel.body).unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let mut builder = lettre::Message::builder()
            .from(self.from.clone())
            .subject(text("subject"))
            .message_id(Some(format!("<{}@weir>", parcel.delivery.id)));
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        let references = text("references");
        if !references.is_empty() {
            builder = builder.references(references.clone()).in_reply_to(references);
        }
        builder.multipart(MultiPart::alternative_plain_html(text("text"), text("html")))
    }
}

/// Host and port; the port is that of the protection when absent.
fn server(text: &str, tls: MailTls) -> Option<(String, u16)> {
    let standard = match tls {
        MailTls::Starttls => 587,
        MailTls::Implicit => 465,
        MailTls::None => 25,
    };
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()?),
        _ => (text, standard),
    };
    let host = host.trim_matches(['[', ']']);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-:_".contains(c);
    (!host.is_empty() && host.chars().all(is_plain)).then(|| (host.to_owned(), port))
}

fn mailbox(text: &str, key: &str, resolver: &mut Resolver<'_>) -> Option<Mailbox> {
    if let Ok(mailbox) = text.parse() {
        return Some(mailbox);
    }
    let hint = "for example \"ops@example.com\" or \"Weir <weir@example.com>\"";
    resolver.report(key.to_owned(), format!("{text:?} is no mail address"), hint);
    None
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

pub(super) fn render(message: &Message<'_>) -> Value {
    let items: Vec<Item<'_>> = message.items().take(SHOWN_MAX).collect();
    let rest = message.rest();
    let mut text = items.iter().map(Item::plain).collect::<Vec<_>>().join("\n\n");
    if !rest.is_empty() {
        let _ = write!(text, "\n\n{rest}");
    }
    // One alert is one conversation; a mail about several starts its own.
    let references = match &message.notices[..] {
        [only] => format!("<{}@weir>", only.alert_id),
        _ => String::new(),
    };
    json!({
        "subject": cut(&message.title(), SUBJECT_CHARS_MAX),
        "text": text,
        "html": html(&items, &rest),
        "references": references,
    })
}

fn html(items: &[Item<'_>], rest: &str) -> String {
    let mut html = String::from("<!doctype html><html><body style=\"font-family:sans-serif;color:#222\">");
    for item in items {
        let _ = write!(html, "<h3 style=\"margin-bottom:4px\">{}</h3>", escaped(&item.title()));
        let text = escaped(&item.text()).replace('\n', "<br>");
        if !text.is_empty() {
            let _ = write!(html, "<p>{text}</p>");
        }
        html.push_str("<table cellpadding=\"2\">");
        for (name, value) in item.facts() {
            let _ = write!(html, "<tr><td><b>{name}</b></td><td>{}</td></tr>", escaped(&value));
        }
        html.push_str("</table>");
        html.push_str("<ul>");
        for line in item.details() {
            let _ = write!(html, "<li>{}</li>", escaped(&line));
        }
        html.push_str("</ul>");
        let _ = write!(html, "<p><a href=\"{}\">Open in Weir</a>", escaped(&item.url()));
        for (id, url) in item.traces() {
            let _ = write!(html, " · <a href=\"{}\">trace {}</a>", escaped(&url), cut(&id, 9));
        }
        html.push_str("</p>");
    }
    if !rest.is_empty() {
        let _ = write!(html, "<p>{}</p>", escaped(rest));
    }
    html.push_str("</body></html>");
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_that_of_the_protection_unless_it_is_said() {
        let server = |text, tls| server(text, tls).map(|(host, port)| format!("{host} {port}"));
        assert_eq!(server("mx.example.com", MailTls::Starttls).as_deref(), Some("mx.example.com 587"));
        assert_eq!(server("mx.example.com", MailTls::Implicit).as_deref(), Some("mx.example.com 465"));
        assert_eq!(server("mx.example.com:2525", MailTls::Starttls).as_deref(), Some("mx.example.com 2525"));
        assert_eq!(server("[::1]:25", MailTls::None).as_deref(), Some("::1 25"));
        assert_eq!(server("::1", MailTls::None).as_deref(), Some("::1 25"));
        for wrong in ["", "host:port", "a b", ":25"] {
            assert_eq!(server(wrong, MailTls::Starttls), None, "{wrong}");
        }
    }
}
