//! Names → digests: what `lock` asks archives and indexes. (`python` is written and waits for `fetch`; it is
//! declared here as soon as that is there.)

pub mod debian;
