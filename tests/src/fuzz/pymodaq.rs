//! PyMoDAQ's serializer and settings.

use labwire_core::pymodaq::{Decoder, Expect, Generation, Limits, Object, Settings, encode};

/// Generations by the bytes that choose them; the bytes of 4.0 are those of its predecessors.
pub const GENERATIONS: [Generation; 6] = [
    Generation::G1,
    Generation::G2,
    Generation::G3a,
    Generation::G3b,
    Generation::G3c,
    Generation::G4,
];

const EXPECTATIONS: [Expect; 11] = [
    Expect::Text,
    Expect::Texts,
    Expect::Bytes,
    Expect::Scalar,
    Expect::Array,
    Expect::Arrays,
    Expect::List,
    Expect::Axis,
    Expect::Data,
    Expect::Export,
    Expect::Item,
];

fn decode(generation: Generation, expect: Expect, bytes: &[u8], piece: usize) -> Option<Object> {
    let mut decoder = Decoder::new(generation, &Limits::default());
    decoder.expect(expect);
    for mut piece in bytes.chunks(piece) {
        match decoder.decode(&mut piece) {
            Ok(None) => {}
            Ok(object) => return object,
            Err(_) => return None,
        }
    }
    None
}

/// PyMoDAQ's serializer: objects that were decoded can be encoded, and decode to the same again, cut anywhere.
///
/// Input: a byte for generation and expectation, a byte for the size of pieces, then what arrives.
pub fn pymodaq_objects(input: &[u8]) {
    let [choice, piece, bytes @ ..] = input else {
        return;
    };
    let generation = GENERATIONS[usize::from(*choice) % GENERATIONS.len()];
    let expect = EXPECTATIONS[usize::from(*choice) / GENERATIONS.len() % EXPECTATIONS.len()];
    let piece = usize::from(*piece).max(1);
    let Some(object) = decode(generation, expect, bytes, piece) else {
        return;
    };
    // Up to g3, only lists name the types of their items.
    let list = Object::List(vec![object]);
    let mut encoded = Vec::new();
    if encode(generation, &list, &mut encoded).is_ok() && generation > Generation::G1 {
        let again = decode(generation, Expect::List, &encoded, encoded.len()).expect("it was encoded");
        let mut twice = Vec::new();
        encode(generation, &again, &mut twice).expect("it was encoded before");
        assert_eq!(encoded, twice);
        assert_eq!(
            decode(generation, Expect::List, &encoded, piece).map(|object| object.kind()),
            Some("a list")
        );
    }
}

/// Settings: any XML, with every setting set to any value; all other settings stay as they were.
///
/// Input: a value, a zero byte, the XML.
pub fn pymodaq_settings(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Some((value, xml)) = text.split_once('\0') else {
        return;
    };
    let Ok(settings) = Settings::parse(xml) else {
        return;
    };
    assert_eq!(settings.xml(), xml);
    for setting in settings.list().into_iter().take(16) {
        // Of several with the same name, the first is meant.
        let mut changed = settings.clone();
        if changed.set_value(&setting.path, value).is_err() {
            continue;
        }
        let again = Settings::parse(changed.xml()).expect("it is still well-formed");
        assert_eq!(again.list().len(), settings.list().len());
        if setting.kind == "float" {
            assert_eq!(again.value(&setting.path).as_deref(), Some(value));
        }
    }
}
