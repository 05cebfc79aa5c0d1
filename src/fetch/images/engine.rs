//! Images of a Docker Engine, exported through its socket as `docker save` does it.

use std::fs::File;
use std::io::Write;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::StreamExt;

use super::layout::Layout;
use super::{Found, ImageSourceError, store_error};
use crate::event::Cancel;
use crate::fetch::{FetchError, Fetcher};
use crate::name::{EngineRef, LayoutForm};
use crate::store::StoreError;

/// Where an engine listens unless `DOCKER_HOST` says otherwise.
const SOCKET: &str = "unix:///var/run/docker.sock";
/// Seconds in which the engine has to begin an answer.
const TIMEOUT: u64 = 120;

impl Fetcher {
    /// The manifest of an image of the engine, made here; all its blobs are in the store then.
    pub(super) fn find_in_engine(&self, name: &EngineRef, cancel: &Cancel) -> Result<Found, FetchError> {
        let image = format!("docker-engine:{}", name.as_str());
        let scratch = self.shared.store.scratch("engine").map_err(|source| store_error(&image, source))?;
        let archive = scratch.path().join("image.tar");
        let file = scratch.file("image.tar").map_err(|source| store_error(&image, source))?;
        self.run(self.export(name, &image, file), cancel)?;
        let layout = Layout::open(&archive, LayoutForm::Archive).map_err(|error| {
            let (image, path) = (image.clone(), archive.clone());
            Box::new(ImageSourceError::Layout { image, path, problem: error.to_string() })
        })?;
        let found = self.convert(&image, &layout)?;
        scratch.close().map_err(|source| store_error(&image, source))?;
        Ok(found)
    }

    /// Writes the engine's export to a file.
    async fn export(&self, name: &EngineRef, image: &str, mut file: File) -> Result<(), FetchError> {
        let socket = self.shared.registries().engine.as_deref().unwrap_or(SOCKET);
        let no_engine = |problem: String| {
            let (image, socket) = (image.to_owned(), socket.to_owned());
            FetchError::from(Box::new(ImageSourceError::NoEngine { image, socket, problem }))
        };
        if !socket.starts_with("unix://") {
            return Err(no_engine("only a socket of this machine can be used (unix://PATH)".to_owned()));
        }
        let failed = |error: Error| match error {
            Error::DockerResponseServerError { status_code: 404, .. } => {
                let (image, socket) = (image.to_owned(), socket.to_owned());
                FetchError::from(Box::new(ImageSourceError::NotInEngine { image, socket }))
            }
            Error::DockerResponseServerError { status_code, message } => FetchError::Answer {
                url: socket.to_owned(),
                problem: format!("answered {status_code}: {message}"),
            },
            other => no_engine(told(&other)),
        };
        let docker = Docker::connect_with_unix(socket, TIMEOUT, API_DEFAULT_VERSION)
            .map_err(|error| no_engine(told(&error)))?;
        let docker = docker.negotiate_version().await.map_err(|error| no_engine(told(&error)))?;
        let io = |source| store_error(image, StoreError::Input { source });
        let mut stream = std::pin::pin!(docker.export_image(name.as_str()));
        while let Some(piece) = stream.next().await {
            file.write_all(&piece.map_err(failed)?).map_err(io)?;
        }
        Ok(())
    }
}

/// An error with its causes, on one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
