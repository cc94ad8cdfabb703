//! Encoding of objects, in the form of one generation.

use alloc::string::String;
use alloc::vec::Vec;

use labwire_session::Payloads;
use labwire_session::framing::length32::{TooLong, put, put_length};

use super::array::{NdArray, Scalar};
use super::data::{Axis, DataToExport, DataWithAxes};
use super::dtype::Kind;
use super::generation::Generation;
use super::object::Object;

/// Error of an object that a generation cannot carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The generation has no form for the object.
    #[error("{what} cannot travel in generation {generation}")]
    Unsupported {
        /// Description of the object.
        what: &'static str,
        /// The generation.
        generation: Generation,
    },
    /// The object is longer than a length on the wire can express.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// Appends `object` as a whole message part. On an error `output` is unchanged.
///
/// # Errors
/// If the generation cannot carry the object.
pub fn encode(generation: Generation, object: &Object, output: &mut Vec<u8>) -> Result<(), EncodeError> {
    whole(generation, output, None, |encoder| encoder.object(object))
}

/// Lets `write` append to `output`, and the elements of large arrays to `payloads`, if given; on an error both are
/// unchanged.
pub(super) fn whole(
    generation: Generation,
    output: &mut Vec<u8>,
    payloads: Option<&mut Payloads>,
    write: impl FnOnce(&mut Encoder<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = output.len();
    let mut encoder = Encoder {
        generation,
        output,
        payloads,
        payload_bytes: 0,
    };
    let first = encoder.payloads.as_ref().map_or(0, |payloads| payloads.len());
    let result = write(&mut encoder);
    if result.is_err() {
        encoder.output.truncate(start);
        if let Some(payloads) = encoder.payloads {
            payloads.truncate(first);
        }
    }
    result
}

/// Smallest payload that is not copied: copying shorter ones costs less than a separate send.
const PAYLOAD_BYTES: usize = 32 << 10;

/// Encoder of consecutive objects. The public methods write whole message parts: in g4 with the outer length and the
/// type, in the older generations bare.
pub(super) struct Encoder<'a> {
    generation: Generation,
    output: &'a mut Vec<u8>,
    payloads: Option<&'a mut Payloads>,
    /// Number of bytes of the payloads so far.
    payload_bytes: usize,
}

type Encoded = Result<(), EncodeError>;

