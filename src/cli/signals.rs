//! SIGINT, SIGTERM and SIGHUP → the cancel token. The second one ends the program at once.

use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::event::Cancel;

/// Starts listening. What was cancelled cleans up and returns an error of [`crate::error::Blame::Interrupted`];
/// a second signal ends the program without waiting for that.
pub(super) fn listen(cancel: &Cancel) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let cancel = cancel.clone();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if cancel.signal().is_some() {
                std::process::exit(128 + signal);
            }
            cancel.cancel(signal);
        }
    })?;
    Ok(())
}
