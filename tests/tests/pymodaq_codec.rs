//! Properties of PyMoDAQ's serializer, in every generation: round trips, prefixes, false lengths and noise.
#![allow(clippy::unwrap_used, reason = "the helpers of these tests")]

use labwire_core::pymodaq::{
    Axis, DataClass, DataDim, DataDistribution, DataSource, DataToExport, DataWithAxes, DecodeError, Decoder,
    Dtype, Expect, ExportClass, Generation, Limits, NdArray, Object, Scalar, encode,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn number() -> impl Strategy<Value = f64> {
    // Compared for equality, so no NaN.
    any::<f64>().prop_filter("NaN", |number| !number.is_nan())
}

fn name() -> impl Strategy<Value = String> {
    "[a-zµ ]{0,6}"
}

fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        number().prop_map(Scalar::from),
        any::<i64>().prop_map(Scalar::from),
        any::<bool>().prop_map(Scalar::from),
        any::<[u8; 16]>().prop_map(|bytes| Scalar::new(Dtype::COMPLEX, &bytes).unwrap()),
        any::<[u8; 2]>().prop_map(|bytes| Scalar::new(">u2".parse().unwrap(), &bytes).unwrap()),
    ]
}

fn array() -> impl Strategy<Value = NdArray> {
    let dtype = prop::sample::select(vec![
        "<f8", ">f4", "|u1", "<i2", "|b1", "<c16", "<U3", "|S2", "<M8[ns]",
    ]);
    (dtype, vec(0usize..4, 0..4)).prop_flat_map(|(dtype, shape)| {
        let dtype: Dtype = dtype.parse().unwrap();
        let length = shape.iter().product::<usize>() * dtype.item_size();
        vec(any::<u8>(), length).prop_map(move |data| NdArray::new(dtype, shape.clone(), data).unwrap())
    })
}

fn axis() -> impl Strategy<Value = Axis> {
    (name(), name(), array(), -1i64..5, 0i64..3).prop_map(|(label, units, data, index, spread_order)| Axis {
        spread_order,
        ..Axis::new(label, units, data, index)
    })
}

/// Value that can be an extra attribute or an item of a list.
fn item(depth: u32) -> BoxedStrategy<Object> {
    let leaf = prop_oneof![
        scalar().prop_map(Object::Scalar),
        name().prop_map(Object::Text),
        array().prop_map(Object::Array),
        vec(any::<u8>(), 0..5).prop_map(Object::Bytes),
        axis().prop_map(|axis| Object::Axis(axis.into())),
        Just(Object::None),
        (vec(name(), 0..3), name()).prop_map(|(path, xml)| Object::Parameter { path, xml }),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let inner = move || item(depth - 1);
    prop_oneof![
        4 => leaf,
        1 => vec(inner(), 0..4).prop_map(Object::List),
        1 => vec(inner(), 0..3).prop_map(Object::Tuple),
        1 => vec((inner(), inner()), 0..3).prop_map(Object::Dict),
        1 => data(depth - 1).prop_map(|data| Object::Data(data.into())),
        1 => export(depth - 1).prop_map(|export| Object::DataToExport(export.into())),
    ]
    .boxed()
}

fn attributes(depth: u32) -> impl Strategy<Value = Vec<(String, Object)>> {
    // `units` and `errors` are not extra attributes: 4.1 sends the fields of these names as such.
    vec(("x[a-z]{0,3}", item(depth)), 0..3)
}

fn data(depth: u32) -> impl Strategy<Value = DataWithAxes> {
    let kinds = (
        prop::sample::select(DataClass::ALL),
        prop::sample::select(DataSource::ALL),
        prop::sample::select(DataDim::ALL),
        prop::sample::select(DataDistribution::ALL),
    );
    let texts = (number(), name(), name(), name(), vec(name(), 0..3));
    let lists = (
        vec(array(), 0..3),
        vec(0i64..4, 0..3),
        vec(axis(), 0..2),
        vec(array(), 0..2),
    );
    (kinds, texts, lists, attributes(depth)).prop_map(|(kinds, texts, lists, extra_attributes)| {
        DataWithAxes {
            class: kinds.0,
            source: kinds.1,
            dim: kinds.2,
            distribution: kinds.3,
            timestamp: texts.0,
            name: texts.1,
            units: texts.2,
            origin: texts.3,
            labels: texts.4,
            data: lists.0,
            nav_indexes: lists.1,
            axes: lists.2,
            errors: lists.3,
            extra_attributes,
        }
    })
}

fn export(depth: u32) -> impl Strategy<Value = DataToExport> {
    let classes = prop::sample::select(ExportClass::ALL);
    (
        classes,
        number(),
        name(),
        vec(data(depth), 0..3),
        attributes(depth),
    )
        .prop_map(|(class, timestamp, name, data, extra_attributes)| DataToExport {
            class,
            timestamp,
            name,
            data,
            extra_attributes,
        })
}

fn encoded(generation: Generation, object: &Object) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    encode(generation, object, &mut bytes).ok().map(|()| bytes)
}

