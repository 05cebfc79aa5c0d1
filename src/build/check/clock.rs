//! A library of ours that tells programs another time, preloaded into every dynamic program of a box.
//!
//! No namespace moves the wall clock (`time_namespaces(7)` moves the others), and no compiler can be counted on, so the
//! ELF file is written here: five hundred bytes that need no C library. `clock_gettime`, `gettimeofday`, `time` and
//! `timespec_get` ask the kernel, drop what they are told to drop, and add what they are told to add. Programs that are
//! linked statically, that call the kernel themselves (Go's do) or that read the times of files see the real time.

use crate::name::{Platform, SandboxPath};

use super::super::planning::sandbox_path;

/// What time a box has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    /// The real time and so many seconds.
    Moved(i64),
    /// Always this one: seconds since 1970.
    Held(i64),
}

/// Where the library lies in the box. What `ldd` lists it is listed with, too: by its name tools that collect libraries
/// (PyInstaller, auditwheel) take it for a part of the C library, which they leave out.
const LIBRARY: &str = "/env/clock/librt.so.1";
/// What every dynamic program loads first (ld.so(8)).
const PRELOAD: &str = "/etc/ld.so.preload";

/// The files that a box needs for another time.
pub(super) fn files(clock: Clock, platform: Platform) -> Vec<(SandboxPath, Vec<u8>)> {
    vec![
        (sandbox_path(LIBRARY), library(clock, platform)),
        (sandbox_path(PRELOAD), format!("{LIBRARY}\n").into_bytes()),
    ]
}

