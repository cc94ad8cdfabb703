//! Settings: any XML, with every setting set to any value; all other settings stay as they were.
//!
//! Input: a value, a zero byte, the XML.
#![no_main]

use labwire_core::pymodaq::Settings;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
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
});
