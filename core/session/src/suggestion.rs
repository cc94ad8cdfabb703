//! Names that were probably meant.

use alloc::vec;
use alloc::vec::Vec;

/// Name that was probably meant: the nearest known one, if it is close enough.
pub fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    // Longer names are not typing errors, and comparing them would be slow.
    if length > 40 {
        return None;
    }
    let limit = (length / 3).max(1);
    let near = known.filter(|known| known.chars().count().abs_diff(length) <= limit && is_alike(name, known));
    let distances = near.map(|known| (edit_distance(name, known), known));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= limit).then_some(nearest)
}

/// Whether a slip of the fingers may have turned `known` into `name`: both begin alike, for `ball` is not `all`, and have
/// the same digits, for `log10` is not `log1p`.
fn is_alike(name: &str, known: &str) -> bool {
    let begins = |text: &str| -> Vec<char> { text.chars().take(2).map(|c| c.to_ascii_lowercase()).collect() };
    let (a, b) = (begins(name), begins(known));
    let is_swapped =
        matches!((&a[..], &b[..]), ([first, second], [third, fourth]) if first == fourth && second == third);
    let digits = |c: &char| c.is_ascii_digit();
    (a.first() == b.first() || is_swapped) && name.chars().filter(digits).eq(known.chars().filter(digits))
}

/// Number of characters to insert, remove, replace or swap with their neighbour.
fn edit_distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_ascii_lowercase().chars().collect();
    let b: Vec<char> = b.to_ascii_lowercase().chars().collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_is_near() {
        let known = ["tolerance", "delta_tolerance", "u", "x"];
        assert_eq!(suggestion("tolerence", known.into_iter()), Some("tolerance"));
        assert_eq!(suggestion("toleranec", known.into_iter()), Some("tolerance"));
        assert_eq!(suggestion("Tolerance", known.into_iter()), Some("tolerance"));
        assert_eq!(suggestion("uu", known.into_iter()), Some("u"));
        assert_eq!(suggestion("horizon", known.into_iter()), None);
        assert_eq!(suggestion("otlerance", known.into_iter()), Some("tolerance"));
    }

    #[test]
    fn suggests_nothing_that_does_not_fit() {
        let sets = ["all", "zero", "ball1", "ball2", "sphere2"];
        assert_eq!(suggestion("ball", sets.into_iter()), None);
        assert_eq!(suggestion("bal2", sets.into_iter()), Some("ball2"));
        for name in ["log10", "ln", "tog1p"] {
            assert_eq!(suggestion(name, ["log", "log1p"].into_iter()), None, "{name}");
        }
        assert_eq!(suggestion("x", ["u"].into_iter()), None);
    }
}