/// Names and offsets of the functions in the code; the two numbers that they use follow it.
struct Code {
    machine: u16,
    words: &'static [u32],
    functions: [(&'static str, u64); 4],
}

/// x86-64: the numbers of the calls are 228 (`clock_gettime`), 96 (`gettimeofday`) and 201 (`time`). Clocks 0, 5 and 11 are
/// the wall clock's; of what a call stored, `and` and `add` change the seconds and `and` the fraction.
const X86_64: Code = Code {
    machine: 62,
    #[rustfmt::skip]
    words: &[
        // clock_gettime(edi, rsi)
        0x0000_e4b8, 0x8505_0f00, 0x8534_75c0, 0x830a_74ff, 0x0574_05ff, 0x750b_ff83, 0x068b_4823, 0x9d05_2348,
        0x4800_0000, 0x009e_0503, 0x8948_0000, 0x468b_4806, 0x0523_4808, 0x0000_0088, 0x0846_8948, 0xb8c3_c031,
        0xffff_ffff, 0x2e66_66c3, 0x0084_1f0f, 0x0000_0000,
        // gettimeofday(rdi, rsi)
        0x0000_60b8, 0x8505_0f00, 0x48e4_75c0, 0xdc74_ff85, 0xebfe_8948, 0x2e66_66b4, 0x0084_1f0f, 0x0000_0000,
        // time(rdi)
        0xb8ff_3157, 0x0000_00c9, 0x485f_050f, 0x003e_0523, 0x0348_0000, 0x0000_3f05, 0xff85_4800, 0x8948_0374,
        0x6666_c307, 0x841f_0f2e, 0x0000_0000, 0x001f_0f00,
        // timespec_get(rdi, esi)
        0x7501_fe83, 0xfe89_480e, 0x51e8_ff31, 0x83ff_ffff, 0x31c3_01c0, 0x2e66_c3c0, 0x0084_1f0f, 0x0000_0000,
    ],
    functions: [("clock_gettime", 0), ("gettimeofday", 0x50), ("time", 0x70), ("timespec_get", 0xa0)],
};

/// The same for `AArch64`: calls 113 (`clock_gettime`) and 169 (`gettimeofday`).
const AARCH64: Code = Code {
    machine: 183,
    #[rustfmt::skip]
    words: &[
        // clock_gettime(w0, x1)
        0xaa00_03e9, 0xd280_0e28, 0xd400_0001, 0x3500_01e0, 0x3400_00a9, 0x7100_153f, 0x5400_0060, 0x7100_2d3f,
        0x5400_0101, 0x5800_05ea, 0x5800_060b, 0xa940_342c, 0x8a0a_018c, 0x8b0b_018c, 0x8a0a_01ad, 0xa900_342c,
        0x5280_0000, 0xd65f_03c0, 0x1280_0000, 0xd65f_03c0,
        // gettimeofday(x0, x1)
        0xaa00_03e9, 0xd280_1528, 0xd400_0001, 0x35ff_ff60, 0xb4ff_ff09, 0xaa09_03e1, 0x17ff_ffef, 0xd503_201f,
        // time(x0)
        0xaa00_03e9, 0xd100_43ff, 0xd280_0000, 0x9100_03e1, 0xd280_0e28, 0xd400_0001, 0xf940_03e0, 0x9100_43ff,
        0x5800_028a, 0x5800_02ab, 0x8a0a_0000, 0x8b0b_0000, 0xb400_0049, 0xf900_0120, 0xd65f_03c0, 0xd503_201f,
        // timespec_get(x0, w1)
        0x7100_043f, 0x5400_0101, 0xa9bf_7bfd, 0xaa00_03e1, 0xd280_0000, 0x97ff_ffcf, 0xa8c1_7bfd, 0x1100_0400,
        0xd65f_03c0, 0x5280_0000, 0xd65f_03c0, 0xd503_201f,
    ],
    functions: [("clock_gettime", 0), ("gettimeofday", 0x50), ("time", 0x70), ("timespec_get", 0xb0)],
};

/// Sizes of ELF's structures for 64 bits ("System V ABI", chapters 4 and 5).
const HEADER: u64 = 64;
const SEGMENT: u64 = 56;
const SYMBOL: u64 = 24;
/// Pages of every machine divide this.
const ALIGN: u64 = 0x1_0000;

/// The whole file: one segment to read and run, one to write, since loaders write into the dynamic section.
fn library(clock: Clock, platform: Platform) -> Vec<u8> {
    let code = match platform {
        Platform::LinuxAmd64 => &X86_64,
        Platform::LinuxArm64 => &AARCH64,
    };
    // What stays of the real time, and what is added.
    let (kept, added) = match clock {
        Clock::Moved(seconds) => (-1_i64, seconds),
        Clock::Held(seconds) => (0, seconds),
    };
    let segments = 4;
    let hash_at = HEADER + segments * SEGMENT;
    let names: Vec<&str> = code.functions.iter().map(|(name, _)| *name).collect();
    let count = names.len() as u64 + 1;
    // One bucket with all symbols in a chain.
    let hash_size = 4 * (2 + 1 + count);
    let symbols_at = (hash_at + hash_size).next_multiple_of(8);
    let strings_at = symbols_at + count * SYMBOL;
    let mut strings = vec![0_u8];
    let mut symbols = vec![0_u8; 24];
    let strings_size = 1 + names.iter().map(|name| name.len() as u64 + 1).sum::<u64>();
    let code_at = (strings_at + strings_size).next_multiple_of(16);
    for (name, offset) in &code.functions {
        // STB_GLOBAL, STT_FUNC, STV_DEFAULT, in section 1 (any that is defined).
        put(
            &mut symbols,
            &[(strings.len() as u64, 4), (0x12, 1), (0, 1), (1, 2), (code_at + offset, 8), (0, 8)],
        );
        strings.extend_from_slice(name.as_bytes());
        strings.push(0);
    }
    let code_size = code.words.len() as u64 * 4 + 16;
    let text_end = code_at + code_size;
    let dynamic_at = text_end.next_multiple_of(16);
    let dynamic_address = ALIGN + dynamic_at;
    // DT_HASH, DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_SYMENT, DT_NULL
    let dynamic = [(4, hash_at), (5, strings_at), (6, symbols_at), (10, strings_size), (11, SYMBOL), (0, 0)];
    let dynamic_size = dynamic.len() as u64 * 16;

    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    // ET_DYN
    put(&mut file, &[(3, 2), (u64::from(code.machine), 2), (1, 4), (0, 8), (HEADER, 8), (0, 8), (0, 4)]);
    put(&mut file, &[(HEADER, 2), (SEGMENT, 2), (segments, 2), (0, 2), (0, 2), (0, 2)]);
    let mut segment = |kind: u64, flags: u64, at: u64, address: u64, size: u64, align: u64| {
        put(
            &mut file,
            &[(kind, 4), (flags, 4), (at, 8), (address, 8), (address, 8), (size, 8), (size, 8), (align, 8)],
        );
    };
    // PT_LOAD twice, PT_DYNAMIC, and PT_GNU_STACK, without which the stack would be executable.
    segment(1, 5, 0, 0, text_end, ALIGN);
    segment(1, 6, dynamic_at, dynamic_address, dynamic_size, ALIGN);
    segment(2, 6, dynamic_at, dynamic_address, dynamic_size, 8);
    segment(0x6474_e551, 6, 0, 0, 0, 16);

    put(&mut file, &[(1, 4), (count, 4), (1, 4), (0, 4)]);
    for next in (2..count).chain([0]) {
        put(&mut file, &[(next, 4)]);
    }
    pad(&mut file, symbols_at);
    file.extend_from_slice(&symbols);
    file.extend_from_slice(&strings);
    pad(&mut file, code_at);
    for word in code.words {
        put(&mut file, &[(u64::from(*word), 4)]);
    }
    put(&mut file, &[(kept.cast_unsigned(), 8), (added.cast_unsigned(), 8)]);
    pad(&mut file, dynamic_at);
    for (tag, value) in dynamic {
        put(&mut file, &[(tag, 8), (value, 8)]);
    }
    file
}

/// Numbers, each with its size in bytes, in little-endian order.
fn put(file: &mut Vec<u8>, numbers: &[(u64, usize)]) {
    for (number, size) in numbers {
        file.extend_from_slice(&number.to_le_bytes()[..*size]);
    }
}

fn pad(file: &mut Vec<u8>, to: u64) {
    while (file.len() as u64) < to {
        file.push(0);
    }
}

#[cfg(test)]
mod tests {
    use object::read::elf::{ElfFile64, ProgramHeader as _};
    use object::{LittleEndian, Object as _};

    use super::*;

    #[test]
    fn the_library_is_an_elf_file_that_others_read() {
        for (platform, architecture) in [
            (Platform::LinuxAmd64, object::Architecture::X86_64),
            (Platform::LinuxArm64, object::Architecture::Aarch64),
        ] {
            let bytes = library(Clock::Moved(5), platform);
            let file = ElfFile64::<LittleEndian>::parse(&*bytes).unwrap();
            assert_eq!(file.architecture(), architecture);
            let headers = file.elf_program_headers();
            assert_eq!(headers.len(), 4);
            let dynamic = headers.iter().find_map(|header| header.dynamic(LittleEndian, &*bytes).unwrap());
            assert_eq!(dynamic.unwrap().len(), 6);
            assert!(bytes.len() < 1200, "{}", bytes.len());
            // The two numbers are the last of the code.
            assert!(bytes.windows(16).any(|part| part == [[0xff; 8], 5_u64.to_le_bytes()].concat()));
        }
    }
}
