//! How the network is used: proxies, certificates, the netrc file, times, retries.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use netrc::Netrc;
use url::Url;

use super::FetchError;
use super::keyring::Keyring;
use super::pip::PipSettings;
use super::secret::{self, Credentials, IndexUrl};
use super::surroundings::Surroundings;
use super::uv::UvSettings;

/// Where systems keep the certificates that they trust, all in one file.
const SYSTEM_BUNDLES: [&str; 5] = [
    "etc/ssl/certs/ca-certificates.crt",
    "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/ssl/ca-bundle.pem",
    "etc/ssl/cert.pem",
];

/// How the network is used.
#[derive(Debug, Clone)]
pub struct NetConfig {
    /// Proxy for `http` URLs.
    pub http_proxy: Option<IndexUrl>,
    /// Proxy for `https` URLs.
    pub https_proxy: Option<IndexUrl>,
    /// Hosts that no proxy is used for, in the form of `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// A PEM file with the certificates to trust, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// A folder with such files.
    pub ca_dir: Option<PathBuf>,
    /// Hosts whose certificates are not checked (pip's `trusted-host`). What comes from them is, by digest.
    pub trusted_hosts: Vec<String>,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long a transfer may stall; in each such time at least [`NetConfig::STALL_BYTES`] must come.
    pub stall_timeout: Duration,
    /// How often a request is tried again.
    pub retries: u32,
    /// The wait before the first retry; it doubles each time, to ten seconds at most.
    pub back_off: Duration,
    /// Files that are fetched at once.
    pub parallel: usize,
    netrc: Hidden,
    pub(super) keyring: Option<Keyring>,
    system_bundle: Option<PathBuf>,
}

#[derive(Clone, Default)]
struct Hidden(std::sync::Arc<BTreeMap<String, Credentials>>);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl NetConfig {
    /// See [`NetConfig::stall_timeout`].
    pub const STALL_BYTES: u64 = 1024;

