//! Which files there are of a project: what an index lists, and what lies in folders.

use std::path::Path;
use std::sync::Arc;

use tokio::task::JoinSet;
use url::Url;

use super::fetcher::{Fetcher, Shared};
use super::indexes::{Belonging, FindLinks};
use super::mirrors::folder;
use super::page::{self, IndexFile};
use super::transfer::blocking;
use super::{FetchError, Offline};
use crate::digest::Sha256;
use crate::event::Cancel;
use crate::name::PackageName;

/// How many projects are asked for at once.
const PARALLEL: usize = 16;

impl Fetcher {
    /// Every file that there is of a project: in `find-links` folders and pages, and those of the first index that has
    /// it. A name belongs to one index: files of the same name elsewhere are not looked at.
    ///
    /// # Errors
    /// Nobody has it ([`FetchError::is_not_found`]), or an index cannot be asked.
    pub fn listing(&self, name: &PackageName, cancel: &Cancel) -> Result<Vec<IndexFile>, FetchError> {
        let mut lists = self.listings(std::slice::from_ref(name), cancel)?;
        Ok(lists.pop().unwrap_or_default())
    }

    /// As [`Fetcher::listing`], of several projects at once, in their order.
    ///
    /// # Errors
    /// As [`Fetcher::listing`], for the first that fails.
    pub fn listings(
        &self,
        names: &[PackageName],
        cancel: &Cancel,
    ) -> Result<Vec<Vec<IndexFile>>, FetchError> {
        let (shared, offline) = (Arc::clone(&self.shared), self.offline());
        let task = async {
            let mut lists: Vec<Vec<IndexFile>> = vec![Vec::new(); names.len()];
            let mut todo = names.iter().cloned().enumerate();
            let mut running: JoinSet<(usize, Result<Vec<IndexFile>, FetchError>)> = JoinSet::new();
            loop {
                while running.len() < PARALLEL {
                    let Some((at, name)) = todo.next() else { break };
                    let shared = Arc::clone(&shared);
                    running.spawn(async move { (at, shared.listing(&name, offline).await) });
                }
                match running.join_next().await {
                    None => return Ok(lists),
                    Some(Ok((at, list))) => lists[at] = list?,
                    Some(Err(error)) => {
                        let problem = format!("a task of ours ended early: {error}");
                        return Err(FetchError::Client { problem });
                    }
                }
            }
        };
        self.run(task, cancel)
    }
}

impl Shared {
    async fn listing(&self, name: &PackageName, offline: Offline) -> Result<Vec<IndexFile>, FetchError> {
        let mut files = Vec::new();
        for place in &self.indexes.find_links {
            let found = match place {
                FindLinks::Folder(path) => {
                    let (path, name) = (path.clone(), name.clone());
                    blocking(move || in_folder(&path, &name)).await?
                }
                FindLinks::Page(path) => on_page(path),
                FindLinks::Url(url) => match offline {
                    Offline::Yes => Vec::new(),
                    Offline::No => self.page(&url.bare()).await?.to_vec(),
                },
            };
            files.extend(found.into_iter().filter(|file| is_of(name, &file.file)));
        }
        let (mut last, mut found) = (None, !files.is_empty());
        for index in self.indexes.all() {
            let Ok(url) = folder(index).join(&format!("{name}/")) else { continue };
            if offline == Offline::Yes && url.scheme() != "file" {
                continue;
            }
            match self.page(&url).await {
                Ok(listed) => {
                    files.extend(listed.iter().cloned());
                    found = true;
                    if self.indexes.belonging == Belonging::First {
                        break;
                    }
                }
                Err(error) if error.is_not_found() => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        if found {
            return Ok(files);
        }
        if offline == Offline::Yes {
            return Err(FetchError::Offline { missing: vec![format!("the files that there are of {name}")] });
        }
        Err(last.unwrap_or_else(|| FetchError::Answer {
            url: name.to_string(),
            problem: "no index and no folder that is configured has it".to_owned(),
        }))
    }
}

/// The files of a folder, each with the digest that it has now.
fn in_folder(folder: &Path, name: &PackageName) -> Vec<IndexFile> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let file = |entry: std::fs::DirEntry| {
        let file = entry.file_name().into_string().ok().filter(|file| is_of(name, file))?;
        let path = std::path::absolute(entry.path()).ok()?;
        let (sha256, size) = Sha256::of_reader(std::fs::File::open(&path).ok()?).ok()?;
        let url = Url::from_file_path(&path).ok()?;
        let (sha256, size) = (Some(sha256), Some(size));
        Some(IndexFile { file, url, sha256, size, requires_python: None, yanked: None, upload_time: None })
    };
    entries.filter_map(|entry| file(entry.ok()?)).collect()
}

fn on_page(path: &Path) -> Vec<IndexFile> {
    match (std::fs::read(path), Url::from_file_path(path)) {
        (Ok(bytes), Ok(base)) => page::html(&bytes, &base),
        _ => Vec::new(),
    }
}

/// Whether a file's name begins with the project's.
fn is_of(name: &PackageName, file: &str) -> bool {
    file.match_indices('-').any(|(at, _)| file[..at].parse().is_ok_and(|found: PackageName| found == *name))
}
