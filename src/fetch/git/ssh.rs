//! git's protocol over the user's own `ssh`, with the user's keys, agent and known hosts.

use std::process::{ChildStdin, ChildStdout};

use gix::protocol::transport::Protocol;
use gix::protocol::transport::client::git::ConnectMode;
use gix::protocol::transport::client::git::blocking_io::Connection;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::fetch::{FetchError, PrivateHosts, Surroundings};
use crate::helper::{Talk, Talking};

/// The program.
const PROGRAM: &str = "ssh";
/// Who logs in: statements hold no user names, and forges have one for all.
const LOGIN: &str = "git";

/// Starts `ssh` with the server's side of a fetch. The program ends with the connection.
pub(super) fn connect(
    url: &Url,
    hosts: PrivateHosts,
    surroundings: &Surroundings,
) -> Result<Connection<Ends<ChildStdout>, ChildStdin>, FetchError> {
    let wrong = |problem: String| FetchError::Answer { url: url.to_string(), problem };
    let host = url.host_str().unwrap_or_default();
    let path = percent_decode_str(url.path()).decode_utf8().map_err(|error| wrong(error.to_string()))?;
    // `/~name/x` is in the folder of a user, as git has it.
    let path = if path.starts_with("/~") { &path[1..] } else { &path };
    if path.chars().any(char::is_control) {
        return Err(wrong("its path holds a control character".to_owned()));
    }
    hosts.look_up(host, url.port().unwrap_or(22))?;
    let login = format!("{LOGIN}@{}", host.trim_start_matches('[').trim_end_matches(']'));
    let command = format!("git-upload-pack '{}'", path.replace('\'', "'\\''"));
    let port = url.port().map(|port| port.to_string());
    let mut arguments = vec!["-T", "-o", "BatchMode=yes", "-o", "SendEnv=GIT_PROTOCOL"];
    if let Some(port) = &port {
        arguments.extend(["-p", port]);
    }
    arguments.extend(["--", &login, &command]);
    let mut env = surroundings.env.clone();
    env.insert("GIT_PROTOCOL".to_owned(), "version=2".to_owned());
    let talk = Talk { program: PROGRAM, arguments: &arguments, env: &env };
    let Talking { input, output, guard } = talk.start().map_err(|error| wrong(error.to_string()))?;
    let output = Ends { output, _guard: guard };
    Ok(Connection::new(
        output,
        input,
        Protocol::V2,
        path,
        None::<(String, Option<u16>)>,
        ConnectMode::Process,
        false,
    ))
}

/// The program's output; the program ends when it is dropped.
pub(super) struct Ends<R> {
    output: R,
    _guard: crate::helper::Running,
}

impl<R: std::io::Read> std::io::Read for Ends<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.output.read(into)
    }
}
