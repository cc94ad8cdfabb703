//! Plots of a narrowing posterior, in the terminal and as a file.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use plotters::coord::Shift;
use plotters::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Widget};

use super::is_watched;
use super::trace::Trace;

/// Chart that is redrawn during a run, if the output is a terminal.
pub(crate) struct Live {
    bar: ProgressBar,
    next: Instant,
}

impl Live {
    pub(crate) fn new() -> Self {
        let bar = match is_watched() {
            true => ProgressBar::no_length(),
            false => ProgressBar::hidden(),
        };
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Self {
            bar,
            next: Instant::now(),
        }
    }

    /// Redraws the chart, at most as often as the eye can follow.
    pub(crate) fn update(&mut self, trace: &Trace, label: &str, truth: Option<f64>) {
        if !self.bar.is_hidden() && Instant::now() >= self.next {
            self.next = Instant::now() + Duration::from_millis(100);
            self.bar.set_message(terminal(trace, label, truth));
            self.bar.tick();
        }
    }

    /// Draws the final state.
    pub(crate) fn finish(self, trace: &Trace, label: &str, truth: Option<f64>) {
        if !self.bar.is_hidden() {
            self.bar.abandon_with_message(terminal(trace, label, truth));
        }
    }
}

const WIDTH: u16 = 76;
const HEIGHT: u16 = 16;

/// Mean and two standard deviations to either side, over the number of measurements.
pub(crate) fn terminal(trace: &Trace, label: &str, truth: Option<f64>) -> String {
    let ([low, high], means) = (trace.band(), trace.means());
    let last = means.len().saturating_sub(1).max(1) as f64;
    let truth: Vec<(f64, f64)> = truth
        .iter()
        .flat_map(|truth| [(0.0, *truth), (last, *truth)])
        .collect();
    let line = |points, marker| {
        Dataset::default()
            .marker(marker)
            .graph_type(GraphType::Line)
            .data(points)
    };
    let datasets = vec![
        line(&truth, Marker::Dot),
        line(&low, Marker::Braille),
        line(&high, Marker::Braille),
        line(&means, Marker::Braille),
    ];
    let [bottom, top] = range(low.iter().chain(&high).map(|(_, y)| *y));
    let labels = |numbers: [f64; 3]| numbers.map(|number| Line::from(format!("{number:.4}"))).to_vec();
    let counts = [0.0, last].map(|count| Line::from(count.to_string())).to_vec();
    let chart = Chart::new(datasets)
        .x_axis(Axis::default().bounds([0.0, last]).labels(counts))
        .y_axis(
            Axis::default()
                .bounds([bottom, top])
                .labels(labels([bottom, 0.5 * (bottom + top), top])),
        );
    let area = Rect::new(0, 0, WIDTH, HEIGHT);
    let mut buffer = Buffer::empty(area);
    chart.render(area, &mut buffer);
    let mut text = format!("{label}: mean and 2 standard deviations, over measurements\n");
    for row in 0..HEIGHT {
        let line: String = (0..WIDTH).map(|column| buffer[(column, row)].symbol()).collect();
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let finite = values.filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low < high {
        [low, high]
    } else if low == high {
        [low - 0.5, low + 0.5]
    } else {
        [0.0, 1.0]
    }
}

/// Reason why the plot cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw: {0}")]
pub(crate) struct PlotError(String);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Two plots: above, mean and two standard deviations of the first trace; below, the standard deviations of all
/// traces, both over the number of measurements and on logarithmic axes.
pub(crate) fn svg(traces: &[Trace], label: &str, truth: Option<f64>) -> Result<String, PlotError> {
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, (720, 640)).into_drawing_area();
    let drawn = draw(&area, traces, label, truth);
    drawn
        .and_then(|()| area.present().map_err(|error| error.to_string()))
        .map_err(PlotError)?;
    drop(area);
    Ok(text)
}

const COLOURS: [RGBColor; 3] = [
    RGBColor(37, 99, 235),
    RGBColor(156, 163, 175),
    RGBColor(217, 119, 6),
];

fn draw(area: &Area<'_>, traces: &[Trace], label: &str, truth: Option<f64>) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    area.fill(&WHITE).map_err(|error| failed(&error))?;
    let (above, below) = area.split_vertically(340);
    if let Some(first) = traces.first() {
        band(&above, first, label, truth).map_err(|error| failed(&error))?;
    }
    deviations(&below, traces, label).map_err(|error| failed(&error))
}

type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

fn band<'a>(area: &Area<'a>, trace: &Trace, label: &str, truth: Option<f64>) -> Drawn<'a> {
    let [low, high] = trace.band();
    let last = trace.mean.len().saturating_sub(1).max(1) as f64;
    let [bottom, top] = range(low.iter().chain(&high).map(|(_, y)| *y));
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .margin_right(30)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .caption(
            format!("{label}, {}: mean and 2 standard deviations", trace.name),
            ("sans-serif", 16),
        )
        .build_cartesian_2d(0.0..last, bottom..top)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_label_formatter(&f64::to_string)
        .x_desc("measurements")
        .draw()?;
    let outline: Vec<(f64, f64)> = low.into_iter().chain(high.into_iter().rev()).collect();
    chart.draw_series([Polygon::new(outline, COLOURS[0].mix(0.2))])?;
    chart.draw_series(LineSeries::new(trace.means(), COLOURS[0].stroke_width(2)))?;
    if let Some(truth) = truth {
        chart.draw_series(LineSeries::new([(0.0, truth), (last, truth)], BLACK.mix(0.6)))?;
    }
    Ok(())
}

fn deviations<'a>(area: &Area<'a>, traces: &[Trace], label: &str) -> Drawn<'a> {
    let points = |trace: &Trace| -> Vec<(f64, f64)> {
        let numbered = (1..).map(f64::from).zip(trace.std.iter().skip(1).copied());
        numbered.filter(|(_, std)| *std > 0.0).collect()
    };
    let lines: Vec<Vec<(f64, f64)>> = traces.iter().map(points).collect();
    let [left, right] = range(lines.iter().flatten().map(|(x, _)| x.log10())).map(|x| 10_f64.powf(x));
    let [bottom, top] = range(lines.iter().flatten().map(|(_, y)| y.log10())).map(|y| 10_f64.powf(y));
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .margin_right(30)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .caption(format!("standard deviation of {label}"), ("sans-serif", 16))
        .build_cartesian_2d((left..right).log_scale(), (bottom..top).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_label_formatter(&f64::to_string)
        .x_desc("measurements")
        .draw()?;
    for ((trace, line), colour) in traces.iter().zip(lines).zip(COLOURS) {
        chart
            .draw_series(LineSeries::new(line, colour.stroke_width(2)))?
            .label(trace.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()
}
