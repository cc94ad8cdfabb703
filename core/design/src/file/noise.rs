//! Sections `noise` and `likelihood` of an experiment file.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use labwire_model::expression::graph::Expr;
use labwire_model::expression::operation::{Binary, Unary};
use labwire_model::problem::TextError;
use labwire_model::text::{Fault, Place, find, suggestion};
use labwire_solve::Compact;
use labwire_solve::math::sqrt;

use super::Reader;
use super::models::ReadModel;
use crate::inputs::PARAMETER;
use crate::keys;
use crate::model::Model;
use crate::noise::{Correlation, Noise, NoiseShape};

/// Likelihoods without a number.
const LIKELIHOODS: [&str; 2] = ["normal", "poisson"];

/// Noise as written in the file.
pub(super) struct ReadNoise {
    pub(super) text: NoiseText,
    pub(super) shape: NoiseShape,
}

impl ReadNoise {
    /// Expressions in it.
    pub(super) fn outputs(&self) -> &[Expr] {
        match &self.text {
            NoiseText::OfSetting(outputs) | NoiseText::Unknown(outputs) | NoiseText::Binomial(outputs) => {
                outputs
            }
            NoiseText::Reported | NoiseText::Known(_) | NoiseText::Poisson => &[],
        }
    }

    fn of((std, correlation): (Vec<f64>, Correlation)) -> Self {
        Self {
            text: NoiseText::Known(std),
            shape: NoiseShape::Correlated(correlation),
        }
    }
}

pub(super) enum NoiseText {
    Reported,
    Known(Vec<f64>),
    OfSetting(Vec<Expr>),
    Unknown(Vec<Expr>),
    Poisson,
    Binomial(Vec<Expr>),
}

impl NoiseText {
    /// The noise, with its expressions as models.
    pub(super) fn compiled(self, model: impl Fn(Vec<Expr>) -> Box<dyn Model>) -> Noise {
        match self {
            Self::Reported => Noise::Reported,
            Self::Known(sigma) => Noise::Known(sigma),
            Self::OfSetting(outputs) => Noise::OfSetting(model(outputs)),
            Self::Unknown(outputs) => Noise::Unknown(model(outputs)),
            Self::Poisson => Noise::Poisson,
            Self::Binomial(trials) => Noise::Binomial(model(trials)),
        }
    }
}

impl<'t> Reader<'t> {
    pub(super) fn noise(
        &mut self,
        noise: Option<&Place<'t>>,
        likelihood: Option<&Place<'t>>,
        model: &ReadModel,
    ) -> Result<ReadNoise, TextError> {
        let mut read = ReadNoise {
            text: NoiseText::Reported,
            shape: NoiseShape::Normal,
        };
        if let Some(place) = noise {
            read = self.deviations(place, model)?;
        }
        let Some(place) = likelihood else {
            return Ok(read);
        };
        let distribution = self.likelihood(place, model)?;
        match (&distribution, &read.shape) {
            (
                ReadNoise {
                    text: NoiseText::Reported,
                    shape,
                },
                NoiseShape::Normal,
            ) => read.shape = shape.clone(),
            (
                ReadNoise {
                    text: NoiseText::Reported,
                    shape: NoiseShape::Normal,
                },
                _,
            ) => {}
            (
                ReadNoise {
                    text: NoiseText::Reported,
                    ..
                },
                _,
            ) => {
                return Err(place.error("correlated noise is normal".into()));
            }
            _ if noise.is_some() => {
                return Err(place.error("counts have no noise besides: leave `noise` out".into()));
            }
            _ => return Ok(distribution),
        }
        Ok(read)
    }

    fn likelihood(&mut self, place: &Place<'t>, model: &ReadModel) -> Result<ReadNoise, TextError> {
        const WHAT: &str = "\"normal\", \"poisson\", {\"binomial\": TRIALS} or {\"student_t\": DEGREES}";
        let (mut text, mut shape) = (NoiseText::Reported, NoiseShape::Normal);
        if let Ok(name) = place.string(WHAT) {
            match name {
                "normal" => {}
                "poisson" => text = NoiseText::Poisson,
                _ => {
                    let fault = Fault::new(0, format!("expected {WHAT}, found `{name}`"));
                    return Err(place.fault(fault.suggest(suggestion(name, LIKELIHOODS.into_iter()))));
                }
            }
            return Ok(ReadNoise { text, shape });
        }
        let entries = place.entries_of(WHAT, keys::likelihood::NAMES)?;
        let [entry] = &entries[..] else {
            return Err(place.error(format!("expected {WHAT}")));
        };
        if entry.name == "binomial" {
            let trials = self.per_channel(&entry.value, model.channels, "number of trials")?;
            let graph = &self.file.expander.graph;
            if trials.iter().any(|trials| graph.depends_on(*trials, PARAMETER)) {
                return Err(entry
                    .value
                    .error("the number of trials cannot depend on parameters".into()));
            }
            text = NoiseText::Binomial(trials);
        } else {
            let freedom = self.number(&entry.value)?;
            if !(freedom > 0.0) {
                return Err(entry.value.error(format!(
                    "the degrees of freedom must be positive, not {}",
                    Compact(freedom)
                )));
            }
            shape = NoiseShape::StudentT { freedom };
        }
        Ok(ReadNoise { text, shape })
    }

