//! Reader of the sets of a problem file.
//!
//! A set is its name with its parameters: `"zero"`, `"all"`, `{"ball2": {"radius": 1.5}}`, `{"product": {"0..2":
//! "zero", "2..5": {"box": {"max": 0}}}}`. One number stands for a whole vector.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use labwire_solve::sets::{AffineSpace, Set};

use super::keys;
use crate::text::{Entry, Fault, Place, TextError, find, suggestion};

/// Sets that consist of their name only.
fn named_set(name: &str) -> Option<Set> {
    match name {
        "all" => Some(Set::All),
        "zero" => Some(Set::Zero),
        "epigraph_squared_norm" => Some(Set::EpigraphSquaredNorm),
        _ => None,
    }
}

/// Reads a set of vectors of length `dimension`.
pub(super) fn read_set(place: &Place<'_>, dimension: usize) -> Result<Set, TextError> {
    const WHAT: &str = "a set such as {\"box\": {\"min\": 0}}, \"zero\" or \"all\"";
    let Ok(name) = place.string(WHAT) else {
        return read_described_set(place, WHAT, dimension);
    };
    match named_set(name) {
        Some(set) => checked(place, set, dimension),
        None if keys::set::NAMES.contains(&name) => Err(place.error(format!(
            "`{name}` needs parameters: write {{\"{name}\": {{...}}}}"
        ))),
        None => Err(place.fault(unknown_set(name))),
    }
}

/// The set, if it is one of vectors of that length.
pub(super) fn checked(place: &Place<'_>, set: Set, dimension: usize) -> Result<Set, TextError> {
    match set.check(dimension) {
        Ok(()) => Ok(set),
        Err(error) => Err(place.error(error.to_string())),
    }
}

/// Reads `{"name": {parameters}}`.
fn read_described_set(place: &Place<'_>, what: &str, dimension: usize) -> Result<Set, TextError> {
    let entries = place.entries(what)?;
    if !entries.is_empty()
        && entries
            .iter()
            .all(|entry| keys::set_box::NAMES.contains(&entry.name))
    {
        let fault = Fault::new(0, "bounds without the name of their set".into());
        let bounds: Vec<String> = entries
            .iter()
            .map(|entry| format!("\"{}\": ..", entry.name))
            .collect();
        return Err(place.fault(fault.help(format!("write {{\"box\": {{{}}}}}", bounds.join(", ")))));
    }
    let [entry] = entries.as_slice() else {
        return Err(place.error(format!("expected one set, found {} keys", entries.len())));
    };
    let body = &entry.value;
    let set = match entry.name {
        "box" => read_box(body, dimension),
        "ball1" => read_ball(body, dimension).map(|(center, radius)| Set::Ball1 { center, radius }),
        "ball2" => read_ball(body, dimension).map(|(center, radius)| Set::Ball2 { center, radius }),
        "ball_inf" => read_ball(body, dimension).map(|(center, radius)| Set::BallInf { center, radius }),
        "sphere2" => read_ball(body, dimension).map(|(center, radius)| Set::Sphere2 { center, radius }),
        "ball_p" => read_ball_p(body, dimension),
        "simplex" => read_alpha(body).map(|alpha| Set::Simplex { alpha }),
        "second_order_cone" => read_alpha(body).map(|alpha| Set::SecondOrderCone { alpha }),
        "halfspace" => read_plane(body, dimension).map(|(normal, offset)| Set::Halfspace { normal, offset }),
        "hyperplane" => {
            read_plane(body, dimension).map(|(normal, offset)| Set::Hyperplane { normal, offset })
        }
        "affine_space" => read_affine_space(body, dimension),
        "finite_set" => read_finite_set(body, dimension),
        "product" => read_product(body, dimension),
        name => match named_set(name) {
            Some(set) => body
                .entries_of("an object without keys", keys::empty::NAMES)
                .map(|_| set),
            None => Err(place.fault_in_key(entry, unknown_set(name))),
        },
    }?;
    checked(body, set, dimension)
}

fn unknown_set(name: &str) -> Fault {
    let fault = Fault::new(0, format!("unknown set `{name}`"))
        .suggest(suggestion(name, keys::set::NAMES.iter().copied()));
    if fault.help.is_some() {
        return fault;
    }
    fault.help(format!("known sets: {}", keys::set::NAMES.join(", ")))
}

