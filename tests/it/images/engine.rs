//! Images of a Docker Engine: a private one that the test starts, and none at all.

use sealwright::event::{Cancel, Silent};
use sealwright::image::{PullLimits, Pulled, ensure_pulled};

use super::base::Dockerd;
use super::make::{Layer, Made, Packed, Place, listed};
use super::registry::Client;

#[test]
fn an_engine_that_is_not_there_is_told_with_its_socket() {
    let place = Place::new();
    let mut client = Client::new(&place);
    let socket = format!("unix://{}", place.join("none.sock").display());
    client.env.insert("DOCKER_HOST".to_owned(), socket.clone());
    let (message, code) = client.failure("docker-engine:x:1");
    assert!(
        message.starts_with(&format!("image docker-engine:x:1: no Docker Engine answers at {socket}: ")),
        "{message}"
    );
    assert_eq!(code, 6);
    client.env.insert("DOCKER_HOST".to_owned(), "tcp://host.example:2375".to_owned());
    let (message, code) = client.failure("docker-engine:x:1");
    assert!(message.ends_with("only a socket of this machine can be used (unix://PATH)"), "{message}");
    assert_eq!(code, 6);
}

#[test]
fn an_image_built_in_an_engine_is_pinned_by_the_digest_of_its_conversion() {
    let place = Place::new();
    let engine = match Dockerd::start(&place.join("docker")) {
        Ok(engine) => engine,
        Err(reason) if reason.starts_with("not root") => skipped!("{reason}"),
        Err(reason) => skipped!(engine: "{reason}"),
    };
    // A tree that becomes an image of one layer, then one with a second layer on it.
    std::fs::write(place.join("one.tar"), Layer::new().file("a", "x").file("gone", "y").tar()).unwrap();
    let path = |name: &str| place.join(name).display().to_string();
    engine.docker(&["import", &path("one.tar"), "base:1"]).unwrap();
    std::fs::create_dir(place.join("context")).unwrap();
    std::fs::write(place.join("context/Dockerfile"), "FROM base:1\nCOPY b /b\nENV PATH=/x:/y\n").unwrap();
    std::fs::write(place.join("context/b"), "z").unwrap();
    engine.docker(&["build", "--network", "none", "-t", "built:1", &path("context")]).unwrap();

    let mut client = Client::new(&place);
    client.env.insert("DOCKER_HOST".to_owned(), engine.host());
    let pinned = client.pull("docker-engine:built:1").unwrap();
    assert_eq!((pinned.index(), pinned.path()), (None, Some("/x:/y")));
    let blobs = pinned.layers();
    assert_eq!(blobs.len(), 3);
    let id = engine.docker(&["image", "inspect", "--format", "{{.Id}}", "built:1"]).unwrap();
    assert_eq!(blobs[0].digest.to_oci(), id, "the engine's id is the digest of the configuration");
    let pulled =
        Pulled { reference: "built", manifest: *pinned.digest(), blobs, limits: PullLimits::default() };
    let made = ensure_pulled(pulled, &place.store, &Silent, &Cancel::new()).unwrap();
    assert_eq!(listed(&made.root), ["a: x", "b: z", "gone: y"]);

    // Another store, the same name, the same digest; and by id.
    let fresh = Place::new();
    client.place = &fresh;
    assert_eq!(client.pull(&format!("docker-engine:{id}")).unwrap().digest(), pinned.digest());
    let locked = pinned.locked("/usr/bin/python3.11", "2.36");
    client.fetcher().image_blobs(&locked, &Silent, &Cancel::new()).unwrap();

    let (message, code) = client.failure("docker-engine:other:1");
    assert_eq!(
        message,
        format!(
            "image docker-engine:other:1: the Docker Engine at {} has no image of this name",
            engine.host()
        )
    );
    assert_eq!(code, 2);

    // Replaced since it was locked: another image under the name.
    let other = Made::good(vec![(Layer::new().file("other", "x"), Packed::Plain)]);
    std::fs::write(place.join("two.tar"), &other.blobs[1].1).unwrap();
    engine.docker(&["import", &path("two.tar"), "built:1"]).unwrap();
    let empty = Place::new();
    client.place = &empty;
    let error =
        client.fetcher().image_blobs(&locked_as(&locked, "docker-engine:built:1"), &Silent, &Cancel::new());
    let message = error.unwrap_err().to_string();
    assert!(
        message.starts_with("image docker-engine:built:1: what is there now is not the locked image: "),
        "{message}"
    );
}

fn locked_as(locked: &sealwright::lock::LockedImage, reference: &str) -> sealwright::lock::LockedImage {
    sealwright::lock::LockedImage { reference: reference.parse().unwrap(), ..locked.clone() }
}
