//! Numbers as people read them.

/// With at most three digits that tell, and `k`, `M`, `G` for large ones.
pub fn short(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "–".to_owned();
    }
    for (from, by, unit) in [(1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")] {
        if size >= from {
            return format!("{}{unit}", digits(value / by));
        }
    }
    digits(value)
}

/// A share of one as per cent.
pub fn percent(share: f64) -> String {
    if share.is_finite() { format!("{}%", digits(share * 100.0)) } else { "–".to_owned() }
}

fn digits(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    let places = (2 - size.log10().floor() as i32).clamp(0, 6) as usize;
    let text = format!("{value:.places$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, expect) in [
            (0.0, "0"),
            (0.012_34, "0.0123"),
            (1.5, "1.5"),
            (123.456, "123"),
            (9_999.0, "9999"),
            (12_345.0, "12.3k"),
            (-2.5e6, "-2.5M"),
            (3e12, "3000G"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(short(value), expect);
        }
        assert_eq!(percent(0.0502), "5.02%");
        assert_eq!(percent(f64::INFINITY), "–");
    }
}
