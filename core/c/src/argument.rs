//! Arguments from C, and results for C.

use core::ffi::{CStr, c_char};
use core::slice;
use std::fmt::Display;

use crate::error::{Failure, labwire_code};

/// Length of a text that ends at its NUL. cbindgen.toml has it for C.
pub(crate) const LABWIRE_TERMINATED: usize = usize::MAX;

fn null(what: impl Display) -> Failure {
    Failure::new(labwire_code::NullPointer, format_args!("{what} is NULL"))
}

/// Checks the length of an array.
pub(crate) fn expect_length(what: &str, found: usize, expected: usize) -> Result<(), Failure> {
    match found == expected {
        true => Ok(()),
        false => Err(Failure::new(
            labwire_code::WrongLength,
            format_args!("{what}: expected {expected} numbers, found {found}"),
        )),
    }
}

/// The object behind a handle. `object` is NULL or valid.
pub(crate) unsafe fn shared<'a, T>(what: &str, object: *const T) -> Result<&'a T, Failure> {
    // SAFETY: the caller says so.
    unsafe { object.as_ref() }.ok_or_else(|| null(what))
}

/// The object behind a handle, which is NULL or valid and of no other thread; or the place of a result.
pub(crate) unsafe fn exclusive<'a, T>(what: &str, object: *mut T) -> Result<&'a mut T, Failure> {
    // SAFETY: the caller says so.
    unsafe { object.as_mut() }.ok_or_else(|| null(what))
}

/// Frees an object made by [`give`], or nothing.
pub(crate) unsafe fn free<T>(object: *mut T) {
    if !object.is_null() {
        // SAFETY: it comes from `give`, and is freed once, as the caller says.
        drop(unsafe { Box::from_raw(object) });
    }
}

/// Passes an object on.
pub(crate) unsafe fn give<T>(place: *mut *mut T, object: T) -> Result<(), Failure> {
    // SAFETY: the caller says so.
    *unsafe { exclusive("the place of the object", place) }? = Box::into_raw(Box::new(object));
    Ok(())
}

/// Fails if there is no place for an object that is about to be made; what is there becomes NULL.
pub(crate) unsafe fn clear<T>(place: *mut *mut T) -> Result<(), Failure> {
    // SAFETY: the caller says so.
    *unsafe { exclusive("the place of the object", place) }? = core::ptr::null_mut();
    Ok(())
}

/// An array; that of length 0 may be NULL.
pub(crate) unsafe fn array<'a, T>(what: &str, start: *const T, length: usize) -> Result<&'a [T], Failure> {
    match (length, start.is_null()) {
        (0, _) => Ok(&[]),
        (_, true) => Err(null(what)),
        // No array is longer.
        _ if length > isize::MAX as usize / size_of::<T>() => Err(Failure::new(
            labwire_code::WrongLength,
            format_args!("{what}: {length} is no length of an array"),
        )),
        // SAFETY: the caller says so.
        _ => Ok(unsafe { slice::from_raw_parts(start, length) }),
    }
}

/// Copies numbers into an array for exactly as many.
pub(crate) unsafe fn put(what: &str, start: *mut f64, length: usize, values: &[f64]) -> Result<(), Failure> {
    expect_length(what, length, values.len())?;
    if length > 0 {
        if start.is_null() {
            return Err(null(what));
        }
        // SAFETY: the caller says that it has this length. Both are arrays of their own.
        unsafe { slice::from_raw_parts_mut(start, length) }.copy_from_slice(values);
    }
    Ok(())
}

/// Text of `length` bytes, or up to its NUL.
pub(crate) unsafe fn text<'a>(what: &str, start: *const c_char, length: usize) -> Result<&'a str, Failure> {
    // SAFETY: the caller says so.
    utf8(what, unsafe { bytes(what, start, length) }?)
}

/// Bytes: `length` of them, or up to a NUL.
pub(crate) unsafe fn bytes<'a>(what: &str, start: *const c_char, length: usize) -> Result<&'a [u8], Failure> {
    match (length == LABWIRE_TERMINATED, start.is_null()) {
        (true, true) => Err(null(what)),
        // SAFETY: the caller says that a NUL ends it.
        (true, false) => Ok(unsafe { CStr::from_ptr(start) }.to_bytes()),
        // SAFETY: the caller says that it has this length.
        (false, _) => unsafe { array(what, start.cast::<u8>(), length) },
    }
}

pub(crate) fn utf8<'a>(what: &str, bytes: &'a [u8]) -> Result<&'a str, Failure> {
    str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        Failure::new(
            labwire_code::NotUtf8,
            format_args!("{what}: byte {at} is not UTF-8"),
        )
    })
}

/// Copies a text, or bytes of a device, with a NUL after it, into an array of `size` bytes, and its length to `length`, if
/// that is not NULL.
pub(crate) unsafe fn put_text(
    text: impl AsRef<[u8]>,
    start: *mut c_char,
    size: usize,
    length: *mut usize,
) -> Result<(), Failure> {
    let text = text.as_ref();
    // SAFETY: the caller says so.
    if let Some(length) = unsafe { length.as_mut() } {
        *length = text.len();
    }
    if size == 0 || start.is_null() {
        return match size {
            0 => Err(too_small(text, size)),
            _ => Err(null("the array for the text")),
        };
    }
    // SAFETY: the caller says that it has this size.
    let place = unsafe { slice::from_raw_parts_mut(start.cast::<u8>(), size) };
    match place.get_mut(..=text.len()) {
        Some([copy @ .., end]) => {
            copy.copy_from_slice(text);
            *end = 0;
            Ok(())
        }
        _ => {
            place[0] = 0;
            Err(too_small(text, size))
        }
    }
}

fn too_small(text: &[u8], size: usize) -> Failure {
    let needed = text.len() + 1;
    Failure::new(
        labwire_code::BufferTooSmall,
        format_args!("the text needs {needed} bytes, and the array has {size}"),
    )
}
