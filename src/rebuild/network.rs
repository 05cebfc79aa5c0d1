//! Sources from the network, each by the name that its content has.

use std::path::{Path, PathBuf};

use super::RebuildError;
use crate::build::Context;
use crate::digest::Sha256;
use crate::fetch::{
    DebianMirrors, FetchError, Fetcher, GitWanted, MirrorSettings, NetConfig, Offline, Places, PrivateHosts,
    PythonIndexes, Wanted,
};
use crate::lock::Lock;
use crate::name::{ImageRef, PackageName};

fn fetcher(context: Context<'_>) -> Result<Fetcher, FetchError> {
    let Context { store, surroundings, offline, .. } = context;
    let mirrors = DebianMirrors::load(&MirrorSettings::default(), surroundings)?;
    Ok(Fetcher::new(
        store,
        NetConfig::load(surroundings)?,
        PythonIndexes::load(surroundings)?,
        mirrors,
        offline,
    ))
}

/// Fetches an sdist by its digest from the indexes that the user's pip is configured with, and says where it lies in the
/// store.
pub(super) fn archive(
    (file, name): (&str, &PackageName),
    sha256: Sha256,
    context: Context<'_>,
) -> Result<PathBuf, RebuildError> {
    if !context.store.has(&sha256) {
        let wanted = Wanted {
            file: file.to_owned(),
            sha256,
            size: None,
            required_by: vec!["the statement's source".to_owned()],
            places: Places::Indexes(name.clone()),
        };
        fetcher(context)?.files(&[wanted], "sources", context.reporter, context.cancel)?;
    }
    Ok(context.store.blob_path(&sha256))
}

/// Fetches objects of a repository into one of ours at `folder`.
pub(super) fn repository(
    wanted: &GitWanted,
    folder: &Path,
    context: Context<'_>,
) -> Result<(), RebuildError> {
    let Context { surroundings, reporter, cancel, offline, .. } = context;
    if offline == Offline::Yes {
        return Err(RebuildError::SourceOffline { uri: wanted.uri.clone() });
    }
    reporter.stage(&format!("fetching {}", wanted.uri));
    Ok(wanted.fetch(folder, &NetConfig::load(surroundings)?, surroundings, cancel)?)
}

/// Refuses registries on a private network, of images that are not here: their names are the statement's words too.
pub(super) fn check_registries(
    lock: &Lock,
    private: PrivateHosts,
    context: Context<'_>,
) -> Result<(), RebuildError> {
    let missing = lock.images.iter().filter(|image| !image.blobs().all(|blob| context.store.has(&blob)));
    for image in missing {
        if let ImageRef::Registry(named) = &image.reference
            && let Some(host) = named.host()
            && context.offline == Offline::No
        {
            let (name, port) = host.as_str().rsplit_once(':').unwrap_or((host.as_str(), ""));
            match private.look_up(name, port.parse().unwrap_or(443)) {
                // What cannot be looked up leads nowhere; a proxy may know better, and is the user's own.
                Ok(()) | Err(FetchError::Answer { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}
