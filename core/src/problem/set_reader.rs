//! Reads the sets of a problem file.
//!
//! A set is its name with what it needs: `"zero"`, `"all"`, `{"ball2": {"radius": 1.5}}`,
//! `{"product": {"0..2": "zero", "2..5": {"box": {"max": 0}}}}`. One number stands for a whole vector.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::error::{Fault, ProblemError, suggestion};
use super::reader::{Entry, Place, find};
use crate::sets::Set;

/// The names of all sets.
const SETS: [&str; 7] = ["all", "zero", "box", "ball1", "ball2", "ball_inf", "product"];

/// A set of vectors of length `dimension`.
pub(super) fn read_set(place: &Place<'_>, dimension: usize) -> Result<Set, ProblemError> {
    const WHAT: &str = "a set such as {\"box\": {\"min\": 0}}, \"zero\" or \"all\"";
    if let Ok(name) = place.string(WHAT) {
        return match name {
            "all" => Ok(Set::All),
            "zero" => Ok(Set::Zero),
            _ if SETS.contains(&name) => {
                Err(place.error(format!("`{name}` needs more: write {{\"{name}\": {{...}}}}")))
            }
            _ => Err(place.fault(unknown_set(name))),
        };
    }
    let entries = place.entries(WHAT)?;
    let [entry] = entries.as_slice() else {
        return Err(place.error(format!("expected one set, found {} keys", entries.len())));
    };
    let body = &entry.value;
    let set = match entry.name {
        "all" => body.entries_of("an object without keys", &[]).map(|_| Set::All),
        "zero" => body.entries_of("an object without keys", &[]).map(|_| Set::Zero),
        "box" => read_box(body, dimension),
        "ball1" => read_ball(body, dimension).map(|(center, radius)| Set::Ball1 { center, radius }),
        "ball2" => read_ball(body, dimension).map(|(center, radius)| Set::Ball2 { center, radius }),
        "ball_inf" => read_ball(body, dimension).map(|(center, radius)| Set::BallInf { center, radius }),
        "product" => read_product(body, dimension),
        name => Err(place.fault_in_key(entry, unknown_set(name))),
    }?;
    set.check(dimension)
        .map_err(|error| body.error(error.to_string()))?;
    Ok(set)
}

fn unknown_set(name: &str) -> Fault {
    let fault = Fault::new(0, format!("unknown set `{name}`")).suggest(suggestion(name, SETS.into_iter()));
    if fault.help.is_some() {
        return fault;
    }
    fault.help(format!("known sets: {}", SETS.join(", ")))
}

fn read_box(place: &Place<'_>, dimension: usize) -> Result<Set, ProblemError> {
    let entries = place.entries_of("an object with \"min\", \"max\" or both", &["min", "max"])?;
    let bounds = |name: &str, unbounded: f64| match find(&entries, name) {
        None => Ok(alloc::vec![unbounded; dimension]),
        Some(bounds) => bounds.vector(dimension, "bounds", |bound| {
            if bound.is_null() {
                return Ok(unbounded);
            }
            bound.number("a number, or null for no bound")
        }),
    };
    let (min, max) = (bounds("min", f64::NEG_INFINITY)?, bounds("max", f64::INFINITY)?);
    Ok(Set::Box { min, max })
}

fn read_ball(place: &Place<'_>, dimension: usize) -> Result<(Option<Vec<f64>>, f64), ProblemError> {
    let entries = place.entries_of("an object with \"radius\"", &["radius", "center"])?;
    let radius = match find(&entries, "radius") {
        Some(radius) => radius.number("a positive number")?,
        None => return Err(place.error("the key `radius` is missing".into())),
    };
    let center = find(&entries, "center")
        .map(|center| center.vector(dimension, "a list of numbers", |entry| entry.number("a number")));
    Ok((center.transpose()?, radius))
}

fn read_product(place: &Place<'_>, dimension: usize) -> Result<Set, ProblemError> {
    let entries = place.entries("an object of index ranges and their sets")?;
    let mut parts = Vec::with_capacity(entries.len());
    let mut covered = 0;
    for entry in &entries {
        let (start, end) = read_range(place, entry)?;
        if start != covered || end <= start || end > dimension {
            let message =
                format!("expected a range that begins at {covered} and ends at {dimension} at most");
            return Err(place.fault_in_key(entry, Fault::new(0, message)));
        }
        parts.push((end, read_set(&entry.value, end - start)?));
        covered = end;
    }
    if covered == dimension {
        Ok(Set::Product(parts))
    } else {
        Err(place.error(format!(
            "the ranges end at {covered}, but there are {dimension} indices"
        )))
    }
}

fn read_range(place: &Place<'_>, entry: &Entry<'_>) -> Result<(usize, usize), ProblemError> {
    let bounds = entry.name.split_once("..");
    let bounds = bounds.and_then(|(start, end)| start.trim().parse().ok().zip(end.trim().parse().ok()));
    bounds.ok_or_else(|| {
        let message = format!(
            "expected a range of indices such as \"0..2\", found `{}`",
            entry.name
        );
        place.fault_in_key(entry, Fault::new(0, message))
    })
}
