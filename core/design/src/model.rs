//! Models: what an instrument would measure, as a function of its setting and of the parameters sought.

use alloc::boxed::Box;
use core::fmt;
use core::ops::Range;

/// Points in a space of a few dimensions, one row a dimension (structure of arrays). One point stands for as many equal
/// ones as are needed.
#[derive(Clone, Copy, Debug)]
pub struct Points<'a> {
    values: &'a [f64],
    stride: usize,
    start: usize,
    len: usize,
}

impl<'a> Points<'a> {
    /// A single point.
    pub fn one(point: &'a [f64]) -> Self {
        Self {
            values: point,
            stride: 1,
            start: 0,
            len: 1,
        }
    }

    /// Of `values`, where each row has the length `stride`, the points in `range`, which must lie inside a row.
    pub fn new(values: &'a [f64], stride: usize, range: Range<usize>) -> Self {
        Self {
            values,
            stride,
            start: range.start,
            len: range.len(),
        }
    }

    /// The coordinates of all points along one dimension.
    ///
    /// # Panics
    /// When there is no such dimension.
    pub fn row(&self, dimension: usize) -> &'a [f64] {
        let start = dimension * self.stride + self.start;
        &self.values[start..start + self.len]
    }

    /// The number of points.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.len
    }
}

/// A function of setting and parameters, with one or several outputs: the channels of a measurement, their noise, a
/// cost, constraints. It must be a function: the same arguments, the same results.
pub trait Model: fmt::Debug + Send {
    /// How many outputs it has.
    fn num_outputs(&self) -> usize;

    /// Evaluates at many points. Either `settings` or `parameters` may be one point that goes with all of the other; the
    /// output `c` at the point `i` of n goes to `outputs[c * n + i]`. What cannot be computed is NaN.
    fn evaluate(&mut self, settings: Points<'_>, parameters: Points<'_>, outputs: &mut [f64]);

    /// Another one like it, for another designer.
    fn boxed(&self) -> Box<dyn Model>;
}

impl Clone for Box<dyn Model> {
    fn clone(&self) -> Self {
        (**self).boxed()
    }
}

/// A [`Model`] from a closure of `K` knobs and `P` parameters with `C` outputs. The compiler turns it into a loop over
/// all points, in vector code where the closure allows it.
///
/// ```
/// use labwire_design::Closure;
///
/// // A straight line, y = m x + b.
/// let line = Closure::new(|[x]: [f64; 1], [m, b]: [f64; 2]| [m * x + b]);
/// ```
#[derive(Clone, Copy)]
pub struct Closure<F, const K: usize, const P: usize, const C: usize> {
    function: F,
}

impl<F, const K: usize, const P: usize, const C: usize> Closure<F, K, P, C>
where
    F: Fn([f64; K], [f64; P]) -> [f64; C],
{
    /// The model that `function` computes.
    pub fn new(function: F) -> Self {
        Self { function }
    }
}

impl<F, const K: usize, const P: usize, const C: usize> fmt::Debug for Closure<F, K, P, C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a closure of {K} knobs and {P} parameters")
    }
}

impl<F, const K: usize, const P: usize, const C: usize> Model for Closure<F, K, P, C>
where
    F: Fn([f64; K], [f64; P]) -> [f64; C] + Clone + Send + 'static,
{
    fn num_outputs(&self) -> usize {
        C
    }

    fn evaluate(&mut self, settings: Points<'_>, parameters: Points<'_>, outputs: &mut [f64]) {
        let f = &self.function;
        if settings.len() == 1 {
            let setting = core::array::from_fn(|k| settings.row(k)[0]);
            over_rows(parameters, outputs, |parameters| f(setting, parameters));
        } else {
            let parameters = core::array::from_fn(|p| parameters.row(p)[0]);
            over_rows(settings, outputs, |setting| f(setting, parameters));
        }
    }

    fn boxed(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }
}

#[inline(always)]
fn over_rows<const D: usize, const C: usize>(
    points: Points<'_>,
    outputs: &mut [f64],
    f: impl Fn([f64; D]) -> [f64; C],
) {
    let n = points.len();
    let rows: [&[f64]; D] = core::array::from_fn(|d| points.row(d));
    let mut outputs = outputs.chunks_exact_mut(n);
    let outputs: [&mut [f64]; C] = core::array::from_fn(|_| outputs.next().unwrap_or_default());
    // Said once, the compiler need not ask at each point.
    if rows.iter().any(|row| row.len() != n) || outputs.iter().any(|row| row.len() != n) {
        return;
    }
    for i in 0..n {
        let values = f(core::array::from_fn(|d| rows[d][i]));
        for c in 0..C {
            outputs[c][i] = values[c];
        }
    }
}