/// Reads a box from "min", "max" or both.
pub(super) fn read_box(place: &Place<'_>, dimension: usize) -> Result<Set, TextError> {
    let entries = place.entries_of("an object with \"min\", \"max\" or both", keys::set_box::NAMES)?;
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
    checked(place, Set::Box { min, max }, dimension)
}

fn read_ball(place: &Place<'_>, dimension: usize) -> Result<(Option<Vec<f64>>, f64), TextError> {
    let entries = place.entries_of("an object with \"radius\"", keys::ball::NAMES)?;
    let radius = required(place, &entries, "radius")?.number("a positive number")?;
    Ok((read_center(&entries, dimension)?, radius))
}

fn read_ball_p(place: &Place<'_>, dimension: usize) -> Result<Set, TextError> {
    let entries = place.entries_of("an object with \"p\" and \"radius\"", keys::ball_p::NAMES)?;
    Ok(Set::BallP {
        p: required(place, &entries, "p")?.number("a number above 1")?,
        radius: required(place, &entries, "radius")?.number("a positive number")?,
        center: read_center(&entries, dimension)?,
    })
}

fn read_center(entries: &[Entry<'_>], dimension: usize) -> Result<Option<Vec<f64>>, TextError> {
    find(entries, "center")
        .map(|center| read_numbers(center, dimension))
        .transpose()
}

fn read_alpha(place: &Place<'_>) -> Result<f64, TextError> {
    let entries = place.entries_of("an object with \"alpha\"", keys::alpha::NAMES)?;
    required(place, &entries, "alpha")?.number("a positive number")
}

fn read_plane(place: &Place<'_>, dimension: usize) -> Result<(Vec<f64>, f64), TextError> {
    let entries = place.entries_of("an object with \"normal\" and \"offset\"", keys::plane::NAMES)?;
    Ok((
        read_numbers(required(place, &entries, "normal")?, dimension)?,
        required(place, &entries, "offset")?.number("a number")?,
    ))
}

fn read_affine_space(place: &Place<'_>, dimension: usize) -> Result<Set, TextError> {
    let entries = place.entries_of("an object with \"A\" and \"b\"", keys::affine_space::NAMES)?;
    let rows = required(place, &entries, "A")?.items("a list of rows")?;
    let b = read_numbers(required(place, &entries, "b")?, rows.len())?;
    let mut a = Vec::with_capacity(rows.len() * dimension);
    for row in &rows {
        a.extend(read_numbers(row, dimension)?);
    }
    let space = AffineSpace::new(&a, &b).map_err(|error| place.error(error.to_string()))?;
    Ok(Set::AffineSpace(space))
}

fn read_finite_set(place: &Place<'_>, dimension: usize) -> Result<Set, TextError> {
    let entries = place.entries_of("an object with \"points\"", keys::finite_set::NAMES)?;
    let points = required(place, &entries, "points")?.items("a list of points")?;
    let points = points.iter().map(|point| read_numbers(point, dimension));
    points.collect::<Result<_, _>>().map(Set::Finite)
}

fn read_numbers(place: &Place<'_>, len: usize) -> Result<Vec<f64>, TextError> {
    place.vector(len, "a list of numbers", |entry| entry.number("a number"))
}

fn required<'a, 't>(
    place: &Place<'t>,
    entries: &'a [Entry<'t>],
    key: &str,
) -> Result<&'a Place<'t>, TextError> {
    find(entries, key).ok_or_else(|| place.error(format!("the key `{key}` is missing")))
}

fn read_product(place: &Place<'_>, dimension: usize) -> Result<Set, TextError> {
    let entries = place.entries("an object of index ranges and their sets")?;
    let mut parts = Vec::with_capacity(entries.len());
    let mut covered = 0;
    for entry in &entries {
        let (start, end) = read_range(place, entry)?;
        if start != covered || end <= start || end > dimension {
            let message =
                format!("expected a range that begins at {covered} and ends at most at {dimension}");
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

fn read_range(place: &Place<'_>, entry: &Entry<'_>) -> Result<(usize, usize), TextError> {
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
