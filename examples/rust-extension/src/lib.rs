//! The FNV-1a hash (64 bits) as a Python extension.

use pyo3::prelude::*;

#[pymodule]
mod fnv1a_rs {
    use super::*;

    /// The hash of some bytes.
    #[pyfunction]
    fn fnv1a(data: &[u8]) -> u64 {
        data.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
    }
}
