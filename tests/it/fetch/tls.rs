//! HTTPS: certificates of one's own, names, and proxies that tunnel.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use sealwright::error::Fault;
use sealwright::fetch::FetchError;

use super::{CONTENT, Setup, image, walk};

/// An authority that no system knows, and a server with a certificate of it that answers everything with [`CONTENT`].
struct Secure {
    port: u16,
    authority: String,
}

impl Secure {
    /// A server that says to be `name`.
    fn start(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &authority).unwrap();
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                std::thread::spawn(move || answer(stream, config));
            }
        });
        Self { port, authority: authority.pem() }
    }

    fn setup(&self, host: &str) -> Setup {
        Setup::new().mirrors(&[format!("https://{host}:{}/debian", self.port)])
    }

    /// The authority's certificate as a file of the setup.
    fn file(&self, setup: &Setup) -> PathBuf {
        let path = setup.temp.path().join("ca.pem");
        std::fs::write(&path, &self.authority).unwrap();
        path
    }
}

fn answer(stream: TcpStream, config: Arc<rustls::ServerConfig>) {
    let connection = rustls::ServerConnection::new(config).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, stream);
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let text = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", CONTENT.len());
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.write_all(CONTENT));
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

fn refused(error: &FetchError, why: &str) {
    let text = error.to_string();
    assert!(text.contains("(tried 1 times)") && text.contains(why), "{text}");
    assert_eq!(error.blame().exit_code(), 7);
    assert!(error.hints()[0].contains("SSL_CERT_FILE"), "{:?}", error.hints());
}

#[test]
fn a_certificate_of_one_s_own_is_trusted_only_where_it_is_configured() {
    let server = Secure::start("localhost", |_| {});
    let packages = image(&[("a", CONTENT)]);
    refused(
        &server.setup("localhost").packages(&packages).unwrap_err(),
        "invalid peer certificate: UnknownIssuer",
    );
    for name in ["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"] {
        let setup = server.setup("localhost");
        let file = server.file(&setup);
        setup.set(name, file.display().to_string()).packages(&packages).unwrap();
    }
    // Another authority than the one that is configured is none, the system's included.
    let other = Secure::start("localhost", |_| {});
    let setup = server.setup("localhost");
    let file = other.file(&setup);
    let setup = setup.set("SSL_CERT_FILE", file.display().to_string());
    refused(&setup.packages(&packages).unwrap_err(), "invalid peer certificate");
    assert!(walk(&setup.store.path().join("blobs")).is_empty());
}

#[test]
fn a_certificate_for_another_name_or_time_is_refused() {
    let packages = image(&[("a", CONTENT)]);
    let other = Secure::start("other.example", |_| {});
    let old = Secure::start("localhost", |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    });
    for (server, why) in [(&other, "NotValidForName"), (&old, "Expired")] {
        let setup = server.setup("localhost");
        let file = server.file(&setup);
        let setup = setup.set("SSL_CERT_FILE", file.display().to_string());
        let error = setup.packages(&packages).unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
        refused(&error, if why == "Expired" { "expired" } else { "not valid for name" });
        assert!(walk(&setup.store.path().join("blobs")).is_empty());
    }
    // Whoever says so may do without.
    other.setup("localhost").set("PIP_TRUSTED_HOST", "localhost").packages(&packages).unwrap();
    other.setup("localhost").set("PIP_TRUSTED_HOST", "elsewhere.example").packages(&packages).unwrap_err();
}

/// A proxy that knows one host by any name: tunnels are made to `port` on loopback.
fn proxy(port: u16) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&heads);
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let log = Arc::clone(&log);
            std::thread::spawn(move || {
                let mut lines = BufReader::new(client.try_clone().unwrap()).lines();
                let head: Vec<String> =
                    lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                log.lock().unwrap().push(head.join("\n"));
                let _ = client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n");
                let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
                let (mut from_client, mut to_server) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut from_client, &mut to_server));
                let mut from_server = server;
                let _ = std::io::copy(&mut from_server, &mut client);
                let _ = client.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    (own, heads)
}

#[test]
fn https_goes_through_a_tunnel_that_sees_the_name_and_its_own_password_only() {
    let server = Secure::start("index.example", |_| {});
    let (port, heads) = proxy(server.port);
    let setup = Setup::new().mirrors(&["https://user:hidden@index.example/debian".to_owned()]);
    let file = server.file(&setup);
    let setup = setup
        .set("SSL_CERT_FILE", file.display().to_string())
        .set("HTTPS_PROXY", format!("http://me:secret@127.0.0.1:{port}"));
    setup.packages(&image(&[("a", CONTENT)])).unwrap();
    let heads = heads.lock().unwrap();
    assert!(heads[0].starts_with("CONNECT index.example:443 HTTP/1.1"), "{heads:?}");
    let head = heads[0].to_ascii_lowercase();
    assert!(head.contains("proxy-authorization: basic bwu6c2vjcmv0"), "{heads:?}");
    assert!(!head.contains("\nauthorization:"), "{heads:?}");
}
