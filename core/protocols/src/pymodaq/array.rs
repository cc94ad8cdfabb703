//! Typed arrays and single numbers, stored as their bytes on the wire.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::dtype::{Dtype, Kind};

/// The highest rank of an array (numpy 2's own limit).
pub const MAX_RANK: usize = 64;

/// N-dimensional array: a data type, a shape, and the elements in C order (last index fastest). Clones share the
/// elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NdArray {
    dtype: Dtype,
    shape: Vec<usize>,
    data: Arc<Vec<u8>>,
}

/// Shape, data type and number of bytes do not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes are not an array of this shape and data type")]
#[non_exhaustive]
pub struct ShapeMismatch {
    /// Number of bytes given.
    pub bytes: usize,
}

/// Rust type that is the element of a data type.
pub trait Element: Copy {
    /// The data type, little-endian.
    const DTYPE: Dtype;

    /// Appends the element's bytes.
    fn put(self, output: &mut Vec<u8>);
}

macro_rules! element {
    ($($type:ty => $dtype:expr),+ $(,)?) => {$(
        impl Element for $type {
            const DTYPE: Dtype = $dtype;

            fn put(self, output: &mut Vec<u8>) {
                output.extend_from_slice(&self.to_le_bytes());
            }
        }
    )+};
}
element!(u8 => Dtype::U8, u16 => Dtype::U16, u32 => Dtype::U32, i32 => Dtype::I32, i64 => Dtype::I64,
    f32 => Dtype::F32, f64 => Dtype::F64);

impl Element for bool {
    const DTYPE: Dtype = Dtype::BOOL;

    fn put(self, output: &mut Vec<u8>) {
        output.push(u8::from(self));
    }
}

impl NdArray {
    /// Creates an array of `shape` over `data`, the elements' bytes in C order; `data` is kept, not copied.
    ///
    /// # Errors
    /// If the length of `data` does not match shape and data type, or the rank exceeds [`MAX_RANK`].
    pub fn new(dtype: Dtype, shape: Vec<usize>, data: Vec<u8>) -> Result<Self, ShapeMismatch> {
        if byte_count(dtype, &shape) == Some(data.len()) {
            let data = Arc::new(data);
            Ok(Self { dtype, shape, data })
        } else {
            Err(ShapeMismatch { bytes: data.len() })
        }
    }

    /// Creates an array of `shape` with these elements in C order.
    ///
    /// # Errors
    /// If the number of elements does not match the shape.
    pub fn from_elements<T: Element>(shape: &[usize], elements: &[T]) -> Result<Self, ShapeMismatch> {
        let mut data = Vec::with_capacity(elements.len() * T::DTYPE.item_size());
        for &element in elements {
            element.put(&mut data);
        }
        Self::new(T::DTYPE, shape.to_vec(), data)
    }

    /// Creates an array of rank 1.
    pub fn vector<T: Element>(elements: &[T]) -> Self {
        let mut data = Vec::with_capacity(elements.len() * T::DTYPE.item_size());
        for &element in elements {
            element.put(&mut data);
        }
        Self {
            dtype: T::DTYPE,
            shape: [elements.len()].into(),
            data: Arc::new(data),
        }
    }

    /// The data type of the elements.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The lengths of the dimensions; empty for a single element.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.len() / self.dtype.item_size()
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The elements' bytes in C order.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// The same bytes, shared.
    pub(super) fn shared(&self) -> Arc<Vec<u8>> {
        self.data.clone()
    }

    /// Elements as floats, in C order; `None` for those without such a value, see [`Dtype::read`].
    #[must_use]
    pub fn values(&self) -> impl ExactSizeIterator<Item = Option<f64>> + '_ {
        self.data
            .chunks_exact(self.dtype.item_size())
            .map(|item| self.dtype.read(item))
    }

    /// The element at `index` in C order as a float.
    #[must_use]
    pub fn value(&self, index: usize) -> Option<f64> {
        let size = self.dtype.item_size();
        let start = index.checked_mul(size)?;
        self.dtype.read(self.data.get(start..start.checked_add(size)?)?)
    }
}

