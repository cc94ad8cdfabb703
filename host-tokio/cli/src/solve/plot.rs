//! SVG plot of a solve: its convergence and its solution.

use labwire_core::solve::Progress;
use plotters::coord::Shift;
use plotters::prelude::*;

const WIDTH: u32 = 720;
const HEIGHT: u32 = 320;

/// Record of a solve.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    residual: Vec<(f64, f64)>,
    infeasibility: Vec<(f64, f64)>,
}

impl Trace {
    /// Records a step, without values that a logarithmic axis cannot show.
    pub(crate) fn push(&mut self, progress: &Progress) {
        let evaluations = progress.counters.evaluations as f64;
        let shown = |value: f64| value > 0.0 && value.is_finite();
        if shown(progress.residual) {
            self.residual.push((evaluations, progress.residual.log10()));
        }
        if shown(progress.violation) {
            self.infeasibility.push((evaluations, progress.violation.log10()));
        }
    }
}

/// Draws, above, residual and infeasibility by evaluations; below, the variables (for an optimal-control problem the
/// trajectories) by index, with their unit if they have one.
pub(crate) fn svg(trace: &Trace, variables: &[(String, Vec<f64>)], unit: &str) -> Result<String, String> {
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, (WIDTH, 2 * HEIGHT)).into_drawing_area();
    let drawn = draw(&area, trace, variables, unit).and_then(|()| area.present());
    drawn.map_err(|error| format!("cannot draw: {error}"))?;
    drop(area);
    Ok(text)
}

/// Width for the names of lines, beside them, at least and at most; of a character, and of what is before the first.
const NAMES: [usize; 2] = [130, 300];
const CHARACTER: usize = 7;
const BEFORE: usize = 34;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

fn draw<'a>(area: &Area<'a>, trace: &Trace, variables: &[(String, Vec<f64>)], unit: &str) -> Drawn<'a> {
    area.fill(&WHITE)?;
    let (above, below) = area.split_vertically(HEIGHT);
    let convergence = [
        ("residual", trace.residual.clone()),
        ("infeasibility", trace.infeasibility.clone()),
    ];
    let power = |exponent: &f64| format!("1e{exponent:.0}");
    lines(&above, "convergence", ["evaluations", ""], &power, &convergence)?;
    let by_index = |values: &Vec<f64>| (0..).map(f64::from).zip(values.iter().copied()).collect();
    let found: Vec<_> = variables
        .iter()
        .map(|(name, values)| (name.as_str(), by_index(values)))
        .collect();
    lines(
        &below,
        "solution",
        ["index", unit],
        &|value| format!("{value}"),
        &found,
    )
}

fn lines<'a>(
    area: &Area<'a>,
    caption: &str,
    [x, y]: [&str; 2],
    y_label: &dyn Fn(&f64) -> String,
    lines: &[(&str, Vec<(f64, f64)>)],
) -> Drawn<'a> {
    let longest = lines
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    let names = (BEFORE + CHARACTER * longest).clamp(NAMES[0], NAMES[1]) as u32;
    let points = || lines.iter().flat_map(|(_, points)| points);
    let [left, right] = range(points().map(|(x, _)| *x));
    let [bottom, top] = range(points().map(|(_, y)| *y));
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .margin_right(names)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .caption(caption, ("sans-serif", 16))
        .build_cartesian_2d(left..right, bottom..top)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_label_formatter(&f64::to_string)
        .y_label_formatter(&y_label)
        .x_desc(x)
        .y_desc(y)
        .draw()?;
    let x = (WIDTH - names) as i32;
    for ((name, points), index) in lines.iter().zip(0..) {
        let style = Palette99::pick(index as usize).stroke_width(2);
        chart.draw_series(LineSeries::new(points.iter().copied(), style))?;
        let y = 40 + 16 * index;
        area.draw(&PathElement::new([(x + 8, y), (x + 24, y)], style))?;
        area.draw(&Text::new(*name, (x + 30, y - 6), ("sans-serif", 12)))?;
    }
    Ok(())
}

/// Range from the smallest to the largest value, which is not empty.
fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
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
