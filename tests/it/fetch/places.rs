//! Folders as indexes, and which index a name belongs to.

use std::fs;

use sealwright::digest::Sha256;
use sealwright::error::Fault;
use sealwright::event::Cancel;

use super::server::Server;
use super::{CONTENT, JSON, Setup, WHEEL, distribution, json_index};

/// A mirror in the form that mirroring tools make: pages in `simple`, files beside it.
fn mirror(setup: &Setup) {
    let page = setup.temp.path().join("web/simple/hello");
    fs::create_dir_all(&page).unwrap();
    let link = format!("<a href='../../packages/{WHEEL}#sha256={}'>{WHEEL}</a>", Sha256::of(CONTENT));
    fs::write(page.join("index.html"), link).unwrap();
    fs::create_dir(setup.temp.path().join("web/packages")).unwrap();
    fs::write(setup.temp.path().join("web/packages").join(WHEEL), CONTENT).unwrap();
}

#[test]
fn a_folder_is_an_index() {
    for form in ["file", "path", "relative"] {
        let setup = Setup::new();
        mirror(&setup);
        let folder = setup.temp.path().join("web/simple");
        let index = match form {
            "file" => format!("file://{}", folder.display()),
            "path" => folder.display().to_string(),
            _ => "./web/simple".to_owned(),
        };
        let setup = setup.set("PIP_INDEX_URL", index);
        setup.distributions(&[distribution(WHEEL, CONTENT)]).unwrap();
        assert_eq!(setup.store.read(&Sha256::of(CONTENT)).unwrap(), CONTENT);
        let listed = setup.fetcher().listing(&"hello".parse().unwrap(), &Cancel::new()).unwrap();
        assert_eq!(listed[0].sha256, Some(Sha256::of(CONTENT)), "{form}");
    }
}

#[test]
fn a_folder_that_lies_is_refused_too() {
    let setup = Setup::new();
    mirror(&setup);
    let file = setup.temp.path().join("web/packages").join(WHEEL);
    fs::write(&file, "the bytes of a virus").unwrap();
    let setup = setup.set("PIP_INDEX_URL", "./web/simple");
    let error = setup.distributions(&[distribution(WHEEL, CONTENT)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{WHEEL} from {} is not the locked file: expected sha256 {}, got {} (required by build-system.requires)",
            file.display(),
            Sha256::of(CONTENT),
            Sha256::of("the bytes of a virus")
        )
    );
    assert_eq!(error.blame().exit_code(), 3);
    let error = setup.distributions(&[distribution("more-1.tar.gz", b"")]).unwrap_err();
    let page = setup.temp.path().join("web/simple/more/index.html");
    assert!(error.to_string().ends_with(&format!("asked {} (not there)", page.display())), "{error}");
    assert!(setup.is_empty());
}

#[test]
fn a_name_belongs_to_the_first_index_that_has_it_unless_told() {
    let server = Server::start(|request, out| match request.path.as_str() {
        "/ours/hello/" => out.ok(JSON, json_index(WHEEL, "/w", &Sha256::of("ours")).as_bytes()),
        "/everybody-s/hello/" => out.ok(JSON, json_index(WHEEL, "/w", &Sha256::of("theirs")).as_bytes()),
        _ => out.status(404),
    });
    let listed = |strategy: Option<&str>| {
        let mut setup = Setup::new()
            .set("PIP_EXTRA_INDEX_URL", server.url("/ours"))
            .set("PIP_INDEX_URL", server.url("/everybody-s"));
        if let Some(strategy) = strategy {
            setup = setup.set("UV_INDEX_STRATEGY", strategy);
        }
        let files = setup.fetcher().listing(&"hello".parse().unwrap(), &Cancel::new()).unwrap();
        files.iter().map(|file| file.sha256.unwrap()).collect::<Vec<_>>()
    };
    let (ours, theirs) = (Sha256::of("ours"), Sha256::of("theirs"));
    let before = server.requests().len();
    assert_eq!(listed(None), [ours]);
    // The other one does not even learn the name.
    assert_eq!(server.requests().len() - before, 1);
    assert_eq!(listed(Some("first-index")), [ours]);
    assert_eq!(listed(Some("unsafe-best-match")), [ours, theirs]);
}
