//! Objects as encoded by real releases of PyMoDAQ, byte for byte: decoded to their meaning, and encoded again.
#![allow(clippy::unwrap_used, reason = "the helpers of these tests")]

use labwire_core::pymodaq::{
    Axis, DataClass, DataDim, DataToExport, DataWithAxes, Decoder, Dtype, Expect, Generation, Limits,
    NdArray, Object, Scalar, encode,
};
use labwire_tests::golden;

const TIME: f64 = 1_700_000_000.5;

fn axis() -> Axis {
    Axis::new("x", "mm", NdArray::vector(&[0.0, 1.0, 2.0]), 0)
}

fn raw(name: &str, values: &[f64]) -> DataWithAxes {
    DataWithAxes::new(DataClass::DataRaw, name, TIME, vec![NdArray::vector(values)])
}

fn list(items: Vec<Object>) -> Object {
    Object::List(items)
}

fn array(values: &[f64]) -> Object {
    Object::Array(NdArray::vector(values))
}

/// Meaning of the capture's names, and how the object is announced to the decoder. `None` for objects that labwire
/// cannot express either.
/// either.
fn meaning(name: &str, version: &str) -> Option<(Expect, Object)> {
    let data = |data: DataWithAxes| (Expect::Data, Object::Data(Box::new(data)));
    let matrix = NdArray::from_elements(&[2, 3], &[1i32, 2, 3, 4, 5, 6]).unwrap();
    let big = NdArray::new(">f8".parse().unwrap(), vec![1], 1.0f64.to_be_bytes().to_vec()).unwrap();
    let rank_0 = NdArray::new(Dtype::F64, vec![], 5.0f64.to_le_bytes().to_vec()).unwrap();
    let complex = [1.0f64.to_le_bytes(), 2.0f64.to_le_bytes()].concat();
    let complex = Scalar::new(Dtype::COMPLEX, &complex).unwrap();
    let words = || list(vec!["a".into(), "b".into()]);
    let name = name.trim_start_matches("send_");
    Some(match name {
        "str \"Done\"" | "string \"Done\"" => (Expect::Text, "Done".into()),
        "str \"\"" | "string \"\"" => (Expect::Text, "".into()),
        "str utf8" | "string utf8" => (Expect::Text, "µm".into()),
        "float 1.5" | "scalar 1.5" => (Expect::Scalar, 1.5.into()),
        "int 7" | "scalar 7" => (Expect::Scalar, 7i64.into()),
        "int -7" => (Expect::Scalar, (-7i64).into()),
        "complex 1+2j" => (Expect::Scalar, Object::Scalar(complex)),
        "bool True" | "scalar True" => (Expect::Scalar, true.into()),
        "bytes ab" => (Expect::Bytes, Object::Bytes(b"ab".to_vec())),
        "array f8[3]" => (Expect::Array, array(&[1.0, 2.0, 3.0])),
        "array i4[2,3]" => (Expect::Array, Object::Array(matrix)),
        "array 0-d" => (Expect::Array, Object::Array(rank_0)),
        "array big-endian >f8" => (Expect::Array, Object::Array(big)),
        "array empty" => (Expect::Array, array(&[])),
        "list []" => (Expect::List, list(vec![])),
        "list [array]" => (Expect::Arrays, list(vec![array(&[1.0, 2.0, 3.0])])),
        "list [\"a\",\"b\"]" => (Expect::Texts, words()),
        "list [1.5,\"a\",array]" => (
            Expect::List,
            list(vec![1.5.into(), "a".into(), array(&[1.0, 2.0, 3.0])]),
        ),
        "list [1,1.5,\"a\",True,arr]" => (
            Expect::List,
            list(vec![
                1i64.into(),
                1.5.into(),
                "a".into(),
                true.into(),
                array(&[1.0]),
            ]),
        ),
        "list nested" => (
            Expect::List,
            list(vec![list(vec!["a".into()]), list(vec![1.5.into()])]),
        ),
        "list [[..]] nested" => (Expect::List, list(vec![words()])),
        "tuple (1,)" => (Expect::Item, Object::Tuple(vec![1i64.into()])),
        "dict" => (Expect::Item, Object::dict([("a", 1i64.into())])),
        "None" => (Expect::Item, Object::None),
        "type_and_object bytes" => (Expect::Item, Object::Bytes(b"ab".to_vec())),
        "type_and_object bool" => (Expect::Item, true.into()),
        "Axis" => (Expect::Axis, Object::Axis(Box::new(axis()))),
        "DataRaw 0D" => data(raw("d0", &[1.5])),
        "DataWithAxes 1D" => {
            let mut curve = raw("d1", &[1.0, 2.0, 3.0]);
            (curve.labels, curve.axes) = (vec!["ch".into()], vec![axis()]);
            data(curve)
        }
        "DataRaw 1D errors" => {
            let mut curve = raw("d1", &[1.0, 2.0]);
            curve.errors = vec![NdArray::vector(&[0.1, 0.2])];
            data(curve)
        }
        "DataRaw 1D units mm" => data(DataWithAxes {
            units: "mm".into(),
            ..raw("d1", &[1.0, 2.0])
        }),
        "DataFromPlugins 0D" => {
            let mut plugin = DataWithAxes {
                class: DataClass::DataFromPlugins,
                ..raw("p0", &[1.5])
            };
            let names = if version == "4.1.5" {
                ["plot", "save"]
            } else {
                ["do_plot", "do_save"]
            };
            plugin.extra_attributes = names.map(|name| (name.to_owned(), true.into())).to_vec();
            data(plugin)
        }
        "DataActuator 12.5" => data(DataWithAxes::actuator("act", TIME, 12.5, "")),
        "DataActuator 12.5 mm" => data(DataWithAxes::actuator("act", TIME, 12.5, "mm")),
        "DataToExport 1x0D" => {
            let export = DataToExport::new("dte", TIME, vec![raw("d0", &[1.5])]);
            (Expect::Export, Object::DataToExport(export.into()))
        }
        _ => return None,
    })
}