impl Encoder<'_> {
    pub(super) fn object(&mut self, object: &Object) -> Encoded {
        self.part(|encoder| {
            if encoder.is_g4() {
                encoder.item(object)
            } else {
                encoder.payload(object)
            }
        })
    }

    pub(super) fn text(&mut self, text: &str) -> Encoded {
        self.part(|encoder| encoder.text_field(text))
    }

    /// Settings, which are bytes in g4 and text in older generations.
    pub(super) fn xml(&mut self, xml: &str) -> Encoded {
        self.part(|encoder| {
            if encoder.is_g4() {
                encoder.put_text("bytes")?;
            }
            encoder.put_text(xml)
        })
    }

    pub(super) fn texts(&mut self, texts: &[impl AsRef<str>]) -> Encoded {
        self.part(|encoder| encoder.texts_field(texts))
    }

    /// Axis on its own, as only g1 and g2 send it.
    pub(super) fn old_axis(&mut self, axis: &Axis) -> Encoded {
        if !self.generation.has_axis_reports() {
            return self.unsupported("an axis on its own");
        }
        self.put_array(&axis.data)?;
        self.put_text(&axis.label)?;
        self.put_text(&axis.units)
    }

    /// Value of an `Info`: a big-endian number in g1, text in newer generations.
    pub(super) fn info(&mut self, value: &str) -> Encoded {
        if self.generation > Generation::G1 {
            return self.text(value);
        }
        match value.parse::<f64>() {
            Ok(number) => Ok(put(self.output, &number.to_be_bytes())?),
            Err(_) => self.unsupported("an Info that is not a number"),
        }
    }

    /// Position: a scalar of the first value up to g2, the whole object in newer generations.
    pub(super) fn position(&mut self, position: &DataWithAxes) -> Encoded {
        if self.generation.has_data_objects() {
            return self.part(|encoder| encoder.put_data(position));
        }
        let first = position.data.first().and_then(first_element);
        let Some(scalar) = first else {
            return self.unsupported("a position without a number");
        };
        self.put_scalar(&scalar)
    }

    /// Grabbed data: a list of the channels up to g2, the whole object in newer generations.
    pub(super) fn export(&mut self, export: &DataToExport) -> Encoded {
        if self.generation.has_data_objects() {
            return self.part(|encoder| encoder.put_export(export));
        }
        put_length(self.output, export.arrays().count())?;
        for array in export.arrays() {
            match (self.generation, first_element(array)) {
                (Generation::G1, _) => {}
                // Rank 0 belongs to scalars: the real program cannot send such an array.
                (_, Some(scalar)) if array.shape().is_empty() => {
                    self.put_text("scalar")?;
                    self.put_scalar(&scalar)?;
                    continue;
                }
                _ => self.put_text("array")?,
            }
            self.put_array(array)?;
        }
        Ok(())
    }

    /// Object that stands alone, preceded by its length in g4.
    fn part(&mut self, write: impl FnOnce(&mut Self) -> Encoded) -> Encoded {
        if !self.is_g4() {
            return write(self);
        }
        let (start, payloads) = (self.output.len(), self.payload_bytes);
        self.output.extend_from_slice(&[0; 4]);
        write(self)?;
        let length = self.output.len() - start - 4 + self.payload_bytes - payloads;
        let length = u32::try_from(length).map_err(|_| TooLong(length))?;
        self.output[start..start + 4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    fn is_g4(&self) -> bool {
        self.generation == Generation::G4
    }

    fn unsupported(&self, what: &'static str) -> Encoded {
        Err(EncodeError::Unsupported {
            what,
            generation: self.generation,
        })
    }

    /// Object without its type.
    fn payload(&mut self, object: &Object) -> Encoded {
        match object {
            Object::Text(text) => self.put_text(text),
            Object::Bytes(bytes) => Ok(put(self.output, bytes)?),
            Object::Scalar(scalar) => self.put_scalar(scalar),
            Object::Array(array) => self.put_array(array),
            Object::List(items) => self.put_items(items),
            Object::Axis(axis) => self.put_axis(axis),
            Object::Data(data) => self.put_data(data),
            Object::DataToExport(export) => self.put_export(export),
            Object::None | Object::Tuple(_) | Object::Dict(_) | Object::Parameter { .. } => {
                self.unsupported(object.kind())
            }
        }
    }

    /// Object after its type: an item of a list, and every object of g4.
    fn item(&mut self, object: &Object) -> Encoded {
        if self.generation == Generation::G1 {
            return self.payload(object);
        }
        match object {
            // The class name is the type, and is written with the object.
            Object::Axis(axis) => {
                self.tag("axis", "")?;
                self.put_axis(axis)
            }
            Object::Data(data) => {
                self.tag("dwa", "")?;
                self.put_data(data)
            }
            Object::DataToExport(export) => {
                self.tag("dte", "")?;
                self.put_export(export)
            }
            Object::Parameter { path, xml } => self.put_parameter(path, xml),
            Object::None if self.is_g4() => self.put_text("NoneType"),
            Object::Tuple(items) if self.is_g4() => {
                self.put_text("tuple")?;
                self.put_items(items)
            }
            Object::Dict(entries) if self.is_g4() => self.put_dict(entries),
            Object::List(_) if !self.generation.has_data_objects() => self.unsupported("a list in a list"),
            Object::Bytes(_) if self.generation < Generation::G3b => self.unsupported("bytes in a list"),
            _ => {
                let (old, new) = type_names(object, self.generation);
                self.tag(old, new)?;
                self.payload(object)
            }
        }
    }

    /// Type of an item; nothing if the generation's name for it is empty.
    fn tag(&mut self, old: &str, g4: &str) -> Encoded {
        match if self.is_g4() { g4 } else { old } {
            "" => Ok(()),
            tag => self.put_text(tag),
        }
    }

    fn put_text(&mut self, text: &str) -> Encoded {
        Ok(put(self.output, text.as_bytes())?)
    }

    fn text_field(&mut self, text: &str) -> Encoded {
        self.tag("", "str")?;
        self.put_text(text)
    }

    fn scalar_field(&mut self, scalar: &Scalar) -> Encoded {
        if self.is_g4() {
            self.put_text(scalar_name(scalar))?;
        }
        self.put_scalar(scalar)
    }

    fn put_dtype(&mut self, dtype: impl core::fmt::Display) -> Encoded {
        self.put_text(&alloc::format!("{dtype}"))
    }

    fn put_scalar(&mut self, scalar: &Scalar) -> Encoded {
        self.put_dtype(scalar.dtype())?;
        Ok(put(self.output, scalar.bytes())?)
    }

    fn put_array(&mut self, array: &NdArray) -> Encoded {
        self.put_dtype(array.dtype())?;
        put_length(self.output, array.bytes().len())?;
        match (self.generation, array.shape()) {
            (Generation::G1, &[rows]) => {
                put_length(self.output, rows)?;
                put_length(self.output, 1)?;
            }
            (Generation::G1, &[rows, columns]) => {
                put_length(self.output, rows)?;
                put_length(self.output, columns)?;
            }
            (Generation::G1, _) => return self.unsupported("an array that is neither a vector nor a matrix"),
            (Generation::G2 | Generation::G2b, []) => return self.unsupported("an array of rank 0"),
            (_, shape) => {
                put_length(self.output, shape.len())?;
                for &length in shape {
                    put_length(self.output, length)?;
                }
            }
        }
        let bytes = array.bytes();
        match &mut self.payloads {
            Some(payloads) if bytes.len() >= PAYLOAD_BYTES => {
                payloads.push_back((self.output.len(), array.shared()));
                self.payload_bytes += bytes.len();
            }
            _ => self.output.extend_from_slice(bytes),
        }
        Ok(())
    }

    fn put_items(&mut self, items: &[Object]) -> Encoded {
        put_length(self.output, items.len())?;
        items.iter().try_for_each(|item| self.item(item))
    }

    /// List field, whose items are written by `write` after their type, `old` or `g4`.
    fn list_field<T>(
        &mut self,
        items: &[T],
        (old, g4): (&str, &str),
        write: impl Fn(&mut Self, &T) -> Encoded,
    ) -> Encoded {
        self.tag("", "list")?;
        put_length(self.output, items.len())?;
        for item in items {
            if self.generation > Generation::G1 {
                self.tag(old, g4)?;
            }
            write(self, item)?;
        }
        Ok(())
    }

    fn texts_field(&mut self, texts: &[impl AsRef<str>]) -> Encoded {
        self.list_field(texts, ("string", "str"), |encoder, text| {
            encoder.put_text(text.as_ref())
        })
    }

    fn arrays_field(&mut self, arrays: &[NdArray]) -> Encoded {
        self.list_field(arrays, ("array", "ndarray"), Self::put_array)
    }

    fn put_dict(&mut self, entries: &[(Object, Object)]) -> Encoded {
        self.put_text("dict")?;
        self.put_text("list")?;
        put_length(self.output, entries.len())?;
        entries.iter().try_for_each(|(key, _)| self.item(key))?;
        entries.iter().try_for_each(|(_, value)| self.item(value))
    }

    fn put_parameter(&mut self, path: &[String], xml: &str) -> Encoded {
        if self.generation < Generation::G3b {
            return self.unsupported("a parameter");
        }
        self.tag("parameter", "ParameterWithPath")?;
        self.texts_field(path)?;
        self.tag("", "bytes")?;
        self.put_text(xml)
    }

    fn put_axis(&mut self, axis: &Axis) -> Encoded {
        if !self.generation.has_data_objects() {
            return self.unsupported("an axis");
        }
        self.put_text("Axis")?;
        self.text_field(&axis.label)?;
        self.text_field(&axis.units)?;
        self.tag("", "ndarray")?;
        self.put_array(&axis.data)?;
        self.scalar_field(&axis.index.into())?;
        self.scalar_field(&axis.spread_order.into())
    }

    fn put_data(&mut self, data: &DataWithAxes) -> Encoded {
        if !self.generation.has_data_objects() {
            return self.unsupported(data.class.name());
        }
        self.put_text(data.class.name())?;
        self.scalar_field(&data.timestamp.into())?;
        self.text_field(&data.name)?;
        if self.generation == Generation::G3c {
            self.put_text(&data.units)?;
        }
        self.text_field(data.source.name())?;
        self.text_field(data.dim.name())?;
        self.text_field(data.distribution.name())?;
        self.arrays_field(&data.data)?;
        if self.is_g4() {
            self.text_field(&data.units)?;
        }
        self.texts_field(&data.labels)?;
        self.text_field(&data.origin)?;
        self.list_field(&data.nav_indexes, ("scalar", "int"), |encoder, &index| {
            encoder.put_scalar(&index.into())
        })?;
        self.list_field(&data.axes, ("axis", ""), Self::put_axis)?;
        if self.generation.has_errors() {
            self.arrays_field(&data.errors)?;
        }
        let old = if self.generation == Generation::G3a {
            old_attributes(data)
        } else {
            Vec::new()
        };
        self.put_attributes(data.extra_attributes.iter().chain(&old))
    }

    fn put_export(&mut self, export: &DataToExport) -> Encoded {
        if !self.generation.has_data_objects() {
            return self.unsupported(export.class.name());
        }
        self.put_text(export.class.name())?;
        self.scalar_field(&export.timestamp.into())?;
        self.text_field(&export.name)?;
        self.list_field(&export.data, ("dwa", ""), Self::put_data)?;
        if self.is_g4() {
            return self.put_attributes(export.extra_attributes.iter());
        }
        Ok(())
    }

    /// Names of the extra attributes, then their values.
    fn put_attributes<'b>(&mut self, all: impl Iterator<Item = &'b (String, Object)> + Clone) -> Encoded {
        let names: Vec<&str> = all.clone().map(|(name, _)| name.as_str()).collect();
        self.texts_field(&names)?;
        all.map(|(_, value)| value).try_for_each(|value| self.item(value))
    }
}

