//! Section `parameters` of an experiment file: parameters and their priors.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use labwire_model::expression::Value;
use labwire_model::expression::graph::{Expr, Graph, Input};
use labwire_model::expression::operation::{Binary, Unary};
use labwire_model::problem::TextError;
use labwire_model::text::{Entry, Place, find};

use super::Reader;
use crate::inputs::{PARAMETER, SETTING};
use crate::keys;
use crate::prior::{Parameter, Prior};

/// Parameters as read so far.
#[derive(Default)]
pub(super) struct Parameters {
    pub(super) all: Vec<Parameter>,
    /// Those that depend on earlier ones, by index: their value as a function of [`BASE`] and of these.
    pub(super) dependent: Vec<(usize, Expr)>,
    /// Conditions on those: outputs that must not be 0.
    pub(super) conditions: Vec<Expr>,
}

/// Priors that one entry describes.
struct Priors {
    all: Vec<Prior>,
    /// Whether they are those of the elements of a vector.
    is_vector: bool,
}

/// Input that stands for the draw from the prior of a dependent parameter.
const BASE: (Input, u32) = (SETTING, 0);

/// Standard normal distribution.
const STANDARD: Prior = Prior::Normal { mean: 0.0, std: 1.0 };

/// Most parameters of one multivariate normal distribution.
const MOST_TOGETHER: usize = 100;

const UNBOUNDED: &str = "a prior that depends on other parameters has no bounds of its own: write a constraint, such as \"b > 0\"";

/// `shift + scale * BASE`; NaN if the scale is not positive.
fn affine(graph: &mut Graph, shift: Expr, scale: Expr) -> Expr {
    let (base, zero, nan) = (
        graph.input(BASE.0, BASE.1),
        graph.constant(0.0),
        graph.constant(f64::NAN),
    );
    let scaled = graph.binary(Binary::Mul, scale, base);
    let value = graph.binary(Binary::Add, shift, scaled);
    let is_positive = graph.binary(Binary::Less, zero, scale);
    graph.select(is_positive, value, nan)
}

impl<'t> Reader<'t> {
    pub(super) fn parameters(&mut self, place: &Place<'t>) -> Result<Parameters, TextError> {
        let entries = place.entries("an object of parameters and their priors")?;
        if entries.is_empty() {
            return Err(place.error("expected at least one parameter".into()));
        }
        let mut parameters = Parameters::default();
        for entry in entries {
            let names = self.new_names(place, &entry)?;
            let first = parameters.all.len();
            let priors = self.priors(&entry.value, &names, &mut parameters)?;
            let inputs: Vec<Expr> = (first..first + priors.all.len())
                .map(|i| self.file.expander.graph.input(PARAMETER, i as u32))
                .collect();
            let is_vector = priors.is_vector;
            for (i, prior) in priors.all.into_iter().enumerate() {
                prior.check().map_err(|fault| entry.value.error(fault.into()))?;
                let name = match is_vector {
                    true => format!("{}[{i}]", names[0]),
                    false => names[i].clone(),
                };
                parameters.all.push(Parameter { name, prior });
            }
            match is_vector {
                true => self.file.expander.define_value(&names[0], Value::vector(inputs)),
                false => {
                    for (name, input) in names.iter().zip(inputs) {
                        self.file.expander.define_value(name, Value::Scalar(input));
                    }
                }
            }
        }
        Ok(parameters)
    }

    /// Priors of parameters that are described together; of more than `count`, if that is 1 and they are a vector.
    fn priors(
        &mut self,
        place: &Place<'t>,
        names: &[String],
        parameters: &mut Parameters,
    ) -> Result<Priors, TextError> {
        const WHAT: &str = "a prior such as {\"uniform\": [0, 1]}";
        let count = names.len();
        let known = [keys::prior::NAMES, keys::bounds::NAMES].concat();
        let is_bound = |entry: &Entry<'t>| keys::bounds::NAMES.contains(&entry.name);
        let (bounds, entries): (Vec<_>, Vec<_>) =
            place.entries_of(WHAT, &known)?.into_iter().partition(is_bound);
        let [entry] = &entries[..] else {
            return Err(place.error(format!("expected one of {}", keys::prior::NAMES.join(", "))));
        };
        let value = &entry.value;
        let is_rows = || {
            value.is_list()
                && value
                    .items("rows")
                    .is_ok_and(|rows| rows.iter().any(Place::is_list))
        };
        let joint = match entry.name {
            "multivariate_normal" => self.multivariate_normal(value, count, parameters)?,
            "samples" if count > 1 || !value.is_list() || is_rows() => self.samples(value, names)?,
            _ if count > 1 => {
                return Err(place.error(format!(
                    "expected a prior of {count} parameters together, multivariate_normal or samples"
                )));
            }
            _ => {
                let prior = self.prior(entry, parameters)?;
                let all = alloc::vec![self.bounded(prior, &bounds)?];
                return Ok(Priors {
                    all,
                    is_vector: false,
                });
            }
        };
        match bounds.first() {
            // Columns of a file have the names of single parameters.
            None => Ok(Priors {
                all: joint,
                is_vector: count == 1 && (value.is_list() || entry.name != "samples"),
            }),
            Some(bound) => Err(bound.value.error(
                "parameters with one prior together have no bounds of their own: write a constraint, such as \"a > 0\"".into(),
            )),
        }
    }

