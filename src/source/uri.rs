//! The address of a repository as statements name it: never with a credential, never a path of this host.

use url::Url;

/// Turns what git calls a URL into `git+SCHEME://host/path`, the form of SPDX ("download location") and of SLSA
/// (`git+https://…`): user names, passwords, query and fragment are removed, scp-like addresses become
/// `git+ssh://`. The path stays as it is: whether `x` and `x.git` are one repository only their server knows.
///
/// `None`: a path of this host, a remote helper (`ext::…`), or an address that cannot be cleaned surely (an `@`
/// is left in the path, as in a password with an unescaped `/`).
pub(super) fn clean(address: &str) -> Option<String> {
    let address = address.trim();
    if address.chars().any(char::is_control) || address.contains('\\') {
        return None;
    }
    let (scheme, host, port, path) = match address.split_once("://") {
        Some((scheme, _)) => parse_url(scheme, address)?,
        None => parse_scp(address)?,
    };
    let path = path.trim_end_matches('/');
    // An encoded `@` is left alone: it is data of the path. A bare one may end a credential.
    if path.contains('@') || host.is_empty() || path.is_empty() {
        return None;
    }
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("git+{scheme}://{host}{port}{path}"))
}

type Parts = (String, String, Option<u16>, String);

fn parse_url(scheme: &str, address: &str) -> Option<Parts> {
    // `git+ssh` and `ssh+git` are old names of `ssh` (git's connect.c).
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "https" => "https",
        "http" => "http",
        "ssh" | "git+ssh" | "ssh+git" => "ssh",
        "git" => "git",
        _ => return None,
    };
    let url = Url::parse(address).ok()?;
    let host = url.host_str()?.to_ascii_lowercase();
    let default = match scheme {
        "ssh" => Some(22),
        "git" => Some(9418),
        _ => None,
    };
    let port = url.port().filter(|port| Some(*port) != default);
    Some((scheme.to_owned(), host, port, url.path().to_owned()))
}

/// `[user@]host:path`: git takes it so when there is no `/` before the first `:`.
fn parse_scp(address: &str) -> Option<Parts> {
    let bracket = address.find('[');
    let colon = match bracket.filter(|start| !address[..*start].contains([':', '/'])) {
        Some(start) => start + address[start..].find("]:")? + 1,
        None => address.find(':')?,
    };
    let (login, path) = (&address[..colon], &address[colon + 1..]);
    if login.contains('/') || path.starts_with(':') {
        return None; // a local path, or a remote helper (`ext::`)
    }
    let host = login.rsplit_once('@').map_or(login, |(_, host)| host);
    let (host, port) = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        // `[host:port]:path`; more than one colon is an IPv6 address
        Some(inner) if inner.matches(':').count() == 1 => {
            let (host, port) = inner.split_once(':')?;
            (host.to_owned(), Some(port.parse().ok()?))
        }
        Some(inner) if inner.contains(':') => (format!("[{inner}]"), None),
        Some(inner) => (inner.to_owned(), None),
        None => (host.to_owned(), None),
    };
    let path = format!("/{}", path.trim_start_matches('/'));
    // Parsed once more as a URL, so that a host is a host and the path is escaped in one way.
    let url = Url::parse(&format!("ssh://{host}{path}")).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    if !plain || url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    let host = url.host_str()?.to_ascii_lowercase();
    let port = port.filter(|port| *port != 22);
    Some(("ssh".to_owned(), host, port, url.path().to_owned()))
}

