//! Credentials from the environment, netrc and the keyring: each for its own host, none of them ever shown.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use sealwright::digest::Sha256;
use sealwright::error::Fault;
use sealwright::event::Cancel;

use super::server::Server;
use super::{CONTENT, JSON, Setup, WHEEL, distribution, json_index};

/// An index that wants `me` and `secret`.
fn index() -> Server {
    Server::start(|request, out| match (request.header("authorization"), request.path.as_str()) {
        (Some("Basic bWU6c2VjcmV0"), "/simple/hello/") => {
            out.ok(JSON, json_index(WHEEL, "/w.whl", &Sha256::of(CONTENT)).as_bytes());
        }
        (Some("Basic bWU6c2VjcmV0"), _) => out.ok("x/y", CONTENT),
        _ => out.status(401),
    })
}

/// A folder with a `keyring` that knows `entry` (`SERVICE USER`), and writes down what it is asked.
fn keyring(setup: &Setup, entry: &str, says: &str) -> String {
    let folder = setup.temp.path().join("bin");
    fs::create_dir(&folder).unwrap();
    let asked = setup.temp.path().join("asked");
    let script = format!(
        "#!/bin/sh\necho \"$*\" >>'{}'\n[ \"$*\" = 'get {entry}' ] || exit 1\n{says}\n",
        asked.display()
    );
    fs::write(folder.join("keyring"), script).unwrap();
    fs::set_permissions(folder.join("keyring"), fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", folder.display())
}

#[test]
fn the_keyring_is_asked_where_it_is_configured() {
    let server = index();
    let host = format!("127.0.0.1:{}", server.port());
    let url = format!("http://me@{host}/simple");
    for (set, service, good) in [
        (Some("PIP_KEYRING_PROVIDER"), format!("http://{host}/simple me"), true),
        (Some("UV_KEYRING_PROVIDER"), format!("{host} me"), true),
        (Some("PIP_KEYRING_PROVIDER"), format!("{host} other"), false),
        (None, format!("{host} me"), false),
    ] {
        let mut setup = Setup::new().set("PIP_INDEX_URL", &url);
        let path = keyring(&setup, &service, "echo secret");
        setup = setup.set("PATH", path);
        if let Some(name) = set {
            setup = setup.set(name, "subprocess");
        }
        let result = setup.distributions(&[distribution(WHEEL, CONTENT)]);
        match result {
            Ok(()) => assert!(good, "{set:?} {service}"),
            Err(error) => {
                assert!(!good && error.to_string().ends_with("answered 401"), "{error}");
                assert!(error.hints()[0].contains("keyring"), "{:?}", error.hints());
            }
        }
        let asked = fs::read_to_string(setup.temp.path().join("asked")).unwrap_or_default();
        assert_eq!(asked.is_empty(), set.is_none());
        assert!(asked.lines().count() <= 2, "each is asked for once: {asked}");
    }
}

#[test]
fn a_keyring_that_is_not_there_is_said() {
    let server = index();
    let setup = Setup::new()
        .set("PIP_INDEX_URL", format!("http://me@127.0.0.1:{}/simple", server.port()))
        .set("PIP_KEYRING_PROVIDER", "subprocess")
        .set("PATH", "/nowhere");
    let error = setup.distributions(&[distribution(WHEEL, CONTENT)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "PIP_KEYRING_PROVIDER (keyring-provider): there is no program keyring on PATH"
    );
    assert_eq!(error.blame().exit_code(), 2);
    assert!(server.requests().is_empty());
}

#[test]
fn the_netrc_file_has_the_password_of_a_user_that_the_url_names() {
    let server = index();
    let netrc = |user: &str| format!("machine 127.0.0.1\nlogin {user}\npassword secret\n");
    for (user, good) in [("me", true), ("other", false)] {
        let setup =
            Setup::new().set("PIP_INDEX_URL", format!("http://me@127.0.0.1:{}/simple", server.port()));
        fs::write(setup.temp.path().join(".netrc"), netrc(user)).unwrap();
        assert_eq!(setup.distributions(&[distribution(WHEEL, CONTENT)]).is_ok(), good);
    }
}

#[test]
fn credentials_of_a_named_index_come_from_variables() {
    let server = index();
    let setup = Setup::new()
        .set("UV_INDEX", format!("in-house={}", server.url("/simple")))
        .set("UV_INDEX_IN_HOUSE_USERNAME", "me")
        .set("UV_INDEX_IN_HOUSE_PASSWORD", "secret")
        .set("UV_NO_INDEX", "0");
    let files = setup.fetcher().listing(&"hello".parse().unwrap(), &Cancel::new()).unwrap();
    assert_eq!(files[0].sha256, Some(Sha256::of(CONTENT)));
}