/// The item of a list of one item, on which the older generations put a type.
fn as_item(generation: Generation, object: &Object) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    encode(generation, &list(vec![object.clone()]), &mut bytes).ok()?;
    Some(bytes.split_off(4))
}

fn check(version: &str, generation: Generation) {
    let captured = golden::pymodaq(version);
    assert!(captured.len() > 5);
    for (name, bytes) in captured {
        // Two message parts, not one object; played in `pymodaq_session.rs`.
        if name == "Done+list (send_data)" {
            continue;
        }
        let (expect, object) = meaning(&name, version).unwrap_or_else(|| panic!("{version} {name}"));
        let mut encoded = Vec::new();
        let result = encode(generation, &object, &mut encoded);
        let is_item = name.starts_with("type_and_object") && generation != Generation::G4;
        let Some(bytes) = bytes else {
            // Objects that the real one cannot send, labwire does not send either.
            assert!(
                result.is_err() || is_item && as_item(generation, &object).is_none(),
                "{version} {name}"
            );
            continue;
        };
        let expect = if is_item { Expect::Item } else { expect };
        let encoded = if is_item {
            as_item(generation, &object).unwrap()
        } else {
            encoded
        };
        assert_eq!(encoded, bytes, "{version} {name}");

        for cut in 0..=bytes.len() {
            let mut decoder = Decoder::new(generation, &Limits::default());
            decoder.expect(expect);
            let (mut head, mut tail) = bytes.split_at(cut);
            let early = decoder.decode(&mut head).unwrap();
            assert_eq!(
                early.is_some(),
                cut == bytes.len(),
                "{version} {name} cut at {cut}"
            );
            let decoded = early.or_else(|| decoder.decode(&mut tail).unwrap());
            assert_eq!(decoded.as_ref(), Some(&object), "{version} {name} cut at {cut}");
        }
    }
}

#[test]
fn pymodaq_1_6() {
    check("1.6.4", Generation::G1);
}

#[test]
fn pymodaq_3_6() {
    check("3.6.13", Generation::G2);
}

#[test]
fn pymodaq_4_1() {
    check("4.1.5", Generation::G3a);
}

#[test]
fn pymodaq_4_2() {
    check("4.2.5", Generation::G3b);
}

#[test]
fn pymodaq_4_3() {
    check("4.3.7", Generation::G3b);
}

#[test]
fn pymodaq_4_4() {
    check("4.4.11", Generation::G3c);
}

#[test]
fn pymodaq_5_1() {
    check("5.1.12", Generation::G4);
}

#[test]
fn dimensionality_follows_the_shape() {
    let dim = |shape: &[usize]| {
        DataDim::of(&NdArray::from_elements(shape, &vec![0u8; shape.iter().product()]).unwrap())
    };
    assert_eq!(dim(&[]), DataDim::Data0D);
    assert_eq!(dim(&[1]), DataDim::Data0D);
    assert_eq!(dim(&[2]), DataDim::Data1D);
    assert_eq!(dim(&[2, 3]), DataDim::Data2D);
    assert_eq!(dim(&[2, 3, 4]), DataDim::DataND);
}