    /// Reads variables and pip's and uv's settings.
    ///
    /// # Errors
    /// A file or a URL in it cannot be understood.
    pub fn load(from: &Surroundings) -> Result<Self, FetchError> {
        let pip = PipSettings::load(from)?;
        // Lower case first, as curl and Python do. HTTP_PROXY is also a header of CGI, so not under a CGI server.
        let cgi = from.var("REQUEST_METHOD").is_some();
        let var = |lower: &'static str, upper: &'static str| {
            from.var(lower)
                .map(|value| (value, lower))
                .or_else(|| from.var(upper).map(|value| (value, upper)))
        };
        let proxy = |lower, upper| {
            let found = var(lower, upper).filter(|(_, name)| !(cgi && *name == "HTTP_PROXY"));
            let found = found.or_else(|| var("all_proxy", "ALL_PROXY"));
            let found =
                found.or_else(|| pip.get("proxy").map(|set| (set.value.as_str(), set.origin.as_str())));
            found.map(|(value, origin)| {
                // `proxy.example:3128` is understood too.
                let text = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
                IndexUrl::parse(&text, origin)
            })
        };
        let cert = pip.get("cert").map(|set| set.value.as_str());
        let named = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"];
        let ca_file =
            cert.or_else(|| named.iter().find_map(|name| from.var(name))).map(|path| from.path(path));
        let (ca_file, ca_dir) = match ca_file {
            Some(path) if path.is_dir() => (None, Some(path)),
            file => (file, from.var("SSL_CERT_DIR").map(|path| from.path(path)).filter(|path| path.is_dir())),
        };
        let mut trusted_hosts: Vec<String> = pip
            .get("trusted-host")
            .map_or("", |set| &set.value)
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        trusted_hosts.extend(UvSettings::variables(from).insecure_hosts);
        trusted_hosts.extend(UvSettings::files(from)?.insecure_hosts);
        let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<u32>().ok());
        let pip_number = |name: &str| number(pip.get(name).map(|set| set.value.as_str()));
        let seconds = pip_number("timeout").or_else(|| pip_number("default-timeout"));
        let seconds = seconds.or_else(|| number(from.var("UV_HTTP_TIMEOUT"))).unwrap_or(30).clamp(1, 3600);
        Ok(Self {
            http_proxy: proxy("http_proxy", "HTTP_PROXY").transpose()?,
            https_proxy: proxy("https_proxy", "HTTPS_PROXY").transpose()?,
            no_proxy: var("no_proxy", "NO_PROXY").map(|(value, _)| value.to_owned()),
            ca_file,
            ca_dir,
            trusted_hosts,
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(seconds.into()),
            retries: pip_number("retries")
                .or_else(|| number(from.var("UV_HTTP_RETRIES")))
                .unwrap_or(4)
                .min(20),
            back_off: Duration::from_millis(250),
            parallel: 12,
            netrc: Hidden(std::sync::Arc::new(read_netrc(from))),
            keyring: Keyring::load(from)?,
            system_bundle: SYSTEM_BUNDLES
                .iter()
                .map(|path| from.system.join(path))
                .find(|path| path.is_file()),
        })
    }

    /// The file of certificates that is configured, else the system's: what a resolver in a box is to see.
    #[must_use]
    pub fn ca_bundle(&self) -> Option<PathBuf> {
        self.ca_file.clone().or_else(|| self.system_bundle.clone())
    }

    /// The credentials of a configured URL: its own; where it names a user alone, with the password that the netrc file
    /// or the keyring has for it; where it names nobody, what the netrc file has for its host.
    ///
    /// # Errors
    /// The keyring's command cannot be run.
    pub(super) fn credentials_of(&self, url: &Url) -> Result<Option<Credentials>, FetchError> {
        let Some(own) = secret::credentials(url) else { return Ok(self.netrc_credentials(url)) };
        if !own.password.is_empty() {
            return Ok(Some(own));
        }
        if let Some(found) = self.netrc_credentials(url).filter(|found| found.user == own.user) {
            return Ok(Some(found));
        }
        let found =
            self.keyring.as_ref().map(|keyring| keyring.password(url, &own.user)).transpose()?.flatten();
        Ok(Some(Credentials { password: found.unwrap_or_default(), user: own.user }))
    }

    /// What the netrc file holds for this URL's host. An entry for all hosts (`default`) is not used: it would send
    /// a password to whoever is asked.
    #[must_use]
    pub fn netrc_credentials(&self, url: &Url) -> Option<Credentials> {
        self.netrc.0.get(url.host_str()?).cloned()
    }

    pub(super) fn is_trusted(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        self.trusted_hosts.iter().any(|trusted| match trusted.rsplit_once(':') {
            Some((name, port)) => name == host && port.parse().ok() == url.port_or_known_default(),
            None => trusted == host,
        })
    }

    pub(super) fn proxy_env(&self) -> BTreeMap<String, String> {
        let url = |name: &str, url: &Option<IndexUrl>| {
            url.as_ref().map(|url| (name.to_owned(), url.with_credentials().to_owned()))
        };
        let no_proxy = self.no_proxy.as_ref().map(|text| ("NO_PROXY".to_owned(), text.clone()));
        [url("HTTP_PROXY", &self.http_proxy), url("HTTPS_PROXY", &self.https_proxy), no_proxy]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// Hosts and their credentials. A file that cannot be understood holds none, as for pip.
fn read_netrc(from: &Surroundings) -> BTreeMap<String, Credentials> {
    let named = from.var("NETRC").map(|path| from.path(path));
    let path = named.or_else(|| from.home().map(|home| home.join(".netrc")));
    let parsed = path.and_then(|path| Netrc::from_file(&path).ok());
    let hosts = parsed.into_iter().flat_map(|netrc| netrc.hosts).filter(|(host, _)| host != "default");
    hosts.map(|(host, found)| (host, Credentials { user: found.login, password: found.password })).collect()
}

#[cfg(test)]
mod tests {
    use super::super::surroundings::test_surroundings;
    use super::*;

    #[test]
    fn variables_of_proxies_and_certificates_are_understood() {
        let temp = tempfile::tempdir().unwrap();
        let load = |env: &[(&str, &str)]| NetConfig::load(&test_surroundings(temp.path(), env));
        let net = load(&[
            ("HTTP_PROXY", "http://u:p@proxy.example:3128"),
            ("https_proxy", "proxy.example:8"),
            ("NO_PROXY", "a.example"),
            ("SSL_CERT_FILE", "/f.pem"),
            ("PIP_CERT", "/pip.pem"),
            ("PIP_TRUSTED_HOST", "t.example x.example:8443"),
            ("PIP_DEFAULT_TIMEOUT", "180"),
        ])
        .unwrap();
        assert_eq!(net.https_proxy.as_ref().unwrap().to_string(), "http://proxy.example:8/");
        assert_eq!(net.proxy_env()["HTTP_PROXY"], "http://u:p@proxy.example:3128/");
        assert!(!format!("{net:?}").contains("u:p"));
        assert_eq!(net.ca_bundle().unwrap(), PathBuf::from("/pip.pem"));
        assert_eq!(net.stall_timeout, Duration::from_mins(3));
        let trusted = |url: &str| net.is_trusted(&Url::parse(url).unwrap());
        assert!(trusted("https://t.example/") && trusted("https://x.example:8443/"));
        assert!(!trusted("https://x.example/") && !trusted("https://other.example/"));
        assert!(
            load(&[("HTTP_PROXY", "http://p.example"), ("REQUEST_METHOD", "GET")])
                .unwrap()
                .http_proxy
                .is_none()
        );
        assert!(load(&[("HTTPS_PROXY", "socks://p.example")]).is_err());
    }
}
