//! Addresses that a statement names: whether they may be on a private network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use url::{Host, Url};

use super::client::Client;
use super::{FetchError, secret};

/// Whether what somebody else wrote may lead to addresses of this host or of a private network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrivateHosts {
    /// It may not.
    Refuse,
    /// It may.
    Allow,
}

/// The addresses that a URL's host has now, none of which is private unless that is allowed. Empty where a proxy is to look
/// them up: then only what is written in the URL itself could be looked at.
pub(super) async fn addresses(
    url: &Url,
    private: PrivateHosts,
    client: &Client,
) -> Result<Vec<SocketAddr>, FetchError> {
    let problem = |problem: String| FetchError::Answer { url: secret::shown(url), problem };
    let port = url.port_or_known_default().unwrap_or(443);
    let found: Vec<SocketAddr> = match url.host() {
        None => return Err(problem("it names no host".to_owned())),
        Some(Host::Ipv4(address)) => vec![(IpAddr::V4(address), port).into()],
        Some(Host::Ipv6(address)) => vec![(IpAddr::V6(address), port).into()],
        Some(Host::Domain(name)) => match tokio::net::lookup_host((name, port)).await {
            Ok(found) => found.collect(),
            Err(_) if client.net.has_proxy(url) => Vec::new(),
            Err(error) => {
                let (url, problem) = (secret::shown(url), error.to_string());
                return Err(FetchError::Unreachable { url, attempts: 1, problem });
            }
        },
    };
    match found.iter().find(|address| private == PrivateHosts::Refuse && !is_public(address.ip())) {
        Some(address) => Err(FetchError::Private { url: secret::shown(url), address: address.ip() }),
        None => Ok(found),
    }
}

/// Whether an address is one of the internet: of none of the blocks that IANA's registries of special-purpose addresses
/// (RFC 6890) keep for hosts, links, private networks, documentation and the future.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a, b) == (100, b & 0x3f | 0x40)
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 88, 99)
        || a == 198 && b & 0xfe == 18;
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let v4 = |first: usize| {
        let ([a, b], [c, d]) = (parts[first].to_be_bytes(), parts[first + 1].to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        // Addresses of IPv4 in other clothes: mapped, NAT64 (RFC 6052), 6to4 (RFC 3056).
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => v4(6),
        [0x2002, ..] => v4(1),
        [0x2001, 0..=0x01ff | 0x0db8, ..] => false,
        // Global unicast is 2000::/3 and nothing else so far.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_private_networks_are_known() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.9.9",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.2.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:0a00:0001::1",
            "2001:db8::1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in
            ["8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1", "::ffff:8.8.8.8"]
        {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
