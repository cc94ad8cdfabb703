//! Sparkline: the latest values as a row of small bars.

use std::collections::VecDeque;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const WIDTH: usize = 24;

/// Latest values of a series.
#[derive(Debug, Default)]
pub(super) struct Sparkline(VecDeque<Option<f64>>);

impl Sparkline {
    /// Adds the number in an answer, or a gap.
    pub(super) fn push(&mut self, answer: Option<&str>) {
        if self.0.len() == WIDTH {
            self.0.pop_front();
        }
        self.0.push_back(answer.and_then(number));
    }
}

/// Last of the numbers in an answer, separated by commas.
fn number(answer: &str) -> Option<f64> {
    let mut fields = answer.rsplit(',').filter_map(|field| field.trim().parse().ok());
    fields.find(|number: &f64| number.is_finite())
}

impl std::fmt::Display for Sparkline {
    /// Scaled from the lowest value to the highest; gaps are blank.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let values = || self.0.iter().flatten().copied();
        let low = values().fold(f64::INFINITY, f64::min);
        let range = values().fold(f64::NEG_INFINITY, f64::max) - low;
        for value in &self.0 {
            let bar = value.map_or(' ', |value| {
                let height = if range > 0.0 { (value - low) / range } else { 0.5 };
                BARS[(height * 7.0).round() as usize]
            });
            write!(formatter, "{bar}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_span_the_values() {
        let mut line = Sparkline::default();
        for answer in [Some("0"), Some("+5.0E-01"), None, Some("0,1"), Some("on")] {
            line.push(answer);
        }
        assert_eq!(line.to_string(), "▁▅ █ ");
        for _ in 0..WIDTH {
            line.push(Some("3"));
        }
        assert_eq!(line.to_string(), "▅".repeat(WIDTH));
    }
}
