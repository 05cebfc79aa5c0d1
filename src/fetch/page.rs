//! Pages that list files: the simple repository API as JSON (PEP 691) and as HTML (PEP 503), `find-links` pages.

use html5gum::{Token, Tokenizer};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use url::Url;

use super::secret;
use crate::digest::Sha256;

/// A file that an index offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFile {
    /// Its name.
    pub file: String,
    /// Where it is, without credentials.
    pub url: Url,
    /// Its digest, if the index says.
    pub sha256: Option<Sha256>,
    /// Its size in bytes, if the index says.
    pub size: Option<u64>,
    /// The versions of Python that it wants, if the index says.
    pub requires_python: Option<String>,
    /// Why it was yanked (may be empty), if it was.
    pub yanked: Option<String>,
    /// When it was uploaded (PEP 700), as the index writes it, if it says.
    pub upload_time: Option<String>,
}

#[derive(Deserialize)]
struct Project {
    meta: Meta,
    #[serde(default)]
    files: Vec<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Meta {
    api_version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: Hashes,
    size: Option<u64>,
    requires_python: Option<String>,
    #[serde(default)]
    yanked: serde_json::Value,
    upload_time: Option<String>,
}

#[derive(Deserialize, Default)]
struct Hashes {
    sha256: Option<String>,
}

/// Reads the JSON form. `base` is where it came from.
pub(super) fn json(bytes: &[u8], base: &Url) -> Result<Vec<IndexFile>, String> {
    let project: Project = serde_json::from_slice(bytes)
        .map_err(|error| format!("not a project's page of the simple API as JSON (PEP 691): {error}"))?;
    if project.meta.api_version.split('.').next() != Some("1") {
        let version = project.meta.api_version;
        return Err(format!("version {version:?} of the simple API is not known, expected 1.x"));
    }
    let file = |file: File| {
        let url = usable(base, &file.url)?;
        let yanked = match file.yanked {
            serde_json::Value::Bool(true) => Some(String::new()),
            serde_json::Value::String(why) => Some(why),
            _ => None,
        };
        let sha256 = file.hashes.sha256.and_then(|text| text.parse().ok());
        let (size, requires_python, upload_time) = (file.size, file.requires_python, file.upload_time);
        Some(IndexFile { file: file.filename, url, sha256, size, requires_python, yanked, upload_time })
    };
    Ok(project.files.into_iter().filter_map(file).collect())
}

/// Reads an HTML page's links. `base` is where it came from, unless the page names another one.
pub(super) fn html(bytes: &[u8], base: &Url) -> Vec<IndexFile> {
    let mut base = base.clone();
    let mut files = Vec::new();
    for Ok(token) in Tokenizer::new(bytes) {
        let Token::StartTag(tag) = token else { continue };
        let attribute = |name: &[u8]| {
            let found = tag.attributes.iter().find(|(key, _)| key.as_slice() == name);
            found.map(|(_, value)| String::from_utf8_lossy(value).trim().to_owned())
        };
        let Some(href) = attribute(b"href") else { continue };
        match tag.name.as_slice() {
            b"base" => {
                if let Some(url) = usable(&base, &href) {
                    base = url;
                }
            }
            b"a" => {
                let Some(url) = usable(&base, &href) else { continue };
                let Some(file) = file_name(&url) else { continue };
                let hash = url.fragment().and_then(|fragment| {
                    fragment.split('&').find_map(|part| part.strip_prefix("sha256=")?.parse().ok())
                });
                files.push(IndexFile {
                    file,
                    url,
                    sha256: hash,
                    size: None,
                    requires_python: attribute(b"data-requires-python"),
                    yanked: attribute(b"data-yanked"),
                    upload_time: None,
                });
            }
            _ => {}
        }
    }
    files
}

/// A link to a web server, or from a file of this host to another. Credentials in a page are not the user's.
fn usable(base: &Url, href: &str) -> Option<Url> {
    let url = base.join(href).ok()?;
    let usable = match url.scheme() {
        "http" | "https" => true,
        "file" => base.scheme() == "file",
        _ => false,
    };
    usable.then(|| secret::bare(&url))
}

/// The last part of the path, decoded.
fn file_name(url: &Url) -> Option<String> {
    let last = url.path_segments()?.next_back().filter(|last| !last.is_empty())?;
    Some(percent_decode_str(last).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Url {
        Url::parse("https://me:pw@index.example/root/simple/hello/").unwrap()
    }

    #[test]
    fn json_pages_are_read() {
        let digest = Sha256::of("x");
        let text = format!(
            r#"{{"meta":{{"api-version":"1.4","tracks":[]}},"name":"hello","versions":["1"],"files":[
              {{"filename":"hello-1.tar.gz","url":"../../files/hello-1.tar.gz","hashes":{{"sha256":"{digest}","md5":"0"}},"size":7,
                "requires-python":">=3.8","yanked":"broken","core-metadata":false}},
              {{"filename":"hello-2.tar.gz","url":"https://files.example/a%20b/hello-2.tar.gz","hashes":{{}},"yanked":false}},
              {{"filename":"evil","url":"javascript:alert(1)","hashes":{{}}}}]}}"#
        );
        let files = json(text.as_bytes(), &base()).unwrap();
        assert_eq!(files.len(), 2);
        assert_eq!(files[0].url.as_str(), "https://index.example/root/files/hello-1.tar.gz");
        assert_eq!((files[0].sha256, files[0].size), (Some(digest), Some(7)));
        assert_eq!(files[0].yanked.as_deref(), Some("broken"));
        assert_eq!(files[1].yanked, None);
        assert!(json(br#"{"meta":{"api-version":"2.0"}}"#, &base()).unwrap_err().contains("2.0"));
        assert!(json(b"<html>", &base()).is_err());
    }

    #[test]
    fn html_pages_are_read() {
        let digest = Sha256::of("x");
        let text = format!(
            "<!DOCTYPE html><html><head><title>x</title><!-- <a href='no.whl'> --></head><body>\
             <a href=\"../../files/hello-1%2Blocal-py3-none-any.whl#sha256={digest}\" data-requires-python=\"&gt;=3.8\">text</a>\
             <A HREF='https://files.example/hello-1.tar.gz?x=1&amp;y=2#md5=00'>b</A><a name=x>c</a>\
             <a href='mailto:me@example'>m</a><a href='sub/' data-yanked>dir</a>\
             <base href='https://other.example/d/'><a href=hello-2.zip data-yanked=''>z</a>"
        );
        let files = html(text.as_bytes(), &base());
        let names: Vec<&str> = files.iter().map(|file| file.file.as_str()).collect();
        assert_eq!(names, ["hello-1+local-py3-none-any.whl", "hello-1.tar.gz", "hello-2.zip"]);
        assert_eq!(files[0].sha256, Some(digest));
        assert_eq!(files[0].requires_python.as_deref(), Some(">=3.8"));
        assert_eq!(files[1].url.query(), Some("x=1&y=2"));
        assert_eq!(files[2].url.as_str(), "https://other.example/d/hello-2.zip");
        assert_eq!(files[2].yanked.as_deref(), Some(""));
        assert_eq!(files[0].url.host_str().unwrap(), "index.example");
        assert_eq!(files[0].url.username(), "");
    }
}