    /// Reads standard deviations, or the covariance of the channels.
    fn deviations(&mut self, place: &Place<'t>, model: &ReadModel) -> Result<ReadNoise, TextError> {
        let is_matrix = place.is_list() && place.items("rows")?.iter().any(Place::is_list);
        if is_matrix {
            return Ok(ReadNoise::of(self.covariance(place, model.channels)?));
        }
        let Ok(entries) = place.entries("standard deviations") else {
            let outputs = self.per_channel(place, model.channels, "noise")?;
            let text = self.known(place, outputs)?;
            return Ok(ReadNoise {
                text,
                shape: NoiseShape::Normal,
            });
        };
        let entries = match entries
            .iter()
            .find(|entry| !keys::noise::NAMES.contains(&entry.name))
        {
            Some(entry) => return Err(place.unknown_key(entry, keys::noise::NAMES)),
            None => entries,
        };
        let key = |name: &str| find(&entries, name);
        if let (Some(covariance), [_]) = (key("covariance"), &entries[..]) {
            return Ok(ReadNoise::of(self.covariance(covariance, model.channels)?));
        }
        let text = match (key("std"), key("relative"), key("absolute"), key("covariance")) {
            (Some(std), None, None, None) => {
                let outputs = self.per_channel(std, model.channels, "noise")?;
                self.known(std, outputs)?
            }
            (None, Some(relative), absolute, None) => {
                NoiseText::Unknown(self.relative(relative, absolute, model)?)
            }
            _ => {
                let message = "expected \"std\", or \"relative\" and perhaps \"absolute\", with or without \"correlation\"; \
                               or only \"covariance\"";
                return Err(place.error(message.into()));
            }
        };
        let shape = match key("correlation") {
            None => NoiseShape::Normal,
            Some(place) => {
                let matrix = self.matrix(place, model.channels)?;
                NoiseShape::Correlated(correlation(place, &matrix)?)
            }
        };
        Ok(ReadNoise { text, shape })
    }

    /// Standard deviations in proportion to the values, and such that are added to them in squares.
    fn relative(
        &mut self,
        relative: &Place<'t>,
        absolute: Option<&Place<'t>>,
        model: &ReadModel,
    ) -> Result<Vec<Expr>, TextError> {
        if model.outputs.is_empty() {
            return Err(relative.error("relative noise needs a model of expressions".into()));
        }
        let mut outputs = self.per_channel(relative, model.channels, "noise")?;
        let absolute = absolute
            .map(|place| self.per_channel(place, model.channels, "noise"))
            .transpose()?;
        let graph = &mut self.file.expander.graph;
        for (channel, (output, value)) in outputs.iter_mut().zip(&model.outputs).enumerate() {
            let magnitude = graph.unary(Unary::Abs, *value);
            *output = graph.binary(Binary::Mul, *output, magnitude);
            if let Some(absolute) = &absolute {
                *output = graph.binary(Binary::Hypot, *output, absolute[channel]);
            }
        }
        Ok(outputs)
    }

    /// Reads one expression for all channels, or one per channel.
    fn per_channel(
        &mut self,
        place: &Place<'t>,
        channels: usize,
        what: &str,
    ) -> Result<Vec<Expr>, TextError> {
        let mut outputs = self.file.expressions(place)?;
        if let [output] = outputs[..] {
            outputs = alloc::vec![output; channels];
        }
        match outputs.len() {
            found if found == channels => Ok(outputs),
            found => Err(place.error(format!(
                "expected the {what} of {channels} channels, found {found}"
            ))),
        }
    }

    /// Standard deviations by what they depend on.
    fn known(&mut self, place: &Place<'t>, outputs: Vec<Expr>) -> Result<NoiseText, TextError> {
        let graph = &self.file.expander.graph;
        if outputs.iter().any(|output| graph.depends_on(*output, PARAMETER)) {
            return Ok(NoiseText::Unknown(outputs));
        }
        let constants: Option<Vec<f64>> = outputs
            .iter()
            .map(|output| graph.constant_value(*output))
            .collect();
        match constants {
            None => Ok(NoiseText::OfSetting(outputs)),
            Some(sigma) => match sigma.iter().find(|sigma| !(**sigma > 0.0 && sigma.is_finite())) {
                None => Ok(NoiseText::Known(sigma)),
                Some(wrong) => Err(place.error(format!(
                    "a standard deviation must be positive, not {}",
                    Compact(*wrong)
                ))),
            },
        }
    }

    /// Covariance matrix, with variances on its diagonal, as standard deviations and correlation.
    pub(super) fn covariance(
        &mut self,
        place: &Place<'t>,
        channels: usize,
    ) -> Result<(Vec<f64>, Correlation), TextError> {
        let mut matrix = self.matrix(place, channels)?;
        let std: Vec<f64> = (0..channels).map(|i| sqrt(matrix[i][i])).collect();
        for (i, row) in matrix.iter_mut().enumerate() {
            for (j, entry) in row.iter_mut().enumerate() {
                *entry /= std[i] * std[j];
            }
        }
        Ok((std, correlation(place, &matrix)?))
    }

    /// Square matrix of numbers, by rows.
    pub(super) fn matrix(&mut self, place: &Place<'t>, size: usize) -> Result<Vec<Vec<f64>>, TextError> {
        let rows = place.items("a matrix, by rows")?;
        let matrix: Vec<Vec<f64>> = rows
            .iter()
            .map(|row| self.numbers(row, "a row of numbers"))
            .collect::<Result<_, _>>()?;
        match matrix.len() == size && matrix.iter().all(|row| row.len() == size) {
            true => Ok(matrix),
            false => Err(place.error(format!("expected a {size} x {size} matrix, by rows"))),
        }
    }
}

fn correlation(place: &Place<'_>, matrix: &[Vec<f64>]) -> Result<Correlation, TextError> {
    Correlation::new(matrix).ok_or_else(|| {
        place.error(
            "the matrix must be symmetric and positive definite (a correlation: with ones on its diagonal)"
                .into(),
        )
    })
}
