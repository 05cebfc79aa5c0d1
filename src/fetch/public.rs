//! Addresses that somebody else wrote down: whether they may lead to this host or into a private network.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::FetchError;

/// Whether what somebody else wrote may lead to addresses of this host or of a private network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrivateHosts {
    /// It may not.
    Refuse,
    /// It may.
    Allow,
}

impl PrivateHosts {
    /// Refuses a URL whose host is written as an address of a private network; names are judged when they are looked up.
    pub(super) fn check(self, url: &Url) -> Result<(), FetchError> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        self.judge(url.host_str().unwrap_or_default(), [address].into_iter())
    }

    /// The same for a name that another program will look up: all of its addresses are judged.
    ///
    /// # Errors
    /// One of them is private ([`FetchError::Private`]), or there is none.
    pub fn look_up(self, host: &str, port: u16) -> Result<(), FetchError> {
        match self {
            Self::Allow => Ok(()),
            Self::Refuse => {
                let bare = host.trim_start_matches('[').trim_end_matches(']');
                let found = (bare, port).to_socket_addrs().map_err(|error| FetchError::Answer {
                    url: host.to_owned(),
                    problem: format!("its address is not to be found: {error}"),
                })?;
                self.judge(host, found.map(|address| address.ip()))
            }
        }
    }

    fn judge(self, host: &str, addresses: impl Iterator<Item = IpAddr>) -> Result<(), FetchError> {
        match self {
            Self::Allow => Ok(()),
            Self::Refuse => match addresses.into_iter().find(|address| !is_public(*address)) {
                None => Ok(()),
                Some(address) => Err(FetchError::Private { url: host.to_owned(), address }),
            },
        }
    }
}

/// Looks names up and gives no address of this host or of a private network, so that no name leads there, now or later.
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            match PrivateHosts::Refuse.judge(&name, found.iter().map(SocketAddr::ip)) {
                Ok(()) => Ok(Box::new(found.into_iter()) as Addrs),
                Err(refused) => Err(io::Error::other(refused.to_string()).into()),
            }
        })
    }
}

/// Whether an address is of the public network (IANA's registries of special-purpose addresses).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && b & 0xfe == 18))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let last_v4 =
        || Ipv4Addr::from(address.to_bits().to_be_bytes().last_chunk::<4>().copied().unwrap_or_default());
    match segments {
        // Addresses of version 4 in other clothes: mapped, NAT64, 6to4.
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => is_public_v4(last_v4()),
        [0x2002, high, low, ..] => is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))),
        // Everything that is given out lies in 2000::/3; its documentation, benchmarks and Teredo do not count.
        [0x2001, 0xdb8 | 0 | 2, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known_in_all_their_clothes() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "192.0.0.8",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::1",
            "2001:db8::1",
            "2001::1",
            "::10.0.0.1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "1.1.1.1",
            "100.128.0.1",
            "172.32.0.1",
            "2606:4700::1",
            "::ffff:1.1.1.1",
            "2002:101:101::1",
            "64:ff9b::101:101",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_written_address_is_judged_at_once() {
        let check = |text: &str| PrivateHosts::Refuse.check(&Url::parse(text).unwrap());
        for text in
            ["https://127.1/x", "https://0x7f000001/x", "https://[::ffff:7f00:1]/x", "https://2130706433/x"]
        {
            assert!(matches!(check(text), Err(FetchError::Private { .. })), "{text}");
        }
        assert!(check("https://name.example/x").is_ok());
        assert!(PrivateHosts::Allow.check(&Url::parse("https://127.0.0.1/x").unwrap()).is_ok());
        assert!(matches!(PrivateHosts::Refuse.look_up("localhost", 22), Err(FetchError::Private { .. })));
    }
}
