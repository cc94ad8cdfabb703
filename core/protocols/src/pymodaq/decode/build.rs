//! Composites: their parts, and how they are built.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::{self, Vec};

use super::{Decoded, Element, Want};
use crate::pymodaq::array::{NdArray, Scalar};
use crate::pymodaq::data::{
    Axis, DataClass, DataDim, DataDistribution, DataSource, DataToExport, DataWithAxes, ExportClass,
};
use crate::pymodaq::generation::Generation;
use crate::pymodaq::object::Object;

/// Object made of other objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Composite {
    List,
    Tuple,
    Dict,
    Axis,
    Data(DataClass),
    Export(ExportClass),
    Parameter,
}

const LIST: Want = Want::Sequence(Composite::List, Element::Item);

/// Parts of an axis after its class: label, units, data, index, spread order.
pub(super) const AXIS: &[Want] = &[Want::Text, Want::Text, Want::Array, Want::Scalar, Want::Scalar];

/// Parts of data after their class, in the order of `data` below.
pub(super) fn data_fields(generation: Generation) -> &'static [Want] {
    use Want::{Scalar, Text, Values};
    match generation {
        Generation::G3c | Generation::G4 => &[
            Scalar, Text, Text, Text, Text, Text, LIST, LIST, Text, LIST, LIST, LIST, LIST, Values,
        ],
        Generation::G3b => &[
            Scalar, Text, Text, Text, Text, LIST, LIST, Text, LIST, LIST, LIST, LIST, Values,
        ],
        _ => &[
            Scalar, Text, Text, Text, Text, LIST, LIST, Text, LIST, LIST, LIST, Values,
        ],
    }
}

/// Parts of data of an unknown g3 up to where 4.4 differs: the fourth is the units in 4.4, and the source before.
pub(super) const UNKNOWN_G3: &[Want] = &[Want::Scalar, Want::Text, Want::Text, Want::Text, Want::Units];

/// Parts after [`UNKNOWN_G3`] in 4.4.
pub(super) const REST_OF_G3C: &[Want] = {
    use Want::{Text, Values};
    &[Text, Text, LIST, LIST, Text, LIST, LIST, LIST, LIST, Values]
};

/// Parts after [`UNKNOWN_G3`] before 4.4, up to where 4.1 differs: the last list are the errors from 4.2 on, and the
/// names of the extra attributes in 4.1.
pub(super) const REST_BEFORE_G3C: &[Want] = {
    use Want::Text;
    &[Text, LIST, LIST, Text, LIST, LIST, LIST, Want::Errors]
};

/// Parts after [`REST_BEFORE_G3C`].
pub(super) fn rest_of(generation: Generation) -> &'static [Want] {
    if generation.has_errors() {
        &[LIST, Want::Values]
    } else {
        &[Want::Values]
    }
}

/// Parts of a container after its class, in the order of `export` below.
pub(super) fn export_fields(generation: Generation) -> &'static [Want] {
    match generation {
        Generation::G4 => &[Want::Scalar, Want::Text, LIST, LIST, Want::Values],
        _ => &[Want::Scalar, Want::Text, LIST],
    }
}

/// Composite of `parts`.
pub(super) fn build(composite: Composite, generation: Generation, parts: Vec<Object>) -> Decoded<Object> {
    let mut parts = Parts(parts.into_iter());
    Ok(match composite {
        Composite::List => Object::List(parts.0.collect()),
        Composite::Tuple => Object::Tuple(parts.0.collect()),
        Composite::Dict => {
            let keys = parts.list("keys", Ok)?;
            Object::Dict(keys.into_iter().zip(parts.0).collect())
        }
        Composite::Axis => Object::Axis(Box::new(axis(&mut parts)?)),
        Composite::Data(class) => Object::Data(Box::new(data(class, generation, parts)?)),
        Composite::Export(class) => Object::DataToExport(Arc::new(export(class, generation, parts)?)),
        Composite::Parameter => Object::Parameter {
            path: parts.list("path", text)?,
            xml: parts.text("xml")?,
        },
    })
}

fn axis(parts: &mut Parts) -> Decoded<Axis> {
    Ok(Axis {
        label: parts.text("label")?,
        units: parts.text("units")?,
        data: parts.next("data", array)?,
        index: parts.next("index", integer)?,
        spread_order: parts.next("spread_order", integer)?,
    })
}

