//! Section `options` of an experiment file.

use alloc::format;
use alloc::vec::Vec;

use labwire_model::problem::TextError;
use labwire_model::text::{Fault, Place, suggestion};
use labwire_solve::Compact;

use crate::experiment::{DesignOptions, Selection, Utility};
use crate::keys;

/// Reads the options; missing ones take their defaults.
pub(super) fn read(place: &Place<'_>) -> Result<DesignOptions, TextError> {
    let mut options = DesignOptions::default();
    for entry in place.entries_of("an object of options", keys::options::NAMES)? {
        let value = &entry.value;
        match entry.name {
            "particles" => options.particles = value.whole_number(2, u32::MAX)? as usize,
            "draws" => options.draws = value.whole_number(2, u32::MAX)? as usize,
            "choke" => options.choke = fraction(value)?,
            "utility" => options.utility = choice(value, &UTILITIES)?,
            "selection" => options.selection = choice(value, &SELECTIONS)?,
            "pickiness" => options.pickiness = value.positive()?,
            "a_param" => options.a_param = fraction(value)?,
            "scale" => options.scale = truth(value)?,
            "resample_threshold" => options.resample_threshold = fraction(value)?,
            _ => options.auto_resample = truth(value)?,
        }
    }
    Ok(options)
}

/// Names of [`Utility`].
const UTILITIES: [(&str, Utility); 5] = [
    ("variance_approx", Utility::VarianceApprox),
    ("pseudo_utility", Utility::PseudoUtility),
    ("full_kld", Utility::FullKld),
    ("max_min", Utility::MaxMin),
    ("information_gain", Utility::InformationGain),
];

/// Names of [`Selection`].
const SELECTIONS: [(&str, Selection); 3] = [
    ("optimal", Selection::Optimal),
    ("good", Selection::Good),
    ("random", Selection::Random),
];

fn choice<T: Copy>(place: &Place<'_>, choices: &[(&str, T)]) -> Result<T, TextError> {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let name = place.string(&format!("one of {}", names.join(", ")))?;
    match choices.iter().find(|(known, _)| *known == name) {
        Some((_, choice)) => Ok(*choice),
        None => {
            let fault = Fault::new(0, format!("expected one of {}, found `{name}`", names.join(", ")));
            Err(place.fault(fault.suggest(suggestion(name, names.into_iter()))))
        }
    }
}

/// Number above 0 and at most 1.
fn fraction(place: &Place<'_>) -> Result<f64, TextError> {
    match place.positive()? {
        number if number <= 1.0 => Ok(number),
        number => Err(place.error(format!(
            "expected a number of at most 1, found {}",
            Compact(number)
        ))),
    }
}

fn truth(place: &Place<'_>) -> Result<bool, TextError> {
    match place.json.raw {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(place.error(format!("expected true or false, found {}", place.json.describe()))),
    }
}