/// The address of a submodule: relative ones (`../x`, `./x`) start at the outer repository's, as git does.
pub(super) fn submodule(address: &str, outer: Option<&str>) -> Option<String> {
    if !address.starts_with("./") && !address.starts_with("../") {
        return clean(address);
    }
    let mut base = outer?.to_owned();
    let start = base.find("://")? + 3;
    let mut rest = address;
    loop {
        if let Some(next) = rest.strip_prefix("./") {
            rest = next;
        } else if let Some(next) = rest.strip_prefix("../") {
            let slash = base.rfind('/').filter(|slash| *slash > start)?;
            base.truncate(slash);
            rest = next;
        } else {
            break;
        }
    }
    let joined = format!("{base}/{rest}");
    clean(joined.strip_prefix("git+")?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_cleaned() {
        let cases = [
            ("https://forge.example/a/b.git", Some("git+https://forge.example/a/b.git")),
            ("https://user:token@forge.example/a/b?x=1#y", Some("git+https://forge.example/a/b")),
            ("HTTPS://Forge.Example:443/a/b/", Some("git+https://forge.example/a/b")),
            ("http://forge.example:8080/a", Some("git+http://forge.example:8080/a")),
            ("ssh://git@forge.example:22/a/b.git", Some("git+ssh://forge.example/a/b.git")),
            ("ssh://git@forge.example:2222/~me/b", Some("git+ssh://forge.example:2222/~me/b")),
            ("git@forge.example:a/b.git", Some("git+ssh://forge.example/a/b.git")),
            ("forge.example:/srv/b.git", Some("git+ssh://forge.example/srv/b.git")),
            ("git@[forge.example:2222]:a/b", Some("git+ssh://forge.example:2222/a/b")),
            ("git@[::1]:a/b", Some("git+ssh://[::1]/a/b")),
            ("git://forge.example/a", Some("git+git://forge.example/a")),
            ("/srv/git/a.git", None),
            ("../a.git", None),
            ("./a:b", None),
            ("file:///srv/a.git", None),
            ("ext::sh -c touch% /tmp/x", None),
            ("codecommit::region://user:secret@repo", None),
            ("https://user:pass/word@forge.example/a", None),
            ("https://tok/en@forge.example/a", None),
            ("user:secret@forge.example:a/b", None),
            ("https://forge.example", None),
            ("https:user:secret@forge.example/a", None),
            ("", None),
            ("a", None),
        ];
        for (address, expected) in cases {
            assert_eq!(clean(address).as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn relative_submodules_start_at_the_outer_repository() {
        let outer = Some("git+https://forge.example/team/outer.git");
        assert_eq!(
            submodule("../inner.git", outer).as_deref(),
            Some("git+https://forge.example/team/inner.git")
        );
        assert_eq!(submodule("./x", outer).as_deref(), Some("git+https://forge.example/team/outer.git/x"));
        assert_eq!(submodule("../../../../x", outer), None);
        assert_eq!(submodule("../x", None), None);
        assert_eq!(submodule("git@h.example:x", outer).as_deref(), Some("git+ssh://h.example/x"));
    }

    proptest! {
        #[test]
        fn no_credential_survives(
            scheme in prop::sample::select(vec!["https", "http", "ssh", "git", "git+ssh", "HTTPS", "ftp", "x"]),
            user in "[a-z/:@?#%. ]{0,6}",
            secret in "SECRET[0-9]{3}",
            separator in prop::sample::select(vec![":", "", "/", "@", "%40"]),
            host in "[a-z]{1,6}\\.example",
            path in "(/[a-z~.]{0,5}){0,3}",
            form in 0..4,
        ) {
            let login = format!("{user}{separator}{secret}");
            let address = match form {
                0 => format!("{scheme}://{login}@{host}{path}"),
                1 => format!("{login}@{host}:{path}"),
                2 => format!("{scheme}://{user}:{secret}@{host}{path}?{user}"),
                _ => format!("{scheme}:{login}@{host}/{path}"),
            };
            if let Some(clean) = clean(&address) {
                prop_assert!(!clean.contains('@'), "{address} → {clean}");
                // A secret can only be left where it never was a credential: after an unescaped `?` or `#` the
                // rest is dropped, before one it would be a host or a path of a URL that names no user.
                let credential = url::Url::parse(&address).is_ok_and(|url| {
                    url.username().contains(&secret) || url.password().is_some_and(|it| it.contains(&secret))
                });
                prop_assert!(!credential || !clean.contains(&secret), "{address} → {clean}");
            }
        }

        #[test]
        fn no_ordinary_login_survives(user in "[a-zA-Z0-9_.-]{1,8}", secret in "SECRET[a-zA-Z0-9_-]{0,9}",
            path in "(/[a-z~]{1,5}){1,3}") {
            for address in [
                format!("https://{user}:{secret}@forge.example{path}"),
                format!("https://{secret}@forge.example{path}"),
                format!("ssh://{user}:{secret}@forge.example:2222{path}"),
                format!("{secret}@forge.example:{path}"),
                format!("https://forge.example{path}?token={secret}"),
            ] {
                let clean = clean(&address).unwrap();
                prop_assert!(!clean.contains("SECRET") && clean.contains("://forge.example"), "{address} → {clean}");
            }
        }
    }
}
