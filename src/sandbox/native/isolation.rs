//! From what was seen inside the box to what is reported as enforced; anything less than full is an error.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::sandbox::{Enforcement, Isolation, Limits, Network, Surface};

use super::cgroup::Control;
use super::error::NativeError;
use super::limits::OUR_PROCESSES;
use super::seccomp;
use super::wire::{Observed, RootState};

/// The namespaces that a box has of its own (`net` only without a network), in the kernel's names, sorted.
pub(super) const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

/// `net:[4026531840]` → 4026531840
pub(super) fn inode_of(link: &Path) -> Option<u64> {
    let text = link.to_str()?;
    text.split_once(":[")?.1.strip_suffix(']')?.parse().ok()
}

/// The namespaces of this process.
pub(super) fn own_namespaces() -> BTreeMap<&'static str, u64> {
    NAMESPACES
        .into_iter()
        .filter_map(|name| {
            let link = fs::read_link(Path::new("/proc/self/ns").join(name)).ok()?;
            Some((name, inode_of(&link)?))
        })
        .collect()
}

/// Checks what was seen, and says it in the report's words.
pub(super) fn judge(
    observed: &Observed,
    network: Network,
    limits: &Limits,
    surface: &Surface,
    control: &Control,
) -> Result<Isolation, NativeError> {
    let outside = own_namespaces();
    let mut namespaces = Vec::new();
    for name in NAMESPACES {
        let inside = observed.namespaces.get(name);
        let own = inside.is_some() && outside.contains_key(name) && inside != outside.get(name);
        let wanted = match network {
            Network::None => true,
            Network::Host => name != "net",
        };
        if own {
            namespaces.push(name.to_owned());
        } else if wanted {
            let actual = format!("{name} is the host's");
            return Err(wrong("a namespace of the box", "its own", actual));
        }
    }
    let field = |name: &str| field(&observed.status, name);
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        expect(set, "0000000000000000", field(set))?;
    }
    expect("NoNewPrivs", "1", field("NoNewPrivs"))?;
    expect("Seccomp", "2", field("Seccomp"))?;
    let ids = [surface.user; 4].map(|id| id.to_string()).join("\t");
    expect("Uid", &ids, field("Uid"))?;
    expect("Gid", &ids, field("Gid"))?;
    match observed.root {
        RootState::ReadOnly => {}
        RootState::Writable => {
            return Err(wrong("the root file system", "read-only", "writable".to_owned()));
        }
    }
    Ok(Isolation {
        namespaces,
        network: match network {
            Network::None => "none".to_owned(),
            Network::Host => "host".to_owned(),
        },
        root: "read-only".to_owned(),
        capabilities: Vec::new(),
        no_new_privs: true,
        seccomp: seccomp::NAME.to_owned(),
        memory: control.memory(limits.memory),
        processes: processes(observed, limits, control),
        file_size: rlimit(limits.file_size, observed.file_size, "RLIMIT_FSIZE"),
        wall: wall(limits.wall),
    })
}

fn processes(observed: &Observed, limits: &Limits, control: &Control) -> Enforcement {
    let ours = observed.processes.saturating_sub(OUR_PROCESSES);
    match (rlimit(limits.processes, ours, "RLIMIT_NPROC"), control.processes()) {
        (Enforcement::Enforced { value, by }, Some(cgroup)) => {
            Enforcement::Enforced { value, by: format!("{by}, {cgroup}") }
        }
        (other, _) => other,
    }
}

fn rlimit(asked: Option<u64>, actual: u64, by: &str) -> Enforcement {
    match asked {
        None => Enforcement::Unlimited,
        Some(asked) if actual <= asked => Enforcement::Enforced { value: actual, by: by.to_owned() },
        Some(asked) => Enforcement::NotEnforced { why: format!("{by} is {actual}, asked for {asked}") },
    }
}

fn wall(limit: Duration) -> Enforcement {
    Enforcement::Enforced { value: limit.as_secs(), by: "the engine's clock".to_owned() }
}

/// The value of one line of `/proc/self/status`.
fn field<'a>(status: &'a str, name: &str) -> &'a str {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map_or("missing", str::trim)
}

fn expect(what: &'static str, expected: &str, actual: &str) -> Result<(), NativeError> {
    if expected == actual { Ok(()) } else { Err(wrong(what, expected, actual.to_owned())) }
}

fn wrong(what: &'static str, expected: &str, actual: String) -> NativeError {
    NativeError::NotIsolated { what, expected: expected.to_owned(), actual }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_link_gives_its_inode() {
        assert_eq!(inode_of(Path::new("net:[4026531840]")), Some(4_026_531_840));
        assert_eq!(inode_of(Path::new("net")), None);
    }

    #[test]
    fn a_box_with_a_capability_is_no_box() {
        let outside = own_namespaces();
        let namespaces = NAMESPACES.into_iter().map(|name| (name.to_owned(), outside[name] + 1)).collect();
        let status = |bounding: &str| {
            format!(
                "Uid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\nCapInh:\t{0}\nCapPrm:\t{0}\nCapEff:\t{0}\nCapBnd:\t{bounding}\nCapAmb:\t{0}\nNoNewPrivs:\t1\nSeccomp:\t2\n",
                "0".repeat(16)
            )
        };
        let mut observed = Observed {
            status: status("0000000000000000"),
            namespaces,
            root: RootState::ReadOnly,
            file_size: 5,
            processes: 12,
        };
        let limits = Limits { file_size: Some(5), processes: Some(10), ..Limits::default() };
        let control = Control::none("no reason");
        let isolation = judge(&observed, Network::None, &limits, &Surface::default(), &control).unwrap();
        assert_eq!(isolation.namespaces, NAMESPACES);
        let enforced = Enforcement::Enforced { value: 10, by: "RLIMIT_NPROC".to_owned() };
        assert_eq!(isolation.processes, enforced);
        assert_eq!(isolation.memory, Enforcement::Unlimited);
        observed.status = status("0000000000000001");
        let error = judge(&observed, Network::None, &limits, &Surface::default(), &control).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the box is not isolated: CapBnd is 0000000000000001, expected 0000000000000000"
        );
        observed.status = status("0000000000000000");
        observed.namespaces.insert("net".to_owned(), outside["net"]);
        assert!(judge(&observed, Network::None, &limits, &Surface::default(), &control).is_err());
        assert!(judge(&observed, Network::Host, &limits, &Surface::default(), &control).is_ok());
    }
}
