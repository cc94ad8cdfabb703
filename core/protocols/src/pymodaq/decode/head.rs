//! Small items before payloads: read whole, once their length is known.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use labwire_session::framing::length32::length_at;

use super::{DecodeError, Decoded};
use crate::pymodaq::array::{MAX_RANK, MAX_SCALAR, Scalar, byte_count};
use crate::pymodaq::dtype::Dtype;

/// Longest name of a type or class, and longest type string.
const MAX_NAME: usize = 64;

/// Result of reading the bytes so far.
pub(super) enum Head<T> {
    /// This number of bytes from the start is needed to continue.
    Needs(usize),
    /// The item is complete.
    Complete(T),
}

/// Head of an array. Its numbers are consistent.
#[derive(Debug)]
pub(super) struct ArrayHead {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    pub(super) bytes: usize,
}

/// Length or count.
pub(super) fn length(bytes: &[u8]) -> Decoded<Head<usize>> {
    Ok(length_at(bytes, 0).map_or(Head::Needs(4), Head::Complete))
}

/// Name of a type or class.
pub(super) fn name(bytes: &[u8]) -> Decoded<Head<String>> {
    Ok(match short_text(bytes)? {
        Head::Needs(length) => Head::Needs(length),
        Head::Complete(text) => Head::Complete(text.to_string()),
    })
}

/// Number with its type.
pub(super) fn scalar(bytes: &[u8]) -> Decoded<Head<Scalar>> {
    let (dtype, end) = match dtype(bytes)? {
        Head::Needs(length) => return Ok(Head::Needs(length)),
        Head::Complete(found) => found,
    };
    let Some(length) = length_at(bytes, end) else {
        return Ok(Head::Needs(end + 4));
    };
    if !dtype.is_number() || length > MAX_SCALAR || length != dtype.item_size() {
        return Err(malformed!("a scalar of type {dtype} in {length} bytes"));
    }
    let Some(data) = bytes.get(end + 4..end + 4 + length) else {
        return Ok(Head::Needs(end + 4 + length));
    };
    Scalar::new(dtype, data)
        .map(Head::Complete)
        .ok_or_else(|| malformed!("a scalar of type {dtype}"))
}

/// Head of an array from g2 on: type, bytes, rank, shape.
pub(super) fn array(bytes: &[u8]) -> Decoded<Head<ArrayHead>> {
    let (dtype, end) = match dtype(bytes)? {
        Head::Needs(length) => return Ok(Head::Needs(length)),
        Head::Complete(found) => found,
    };
    let (Some(length), Some(rank)) = (length_at(bytes, end), length_at(bytes, end + 4)) else {
        return Ok(Head::Needs(end + 8));
    };
    if rank > MAX_RANK {
        return Err(malformed!("an array of rank {rank}"));
    }
    let dimensions = end + 8;
    let shape: Option<Vec<usize>> = (0..rank)
        .map(|index| length_at(bytes, dimensions + 4 * index))
        .collect();
    match shape {
        None => Ok(Head::Needs(dimensions + 4 * rank)),
        Some(shape) => agreed(dtype, shape, length),
    }
}

/// Head of an array in g1: type, bytes, rows, columns. With one column, or none, it is a vector.
pub(super) fn matrix(bytes: &[u8]) -> Decoded<Head<ArrayHead>> {
    let (dtype, end) = match dtype(bytes)? {
        Head::Needs(length) => return Ok(Head::Needs(length)),
        Head::Complete(found) => found,
    };
    let numbers = (
        length_at(bytes, end),
        length_at(bytes, end + 4),
        length_at(bytes, end + 8),
    );
    let (Some(length), Some(rows), Some(columns)) = numbers else {
        return Ok(Head::Needs(end + 12));
    };
    let shape = if columns <= 1 {
        [rows].into()
    } else {
        [rows, columns].into()
    };
    agreed(dtype, shape, length)
}

fn agreed(dtype: Dtype, shape: Vec<usize>, bytes: usize) -> Decoded<Head<ArrayHead>> {
    if byte_count(dtype, &shape) != Some(bytes) {
        return Err(malformed!(
            "an array of type {dtype} and shape {shape:?} in {bytes} bytes"
        ));
    }
    Ok(Head::Complete(ArrayHead { dtype, shape, bytes }))
}

/// Type string, and its end.
fn dtype(bytes: &[u8]) -> Decoded<Head<(Dtype, usize)>> {
    let text = match short_text(bytes)? {
        Head::Needs(length) => return Ok(Head::Needs(length)),
        Head::Complete(text) => text,
    };
    let dtype = text.parse().map_err(|error| malformed!("{error}"))?;
    Ok(Head::Complete((dtype, 4 + text.len())))
}

fn short_text(bytes: &[u8]) -> Result<Head<&str>, DecodeError> {
    let Some(length) = length_at(bytes, 0) else {
        return Ok(Head::Needs(4));
    };
    if length > MAX_NAME {
        return Err(malformed!("a name of {length} bytes"));
    }
    let Some(text) = bytes.get(4..4 + length) else {
        return Ok(Head::Needs(4 + length));
    };
    match core::str::from_utf8(text) {
        Ok(text) => Ok(Head::Complete(text)),
        Err(_) => Err(malformed!("a name that is not UTF-8")),
    }
}
