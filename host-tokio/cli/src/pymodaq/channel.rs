//! Channel of grabbed data, for plots and tables.

use labwire_core::pymodaq::{ByteOrder, DataWithAxes, Dtype, Kind, NdArray};

use crate::console::one_line;

/// Channel with the axes of its dimensions.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    /// Label, with units.
    pub(crate) label: String,
    /// Lengths of the dimensions; empty for a single element.
    pub(crate) shape: Vec<usize>,
    /// Values in C order: complex numbers as their magnitude, anything that is not a number as NaN.
    pub(crate) values: Vec<f64>,
    /// One axis per dimension.
    pub(crate) axes: Vec<Coordinates>,
}

/// Coordinates along a dimension.
#[derive(Clone, Debug)]
pub(crate) struct Coordinates {
    /// Label, with units.
    pub(crate) label: String,
    /// As many values as the dimension is long.
    pub(crate) values: Vec<f64>,
}

impl Channel {
    /// Channels of `data`.
    pub(crate) fn all(data: &DataWithAxes) -> Vec<Self> {
        let channel = |(index, array): (usize, &NdArray)| {
            let name = data.labels.get(index).map_or("", String::as_str);
            let name = if data.data.len() == 1 {
                data.name.as_str()
            } else {
                name
            };
            let shape = if array.len() == 1 {
                Vec::new()
            } else {
                array.shape().to_vec()
            };
            let axes = shape
                .iter()
                .enumerate()
                .map(|(index, &length)| coordinates(data, index, length));
            Self {
                label: one_line(&with_units(name, &data.units)),
                values: values(array),
                axes: axes.collect(),
                shape,
            }
        };
        data.data.iter().enumerate().map(channel).collect()
    }

    /// Smallest and largest finite value.
    pub(crate) fn range(&self) -> Option<(f64, f64)> {
        range(&self.values)
    }
}

/// Smallest and largest finite value.
pub(crate) fn range(values: &[f64]) -> Option<(f64, f64)> {
    let finite = values.iter().copied().filter(|value| value.is_finite());
    finite
        .map(|value| (value, value))
        .reduce(|(low, high), (value, _)| (low.min(value), high.max(value)))
}

/// Axis of a dimension of `data`, or else its index.
fn coordinates(data: &DataWithAxes, index: usize, length: usize) -> Coordinates {
    let fits = |axis: &&labwire_core::pymodaq::Axis| {
        usize::try_from(axis.index) == Ok(index) && axis.data.len() == length
    };
    match data.axes.iter().find(fits) {
        Some(axis) => Coordinates {
            label: one_line(&with_units(&axis.label, &axis.units)),
            values: values(&axis.data),
        },
        None => Coordinates {
            label: format!("index {index}"),
            values: (0..length).map(|index| index as f64).collect(),
        },
    }
}

fn with_units(name: &str, units: &str) -> String {
    if units.is_empty() {
        name.to_owned()
    } else {
        format!("{name} ({units})")
    }
}

fn values(array: &NdArray) -> Vec<f64> {
    if array.dtype().kind() == Kind::Complex {
        return magnitudes(array).unwrap_or_else(|| vec![f64::NAN; array.len()]);
    }
    array.values().map(|value| value.unwrap_or(f64::NAN)).collect()
}

fn magnitudes(array: &NdArray) -> Option<Vec<f64>> {
    let half = array.dtype().item_size() / 2;
    let order = if array.dtype().order() == ByteOrder::Big {
        '>'
    } else {
        '<'
    };
    let part: Dtype = format!("{order}f{half}").parse().ok()?;
    let magnitude = |item: &[u8]| Some(part.read(&item[..half])?.hypot(part.read(&item[half..])?));
    array.bytes().chunks_exact(2 * half).map(magnitude).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use labwire_core::pymodaq::{Axis, DataClass};

    #[test]
    fn a_channel_has_its_axes_or_indices() {
        let image = NdArray::from_elements(&[2, 3], &[1u8, 2, 3, 4, 5, 6]).unwrap();
        let mut data = DataWithAxes::new(DataClass::DataRaw, "image", 0.0, vec![image]);
        data.units = "count".into();
        data.axes = vec![Axis::new("x", "mm", NdArray::vector(&[0.0, 0.5, 1.0]), 1)];
        let channel = &Channel::all(&data)[0];
        assert_eq!(channel.label, "image (count)");
        assert_eq!(
            (channel.axes[0].label.as_str(), channel.axes[1].label.as_str()),
            ("index 0", "x (mm)")
        );
        assert_eq!(channel.axes[1].values, [0.0, 0.5, 1.0]);
        assert_eq!(channel.range(), Some((1.0, 6.0)));
    }

    #[test]
    fn complex_numbers_show_their_magnitude() {
        let bytes = [3.0f64, 4.0].map(f64::to_be_bytes).concat();
        let array = NdArray::new(">c16".parse().unwrap(), vec![1], bytes).unwrap();
        assert_eq!(values(&array), [5.0]);
    }
}
