//! Numbers with units, short enough for a column.

/// Bytes: `512 B`, `1.5 GiB`.
pub(super) fn bytes(count: u64) -> String {
    let index = usize::try_from(count.checked_ilog2().unwrap_or(0) / 10).unwrap_or(0);
    match BYTE_UNITS.get(index.wrapping_sub(1)) {
        None => format!("{count} B"),
        Some(unit) => {
            let value = count as f64 / 1024_f64.powi(i32::try_from(index).unwrap_or(0));
            if value < 10.0 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
        }
    }
}

/// Bytes a second.
pub(super) fn byte_rate(per_second: f64) -> String {
    // A rate is not below zero, and beyond 2^64 only the largest can be told.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, which is what is wanted")]
    let whole = per_second as u64;
    format!("{}/s", bytes(whole))
}

/// Times a second: `0`, `0.3`, `1250`.
pub(super) fn rate(per_second: f64) -> String {
    if per_second == 0.0 || per_second >= 100.0 { format!("{per_second:.0}") } else { format!("{per_second:.1}") }
}

/// A time: `42 s`, `5 min`, `3 h 12 min`, `2 d 4 h`.
pub(super) fn seconds(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min"),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// A latency: `90 us`, `1.5 ms`, `2.0 s`.
pub(super) fn microseconds(microseconds: u64) -> String {
    let value = microseconds as f64;
    match microseconds {
        0..1000 => format!("{microseconds} us"),
        1000..10_000 => format!("{:.1} ms", value / 1e3),
        10_000..1_000_000 => format!("{:.0} ms", value / 1e3),
        _ => format!("{:.1} s", value / 1e6),
    }
}

/// A part of a whole in per cent; nothing when there is no whole.
pub(super) fn percent(part: u64, whole: u64) -> Option<String> {
    let per_cent = u128::from(part) * 100 / u128::from(Some(whole).filter(|whole| *whole > 0)?);
    Some(format!("{per_cent} %"))
}

const BYTE_UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let told = [0, 1023, 1024, 1536, 10 << 20, 1 << 40, u64::MAX].map(bytes);
        assert_eq!(told, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "10 MiB", "1.0 TiB", "16 EiB"]);
        assert_eq!([0.0, 0.34, 99.95, 1234.5].map(rate), ["0", "0.3", "100.0", "1234"]);
        assert_eq!([5, 65, 3720, 100_000].map(seconds), ["5 s", "1 min", "1 h 2 min", "1 d 3 h"]);
        assert_eq!([90, 1500, 15_000, 2_000_000].map(microseconds), ["90 us", "1.5 ms", "15 ms", "2.0 s"]);
        assert_eq!(
            (percent(1, 3).unwrap(), percent(1, 0), byte_rate(2048.0)),
            ("33 %".to_owned(), None, "2.0 KiB/s".to_owned())
        );
    }
}