/// Number of bytes of an array of this shape; `None` if it overflows, or the rank is too high.
pub(super) fn byte_count(dtype: Dtype, shape: &[usize]) -> Option<usize> {
    if shape.len() > MAX_RANK {
        return None;
    }
    // An empty dimension makes the array empty, whatever the other lengths.
    if shape.contains(&0) {
        return Some(0);
    }
    shape
        .iter()
        .try_fold(dtype.item_size(), |bytes, &length| bytes.checked_mul(length))
}

/// Size of the largest scalar on the wire, in bytes (a complex number of two 16-byte floats).
pub(super) const MAX_SCALAR: usize = 32;

/// Single number with its data type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalar {
    dtype: Dtype,
    bytes: [u8; MAX_SCALAR],
}

impl Scalar {
    /// Creates a number from its bytes. `None` if the data type is not numeric or the length does not match.
    #[must_use]
    pub fn new(dtype: Dtype, data: &[u8]) -> Option<Self> {
        if !dtype.is_number() || data.len() != dtype.item_size() {
            return None;
        }
        let mut bytes = [0; MAX_SCALAR];
        bytes.get_mut(..data.len())?.copy_from_slice(data);
        Some(Self { dtype, bytes })
    }

    /// The data type.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The number's bytes, in the data type's order.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.dtype.item_size()]
    }

    /// Value as a float: see [`Dtype::read`].
    #[must_use]
    pub fn to_f64(&self) -> Option<f64> {
        self.dtype.read(self.bytes())
    }

    /// Value as an integer, if it is one.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        if !matches!(self.dtype.kind(), Kind::Bool | Kind::Int | Kind::Uint) {
            return None;
        }
        let value = self.to_f64()?;
        // Above 2^53 a float is no longer exact, and no index or count is that large.
        (value.abs() <= 9_007_199_254_740_992.0).then_some(value as i64)
    }

    /// Value as true or false, if it is one of these.
    #[must_use]
    pub fn to_bool(&self) -> Option<bool> {
        (self.dtype.kind() == Kind::Bool).then(|| self.bytes[0] != 0)
    }
}

impl<T: Element> From<T> for Scalar {
    fn from(value: T) -> Self {
        let mut data = Vec::with_capacity(8);
        value.put(&mut data);
        let mut bytes = [0; MAX_SCALAR];
        bytes[..data.len()].copy_from_slice(&data);
        Self {
            dtype: T::DTYPE,
            bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn shape_type_and_bytes_must_agree() {
        let array = NdArray::from_elements(&[2, 3], &[1i32, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!(
            (array.len(), array.value(5), array.value(6)),
            (6, Some(6.0), None)
        );
        assert!(NdArray::from_elements(&[2, 2], &[1.0]).is_err());
        assert!(NdArray::new(Dtype::F64, vec![usize::MAX, 2], vec![]).is_err());
        assert!(NdArray::new(Dtype::F64, vec![0, usize::MAX, usize::MAX], vec![]).is_ok());
        assert!(NdArray::new(Dtype::F64, vec![1; MAX_RANK + 1], vec![0; 8]).is_err());
        assert_eq!(NdArray::new(Dtype::F64, vec![], vec![0; 8]).unwrap().len(), 1);
    }

    #[test]
    fn scalars_know_their_value() {
        assert_eq!(Scalar::from(-7i64).to_i64(), Some(-7));
        assert_eq!(Scalar::from(1.5).to_f64(), Some(1.5));
        assert_eq!(Scalar::from(1.5).to_i64(), None);
        assert_eq!(Scalar::from(true).to_bool(), Some(true));
        assert_eq!(Scalar::new(Dtype::F64, &[0; 4]), None);
        assert_eq!(Scalar::new("<U2".parse().unwrap(), &[0; 8]), None);
    }
}