    fn bounded(&mut self, prior: Prior, bounds: &[Entry<'t>]) -> Result<Prior, TextError> {
        let Some(first) = bounds.first() else {
            return Ok(prior);
        };
        if matches!(prior, Prior::Base(_)) {
            return Err(first.value.error(UNBOUNDED.into()));
        }
        let mut bound = |name: &str, none: f64| match find(bounds, name) {
            Some(place) => self.number(place),
            None => Ok(none),
        };
        Ok(Prior::Bounded {
            low: bound("min", f64::NEG_INFINITY)?,
            high: bound("max", f64::INFINITY)?,
            prior: Box::new(prior),
        })
    }

    fn prior(&mut self, entry: &Entry<'t>, parameters: &mut Parameters) -> Result<Prior, TextError> {
        let value = &entry.value;
        let what = match entry.name {
            "uniform" => "[low, high]",
            "normal" => "[mean, standard deviation]",
            "lognormal" => "[mean, standard deviation] of the logarithm",
            "exponential" => "the mean",
            "gamma" => "[shape, scale]",
            "discrete" => return self.discrete(value),
            _ => return Ok(Prior::Samples(self.values(value)?)),
        };
        let places = match entry.name {
            "exponential" => alloc::vec![value.clone()],
            _ => value.items(what)?,
        };
        let numbers: Vec<Expr> = places
            .iter()
            .map(|place| self.of_parameters(place))
            .collect::<Result<_, _>>()?;
        let [a, b] = match (entry.name, &numbers[..]) {
            ("exponential", [mean]) => [*mean; 2],
            (_, [a, b]) => [*a, *b],
            _ => return Err(value.error(format!("expected {what}, found {} numbers", numbers.len()))),
        };
        let graph = &self.file.expander.graph;
        if let (Some(a), Some(b)) = (graph.constant_value(a), graph.constant_value(b)) {
            return Ok(match entry.name {
                "uniform" => Prior::Uniform { low: a, high: b },
                "normal" => Prior::Normal { mean: a, std: b },
                "lognormal" => Prior::LogNormal { mean: a, std: b },
                "exponential" => Prior::Exponential { mean: a },
                _ => Prior::Gamma { shape: a, scale: b },
            });
        }
        self.dependent(entry, [a, b], parameters)
    }

    /// Prior whose numbers depend on earlier parameters.
    fn dependent(
        &mut self,
        entry: &Entry<'t>,
        [a, b]: [Expr; 2],
        parameters: &mut Parameters,
    ) -> Result<Prior, TextError> {
        let graph = &mut self.file.expander.graph;
        let own = parameters.all.len();
        let itself = graph.input(PARAMETER, own as u32);
        let zero = graph.constant(0.0);
        let positive = graph.binary(Binary::Less, zero, itself);
        let (prior, value) = match entry.name {
            "uniform" => {
                let width = graph.binary(Binary::Sub, b, a);
                let ends = [(a, itself), (itself, b)];
                let inside = ends.map(|(low, high)| graph.binary(Binary::LessEqual, low, high));
                parameters.conditions.extend(inside);
                (Prior::Uniform { low: 0.0, high: 1.0 }, affine(graph, a, width))
            }
            "normal" => (STANDARD, affine(graph, a, b)),
            "lognormal" => {
                let log = affine(graph, a, b);
                (STANDARD, graph.unary(Unary::Exp, log))
            }
            "exponential" => (Prior::Exponential { mean: 1.0 }, affine(graph, zero, a)),
            _ => match graph.constant_value(a) {
                Some(shape) => (Prior::Gamma { shape, scale: 1.0 }, affine(graph, zero, b)),
                None => {
                    return Err(entry
                        .value
                        .error("the shape of gamma cannot depend on parameters".into()));
                }
            },
        };
        if ["lognormal", "exponential", "gamma"].contains(&entry.name) {
            parameters.conditions.push(positive);
        }
        parameters.dependent.push((own, value));
        Ok(Prior::Base(Box::new(prior)))
    }

    /// Number that may depend on the parameters before.
    fn of_parameters(&mut self, place: &Place<'t>) -> Result<Expr, TextError> {
        let value = self.file.value(place)?;
        let Some(expr) = value.as_scalar() else {
            return Err(place.error(format!("expected a number, found {}", value.describe())));
        };
        let graph = &self.file.expander.graph;
        match graph.constant_value(expr) {
            Some(number) if !number.is_finite() => {
                Err(place.error(format!("must be a finite number, not {number}")))
            }
            None if graph.depends_on(expr, SETTING) => {
                Err(place.error("a prior cannot depend on settings".into()))
            }
            _ => Ok(expr),
        }
    }

    /// Multivariate normal distribution: each parameter depends on those before, by regression.
    fn multivariate_normal(
        &mut self,
        place: &Place<'t>,
        count: usize,
        parameters: &mut Parameters,
    ) -> Result<Vec<Prior>, TextError> {
        let entries = place.entries_of(
            "an object of \"mean\" and \"cov\"",
            keys::multivariate_normal::NAMES,
        )?;
        let required =
            |key: &str| find(&entries, key).ok_or_else(|| place.error(format!("the key `{key}` is missing")));
        let means = required("mean")?;
        let items = means.items("a list of means")?;
        let found = items.len();
        if found == 0 || found > MOST_TOGETHER || count > 1 && found != count {
            let expected = if count > 1 {
                format!("{count}")
            } else {
                format!("1 to {MOST_TOGETHER}")
            };
            return Err(means.error(format!("expected {expected} means, found {found}")));
        }
        let means: Vec<Expr> = items
            .iter()
            .map(|item| self.of_parameters(item))
            .collect::<Result<_, _>>()?;
        let (std, correlation) = self.covariance(required("cov")?, found)?;
        let (graph, first) = (&mut self.file.expander.graph, parameters.all.len());
        for i in 0..found {
            let (weights, rest) = correlation.regression(i);
            let mut shift = means[i];
            for (j, weight) in weights.into_iter().enumerate() {
                let other = graph.input(PARAMETER, (first + j) as u32);
                let distance = graph.binary(Binary::Sub, other, means[j]);
                let weight = graph.constant(weight * std[i] / std[j]);
                let part = graph.binary(Binary::Mul, weight, distance);
                shift = graph.binary(Binary::Add, shift, part);
            }
            let scale = graph.constant(rest * std[i]);
            parameters
                .dependent
                .push((first + i, affine(graph, shift, scale)));
        }
        Ok(alloc::vec![Prior::Base(Box::new(STANDARD)); found])
    }

    /// Samples that go together by row: a list of rows, or a file.
    fn samples(&mut self, place: &Place<'t>, names: &[String]) -> Result<Vec<Prior>, TextError> {
        let mut names = names.to_vec();
        if let ([name], true) = (&names[..], place.is_list()) {
            let rows = place.items("rows")?;
            let first = rows.iter().find_map(|row| row.items("a row").ok());
            let count = first.map_or(0, |row| row.len());
            names = (0..count).map(|i| format!("{name}[{i}]")).collect();
        }
        let columns = self.rows(place, &names)?;
        Ok(columns.into_iter().map(Prior::Samples).collect())
    }

    /// Reads a list of values, or an object of values and their weights.
    fn discrete(&mut self, place: &Place<'t>) -> Result<Prior, TextError> {
        if place.is_list() {
            let values = self.values(place)?;
            let weights = alloc::vec![1.0; values.len()];
            return Ok(Prior::Discrete { values, weights });
        }
        let entries = place.entries_of(
            "a list, or an object of \"values\" and \"weights\"",
            keys::discrete::NAMES,
        )?;
        let list =
            |key: &str| find(&entries, key).ok_or_else(|| place.error(format!("the key `{key}` is missing")));
        Ok(Prior::Discrete {
            values: self.values(list("values")?)?,
            weights: self.values(list("weights")?)?,
        })
    }
}
