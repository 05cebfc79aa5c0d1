//! Texts for durations and sizes: `90s`, `30m`, `2h`; `512M`, `4G`.

use std::time::Duration;

/// A duration with its unit: `s`, `m` or `h`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, seconds) = match text.as_bytes().last()? {
        b's' => (&text[..text.len() - 1], 1),
        b'm' => (&text[..text.len() - 1], 60),
        b'h' => (&text[..text.len() - 1], 3600),
        _ => return None,
    };
    let number: u64 = whole(number)?;
    number.checked_mul(seconds).filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

/// A size in bytes, with `K`, `M` or `G` for powers of 1024.
pub(super) fn size(text: &str) -> Option<u64> {
    let (number, unit) = match text.as_bytes().last()? {
        b'K' => (&text[..text.len() - 1], 1 << 10),
        b'M' => (&text[..text.len() - 1], 1 << 20),
        b'G' => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    whole(number)?.checked_mul(unit).filter(|bytes| *bytes > 0)
}

fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_whole_numbers_with_a_unit() {
        assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Some(Duration::from_hours(2)));
        assert_eq!(size("512M"), Some(512 << 20));
        assert_eq!(size("17"), Some(17));
        for wrong in
            ["", "s", "1", "1d", "-1s", "1.5h", "0s", "99999999999999999999h", "18446744073709551615h"]
        {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
        for wrong in ["", "G", "0", "1T", "+1K", "18446744073709551615K"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }
}