fn data(class: DataClass, generation: Generation, mut parts: Parts) -> Decoded<DataWithAxes> {
    let timestamp = parts.next("timestamp", number)?;
    let name = parts.text("name")?;
    let early_units = if generation == Generation::G3c {
        parts.text("units")?
    } else {
        String::new()
    };
    let source = parts.named("source", DataSource::from_name)?;
    let dim = parts.named("dim", DataDim::from_name)?;
    let distribution = parts.named("distribution", DataDistribution::from_name)?;
    let channels = parts.list("data", array)?;
    let units = if generation == Generation::G4 {
        parts.text("units")?
    } else {
        early_units
    };
    let labels = parts.list("labels", text)?;
    let origin = parts.text("origin")?;
    let nav_indexes = parts.list("nav_indexes", integer)?;
    let axes = parts.list("axes", |object| match object {
        Object::Axis(axis) => Ok(*axis),
        other => Err(other),
    })?;
    let errors = if generation.has_errors() {
        parts.list("errors", array)?
    } else {
        Vec::new()
    };
    let mut data = DataWithAxes {
        class,
        timestamp,
        name,
        units,
        source,
        dim,
        distribution,
        data: channels,
        labels,
        origin,
        nav_indexes,
        axes,
        errors,
        extra_attributes: parts.attributes()?,
    };
    if generation == Generation::G3a {
        lift_old_attributes(&mut data);
    }
    Ok(data)
}

/// 4.1 has no fields for errors and units: it sends them as extra attributes.
fn lift_old_attributes(data: &mut DataWithAxes) {
    let mut kept = Vec::new();
    for (name, value) in core::mem::take(&mut data.extra_attributes) {
        match (name.as_str(), value) {
            ("units", Object::Text(units)) => data.units = units,
            ("errors", Object::List(items)) if items.iter().all(|item| matches!(item, Object::Array(_))) => {
                data.errors = items.into_iter().filter_map(|item| array(item).ok()).collect();
            }
            (_, value) => kept.push((name, value)),
        }
    }
    data.extra_attributes = kept;
}

fn export(class: ExportClass, generation: Generation, mut parts: Parts) -> Decoded<DataToExport> {
    Ok(DataToExport {
        class,
        timestamp: parts.next("timestamp", number)?,
        name: parts.text("name")?,
        data: parts.list("data", |object| match object {
            Object::Data(data) => Ok(*data),
            other => Err(other),
        })?,
        extra_attributes: if generation == Generation::G4 {
            parts.attributes()?
        } else {
            Vec::new()
        },
    })
}

/// Parts handed out in order, with the required types.
struct Parts(vec::IntoIter<Object>);

impl Parts {
    /// Next part, named `field`, converted by `convert` (which returns an unusable part).
    fn next<T>(&mut self, field: &str, convert: impl Fn(Object) -> Result<T, Object>) -> Decoded<T> {
        let part = self.0.next().unwrap_or(Object::None);
        convert(part).map_err(|part| malformed!("{field} is {}", part.kind()))
    }

    fn text(&mut self, field: &str) -> Decoded<String> {
        self.next(field, text)
    }

    fn named<T>(&mut self, field: &str, find: fn(&str) -> Option<T>) -> Decoded<T> {
        let name = self.text(field)?;
        find(&name).ok_or_else(|| malformed!("{field} is {name:?}"))
    }

    fn list<T>(&mut self, field: &str, convert: impl Fn(Object) -> Result<T, Object>) -> Decoded<Vec<T>> {
        let items = match self.0.next() {
            Some(Object::List(items) | Object::Tuple(items)) => items,
            other => return Err(malformed!("{field} is {}", other.unwrap_or(Object::None).kind())),
        };
        let item = |item| convert(item).map_err(|item| malformed!("an item of {field} is {}", item.kind()));
        items.into_iter().map(item).collect()
    }

    /// Names of the extra attributes, then as many values.
    fn attributes(&mut self) -> Decoded<Vec<(String, Object)>> {
        let names = self.list("extra_attributes", text)?;
        Ok(names.into_iter().zip(&mut self.0).collect())
    }
}

fn text(object: Object) -> Result<String, Object> {
    match object {
        Object::Text(text) => Ok(text),
        // Settings are sent as bytes.
        Object::Bytes(bytes) => String::from_utf8(bytes).map_err(|error| Object::Bytes(error.into_bytes())),
        other => Err(other),
    }
}

fn array(object: Object) -> Result<NdArray, Object> {
    match object {
        Object::Array(array) => Ok(array),
        other => Err(other),
    }
}

fn number(object: Object) -> Result<f64, Object> {
    object.as_f64().ok_or(object)
}

fn integer(object: Object) -> Result<i64, Object> {
    let found = if let Object::Scalar(scalar) = &object {
        Scalar::to_i64(scalar)
    } else {
        None
    };
    found.ok_or(object)
}
