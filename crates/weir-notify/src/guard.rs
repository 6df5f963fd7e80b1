//! Which addresses notifications may go to.
//!
//! A URL that somebody configures must not make Weir speak to what only Weir can reach: the machine itself, the private
//! network, the metadata service of a cloud. Names are checked after they are resolved, and what was checked is what is
//! connected to, so that a name that changes its address in between gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// That an address is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{host} is at {address}, which is not a public address; `allow_private = true` on the receiver allows it"
)]
pub(crate) struct NotAllowed {
    pub(crate) host: String,
    pub(crate) address: IpAddr,
}

/// The public ones of these addresses; an error when there are none. All are public where private ones are allowed.
pub(crate) fn allowed(
    host: &str,
    addresses: impl Iterator<Item = SocketAddr>,
    allow_private: bool,
) -> Result<Vec<SocketAddr>, NotAllowed> {
    let mut refused = None;
    let mut public = Vec::new();
    for address in addresses {
        if allow_private || is_public(address.ip()) {
            public.push(address);
        } else {
            refused = refused.or(Some(address.ip()));
        }
    }
    match refused {
        Some(address) if public.is_empty() => Err(NotAllowed { host: host.to_owned(), address }),
        _ => Ok(public),
    }
}

/// Whether an address can be reached by everybody.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224 // multicast, reserved, broadcast
        || (a == 100 && (64..128).contains(&b)) // shared by carriers
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Addresses that carry an IPv4 address go where that one goes.
    if let Some(v4) = carried_v4(address) {
        return is_public_v4(v4);
    }
    let first = address.segments()[0];
    let is_documentation = first == 0x2001 && address.segments()[1] == 0x0db8;
    // 2000::/3 is all that is given out; loopback, unique local, link-local and multicast are outside of it.
    (0x2000..0x4000).contains(&first) && !is_documentation
}

fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        for (address, expected) in [
            ("93.184.216.34", true),
            ("8.8.8.8", true),
            ("172.32.0.1", true),
            ("100.128.0.1", true),
            ("2606:2800:220:1:248:1893:25c8:1946", true),
            ("::ffff:8.8.8.8", true),
            ("127.0.0.1", false),
            ("127.255.0.3", false),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:169.254.169.254", false),
            ("64:ff9b::a00:1", false),
            ("2002:7f00:1::", false),
            ("fc00::1", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn a_name_with_one_public_address_goes_there_and_nowhere_else() {
        let addresses = ["10.0.0.1:443", "8.8.8.8:443"].map(|text| text.parse::<SocketAddr>().unwrap());
        assert_eq!(allowed("x", addresses.into_iter(), false), Ok(vec![addresses[1]]));
        assert_eq!(allowed("x", addresses.into_iter(), true), Ok(addresses.to_vec()));
        let refused = allowed("x", addresses[..1].iter().copied(), false).unwrap_err();
        assert!(refused.to_string().contains("x is at 10.0.0.1"), "{refused}");
    }
}
