//! How this Weir's judges and probes reach its own gateway, and prove whose calls they are.
//!
//! The proof is a secret in a file of the data folder that its owner alone may read, made at the first start. It is kept, so
//! that `weir evaluate` on the same machine can prove the same.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use http::Uri;
use weir_store::random_hex;
use weir_types::OwnMark;

/// The file, in the data folder.
const FILE: &str = "own-calls.secret";

/// Fewer characters are no secret of ours.
const CHARS: usize = 64;

/// The gateway, as this Weir's own calls reach it.
#[derive(Clone)]
pub struct OwnGateway {
    /// Where it listens, such as `http://127.0.0.1:7070`.
    pub url: Uri,
    /// What proves to it whose calls they are; `None` where that is not known, and calls are inspected like any client's.
    pub mark: Option<OwnMark>,
}

impl OwnGateway {
    /// The gateway that listens here, at loopback where it listens on all addresses, with the mark of its data folder, which is
    /// made where there is none.
    pub fn open(address: SocketAddr, data_dir: &Path) -> anyhow::Result<Self> {
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        let url = format!("http://{}", SocketAddr::new(ip, address.port()));
        let url = url.parse().with_context(|| format!("Weir cannot reach itself at {url}"))?;
        Ok(Self { url, mark: Some(kept(data_dir).map_or_else(|| made(data_dir), Ok)?) })
    }

    /// The gateway of another process, with the mark of its data folder where that is on this machine and may be read.
    pub fn of_running(url: Uri, data_dir: &Path) -> Self {
        Self { url, mark: kept(data_dir) }
    }
}

/// The mark that is in the folder, if there is one that may be read.
fn kept(data_dir: &Path) -> Option<OwnMark> {
    let text = fs::read_to_string(data_dir.join(FILE)).ok()?;
    let secret = text.trim();
    let is_whole = secret.len() == CHARS && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_whole.then(|| OwnMark::new(secret))
}

fn made(data_dir: &Path) -> anyhow::Result<OwnMark> {
    let secret = random_hex::<{ CHARS / 2 }>().context("the system gives no randomness")?;
    let path = data_dir.join(FILE);
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
    file.and_then(|mut file| writeln!(file, "{secret}"))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(OwnMark::new(secret))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use weir_types::Source;

    use super::*;

    fn said(gateway: &OwnGateway) -> String {
        gateway.mark.as_ref().unwrap().said_by(Source::Probe)
    }

    #[test]
    fn it_is_reached_at_loopback_where_it_listens_on_all_addresses() {
        let folder = tempfile::tempdir().unwrap();
        for (listens, reached) in [
            ("0.0.0.0:7070", "http://127.0.0.1:7070/"),
            ("[::]:7070", "http://[::1]:7070/"),
            ("10.0.0.5:80", "http://10.0.0.5:80/"),
        ] {
            let gateway = OwnGateway::open(listens.parse().unwrap(), folder.path()).unwrap();
            assert_eq!(gateway.url.to_string(), reached);
        }
    }

    #[test]
    fn a_mark_is_made_once_for_its_owner_alone_and_made_anew_when_it_is_broken() {
        let folder = tempfile::tempdir().unwrap();
        let url = || Uri::from_static("http://127.0.0.1:7070");
        let open = || OwnGateway::open("127.0.0.1:7070".parse().unwrap(), folder.path()).unwrap();
        assert!(OwnGateway::of_running(url(), folder.path()).mark.is_none());
        let first = open();
        assert_eq!(said(&open()), said(&first));
        let path = folder.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "abc\n").unwrap();
        let second = open();
        assert_ne!(said(&second), said(&first));
        assert_eq!(said(&OwnGateway::of_running(url(), folder.path())), said(&second));
    }
}