/// Feeds `bytes` in pieces of `piece`. Returns the object and the number of bytes used.
fn decoded(
    generation: Generation,
    expect: Expect,
    mut bytes: &[u8],
    piece: usize,
    limits: &Limits,
) -> Result<Option<Object>, DecodeError> {
    let mut decoder = Decoder::new(generation, limits);
    decoder.expect(expect);
    while !bytes.is_empty() {
        let (mut head, tail) = bytes.split_at(piece.min(bytes.len()));
        if let Some(object) = decoder.decode(&mut head)? {
            assert!(head.is_empty() && tail.is_empty(), "complete too early");
            return Ok(Some(object));
        }
        assert!(head.is_empty(), "incomplete with bytes left");
        bytes = tail;
    }
    Ok(None)
}

/// Part of the data that a generation can carry.
fn as_carried(generation: Generation, data: &mut DataWithAxes) {
    if generation == Generation::G3b {
        data.units.clear();
    }
    for (_, value) in &mut data.extra_attributes {
        strip(generation, value);
    }
}

fn strip(generation: Generation, object: &mut Object) {
    match object {
        Object::Data(data) => as_carried(generation, data),
        Object::DataToExport(export) => {
            let mut stripped = DataToExport::clone(export);
            stripped
                .data
                .iter_mut()
                .for_each(|data| as_carried(generation, data));
            if generation < Generation::G4 {
                stripped.extra_attributes.clear();
            }
            *export = stripped.into();
        }
        Object::List(items) => items.iter_mut().for_each(|item| strip(generation, item)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_is_decoded(object in item(2), piece in 1usize..40) {
        for generation in Generation::ALL {
            // Up to g3, only lists name the types of their items.
            let list = Object::List(vec![object.clone()]);
            let Some(bytes) = (generation > Generation::G1).then(|| encoded(generation, &list)).flatten() else {
                prop_assert!(generation < Generation::G4);
                continue;
            };
            let mut carried = list;
            strip(generation, &mut carried);
            let limits = Limits::default();
            let found = decoded(generation, Expect::List, &bytes, piece, &limits);
            prop_assert_eq!(found, Ok(Some(carried)), "{}", generation);
            // With one byte less it is incomplete, at every place.
            for length in 0..bytes.len() {
                let found = decoded(generation, Expect::List, &bytes[..length], bytes.len(), &limits);
                prop_assert_eq!(found, Ok(None), "{} of {} bytes", length, bytes.len());
            }
        }
    }

    #[test]
    fn damage_is_an_error_or_another_object(
        object in item(2),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        piece in 1usize..40,
    ) {
        for generation in Generation::ALL {
            let Some(mut bytes) = encoded(generation, &Object::List(vec![object.clone()])) else { continue };
            for (index, byte) in &damage {
                let index = index.index(bytes.len());
                bytes[index] = *byte;
            }
            let mut decoder = Decoder::new(generation, &Limits::default());
            decoder.expect(Expect::List);
            let mut found = Ok(None);
            for mut chunk in bytes.chunks(piece) {
                found = decoder.decode(&mut chunk);
                if !matches!(found, Ok(None)) {
                    break;
                }
            }
            if let Ok(Some(object)) = found {
                // An object that was decoded can be encoded, and decodes to the same.
                let again = encoded(generation, &object).expect("it was decoded");
                let second = decoded(generation, Expect::List, &again, piece, &Limits::default()).unwrap().unwrap();
                prop_assert_eq!(encoded(generation, &second), Some(again));
            }
        }
    }

    #[test]
    fn noise_is_survived(bytes in vec(any::<u8>(), 0..200), small in vec(0u8..3, 0..200)) {
        for generation in Generation::ALL {
            for expect in [Expect::List, Expect::Texts, Expect::Array, Expect::Export, Expect::Data, Expect::Scalar] {
                for noise in [&bytes, &small] {
                    let mut decoder = Decoder::new(generation, &Limits::default());
                    decoder.expect(expect);
                    let _ = decoder.decode(&mut &noise[..]);
                }
            }
        }
    }
}

fn error(generation: Generation, expect: Expect, bytes: &[u8]) -> String {
    let mut decoder = Decoder::new(generation, &Limits::default());
    decoder.expect(expect);
    decoder.decode(&mut &bytes[..]).unwrap_err().to_string()
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_be_bytes(), text.as_bytes()].concat()
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

#[test]
fn lies_are_found_before_their_bytes_are_waited_for() {
    let array = |dtype: &str, numbers: &[u32]| {
        error(
            Generation::G2,
            Expect::Array,
            &[text(dtype), words(numbers)].concat(),
        )
    };
    assert_eq!(
        array("<f8", &[16, 1, 3]),
        "an array of type <f8 and shape [3] in 16 bytes"
    );
    assert_eq!(
        array("<f4", &[24, 1, 3]),
        "an array of type <f4 and shape [3] in 24 bytes"
    );
    assert_eq!(array("<f8", &[8, u32::MAX]), "an array of rank 4294967295");
    assert_eq!(
        array("<f8", &[8, 3, u32::MAX, u32::MAX, u32::MAX]),
        "an array of type <f8 and shape [4294967295, 4294967295, 4294967295] in 8 bytes"
    );
    assert_eq!(array("<q8", &[8, 1, 1]), "\"<q8\" is not a data type");
    assert_eq!(array("|O", &[8, 1, 1]), "\"|O\" is not a data type");
    assert_eq!(
        array("|u1", &[u32::MAX, 1, u32::MAX]),
        "limit message-bytes of 268435456 exceeded"
    );

    let scalar = |dtype: &str, length| {
        error(
            Generation::G2,
            Expect::Scalar,
            &[text(dtype), words(&[length])].concat(),
        )
    };
    assert_eq!(scalar("<f8", 4), "a scalar of type <f8 in 4 bytes");
    assert_eq!(scalar("<U4", 16), "a scalar of type <U4 in 16 bytes");
    assert_eq!(
        scalar("<f8", u32::MAX),
        "a scalar of type <f8 in 4294967295 bytes"
    );

    let g3 = |expect, bytes: &[u8]| error(Generation::G3c, expect, bytes);
    let most = words(&[u32::MAX]);
    assert_eq!(
        g3(Expect::Text, &most),
        "limit message-bytes of 268435456 exceeded"
    );
    assert_eq!(g3(Expect::List, &most), "limit message-values of 65536 exceeded");
    assert_eq!(g3(Expect::Data, &most), "a name of 4294967295 bytes");
    assert_eq!(
        g3(Expect::Data, &text("Axis")),
        "\"Axis\" where Data was expected"
    );
    assert_eq!(
        g3(Expect::Item, &text("object")),
        "an item of the unknown type \"object\""
    );
    assert_eq!(g3(Expect::Text, &[0, 0, 0, 1, 0xff]), "text that is not UTF-8");

    let g4 = |bytes: &[u8]| error(Generation::G4, Expect::Item, bytes);
    assert_eq!(g4(&most), "limit message-bytes of 268435456 exceeded");
    let short = [words(&[11]), text("str"), text("Done")].concat();
    assert_eq!(g4(&short), "4 bytes announced where the message has 0 left");
    let long = [words(&[16]), text("str"), text("Done")].concat();
    assert_eq!(g4(&long), "1 bytes too many after an object");
    assert_eq!(
        g4(&[words(&[20]), text("Foo")].concat()),
        "an object of the unknown type \"Foo\""
    );
    let list = [words(&[100]), text("list"), words(&[u32::MAX])].concat();
    assert_eq!(g4(&list), "limit message-values of 65536 exceeded");
}

#[test]
fn nesting_is_bounded() {
    for (generation, tag) in [(Generation::G3c, "list"), (Generation::G4, "list")] {
        let mut bytes = if generation == Generation::G4 {
            words(&[1 << 20])
        } else {
            words(&[1])
        };
        for _ in 0..10_000 {
            bytes.extend(text(tag));
            bytes.extend(words(&[1]));
        }
        assert_eq!(
            error(generation, Expect::List, &bytes),
            "limit message-depth of 16 exceeded"
        );
    }
}

#[test]
fn wrong_fields_are_named() {
    let mut bytes = encoded(
        Generation::G4,
        &Object::Axis(Axis::new("x", "mm", NdArray::vector(&[1.0]), 0).into()),
    )
    .unwrap();
    // The label becomes bytes that are not text, with the same length in all generations.
    let label = bytes.windows(4).position(|window| window == b"\x03str").unwrap();
    bytes[label + 1..label + 4].copy_from_slice(b"int");
    assert!(error(Generation::G4, Expect::Axis, &bytes).contains("is not a data type"));

    let units = Object::List(vec![Object::dict([("a", 1i64.into())])]);
    let mut data = DataWithAxes::actuator("stage", 0.0, 1.0, "mm");
    data.extra_attributes.push(("settings".into(), units));
    let bytes = encoded(Generation::G4, &Object::Data(data.into())).unwrap();
    let at = bytes.windows(3).position(|window| window == b"raw").unwrap();
    let mut wrong = bytes.clone();
    wrong[at..at + 3].copy_from_slice(b"row");
    assert_eq!(error(Generation::G4, Expect::Data, &wrong), "source is \"row\"");
}