/// 4.1 has no fields for errors and units: it receives them as extra attributes.
fn old_attributes(data: &DataWithAxes) -> Vec<(String, Object)> {
    let mut attributes = Vec::new();
    if !data.errors.is_empty() {
        let errors = data.errors.iter().cloned().map(Object::Array).collect();
        attributes.push((String::from("errors"), Object::List(errors)));
    }
    if !data.units.is_empty() {
        attributes.push((String::from("units"), Object::from(data.units.as_str())));
    }
    attributes
}

fn first_element(array: &NdArray) -> Option<Scalar> {
    Scalar::new(array.dtype(), array.bytes().get(..array.dtype().item_size())?)
}

/// Type of a number in g4: its Python class.
fn scalar_name(scalar: &Scalar) -> &'static str {
    match scalar.dtype().kind() {
        Kind::Bool => "bool",
        Kind::Float => "float",
        Kind::Complex => "complex",
        _ => "int",
    }
}

/// Types of plain objects, up to g3 and in g4.
fn type_names(object: &Object, generation: Generation) -> (&'static str, &'static str) {
    match object {
        // A bool is a number in Python; 4.4 is the first to test for it before testing for a number.
        Object::Scalar(scalar) if scalar.to_bool().is_some() && generation == Generation::G3c => ("bool", ""),
        Object::Scalar(scalar) => ("scalar", scalar_name(scalar)),
        Object::Text(_) => ("string", "str"),
        Object::Bytes(_) => ("bytes", "bytes"),
        Object::Array(_) => ("array", "ndarray"),
        _ => ("list", "list"),
    }
}
