//! Plots of curves and images, in the terminal and as files.

mod pixels;

use std::ops::Range;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use plotters::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Widget};

use self::pixels::Pixels;
use super::channel::{Channel, range};

/// Reason why there is no plot.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlotError {
    /// The data are neither a curve nor an image.
    #[error("{label} has {rank} dimensions; a plot has one or two")]
    Rank { label: String, rank: usize },
    /// There is no finite value.
    #[error("{0} has no finite values")]
    Empty(String),
    /// The file format is not supported.
    #[error("a plot is a file .svg or .png")]
    Format,
    /// Drawing failed.
    #[error("cannot draw: {0}")]
    Draw(String),
}

/// Channel as text with `width` columns and about `height` lines; images in colour, if requested.
pub(crate) fn terminal(
    channel: &Channel,
    width: u16,
    height: u16,
    colour: bool,
) -> Result<String, PlotError> {
    match channel.shape[..] {
        [] => Ok(format!("{} = {}\n", channel.label, channel.values[0])),
        [_] => curve(channel, width.max(30), height.max(8)),
        [rows, columns] => {
            let image = Image::new(channel, rows, columns)?;
            Ok(if colour {
                image.blocks(width, height)
            } else {
                image.letters(width, height)
            })
        }
        _ => Err(PlotError::Rank {
            label: channel.label.clone(),
            rank: channel.shape.len(),
        }),
    }
}

/// Channel as the contents of a file with the name `path`.
pub(crate) fn file(channel: &Channel, path: &Path) -> Result<Vec<u8>, PlotError> {
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    match (extension, &channel.shape[..]) {
        ("svg", [_] | [_, _]) => Ok(svg(channel)?.into_bytes()),
        ("png", &[rows, columns]) => Image::new(channel, rows, columns)?.png(),
        ("png", [_]) => {
            let (width, height) = SIZE;
            let mut pixels = Pixels::new(SIZE);
            draw(channel, &mut pixels)?;
            encoded(width, height, png::ColorType::Rgb, pixels.bytes())
        }
        ("svg" | "png", shape) => Err(PlotError::Rank {
            label: channel.label.clone(),
            rank: shape.len(),
        }),
        _ => Err(PlotError::Format),
    }
}

/// Range with a margin, which is not empty.
fn padded((low, high): (f64, f64)) -> [f64; 2] {
    let room = 0.04 * (high - low);
    let room = if room > 0.0 {
        room
    } else {
        0.5 * low.abs().max(1e-9)
    };
    [low - room, high + room]
}

fn curve(channel: &Channel, width: u16, height: u16) -> Result<String, PlotError> {
    let empty = || PlotError::Empty(channel.label.clone());
    let axis = &channel.axes[0];
    let y = padded(channel.range().ok_or_else(empty)?);
    let (left, right) = range(&axis.values).ok_or_else(empty)?;
    let points: Vec<(f64, f64)> = axis
        .values
        .iter()
        .copied()
        .zip(channel.values.iter().copied())
        .collect();
    let dataset = Dataset::default()
        .marker(Marker::Braille)
        .graph_type(GraphType::Line)
        .data(&points);
    let labels = |[low, high]: [f64; 2]| {
        [low, 0.5 * (low + high), high]
            .map(|value| Line::from(format!("{value:.4}")))
            .to_vec()
    };
    let x = if left < right {
        [left, right]
    } else {
        padded((left, right))
    };
    let chart = Chart::new(vec![dataset])
        .x_axis(Axis::default().bounds(x).labels(labels(x)))
        .y_axis(Axis::default().bounds(y).labels(labels(y)));
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    chart.render(area, &mut buffer);
    let mut text = format!("{}\n", channel.label);
    for row in 0..height {
        let line: String = (0..width).map(|column| buffer[(column, row)].symbol()).collect();
        text += line.trim_end();
        text.push('\n');
    }
    text += &format!("{:>width$}\n", axis.label, width = usize::from(width));
    Ok(text)
}

/// Values scaled to 0 to 1.
struct Image {
    label: String,
    rows: usize,
    columns: usize,
    values: Vec<f64>,
    range: (f64, f64),
}

impl Image {
    fn new(channel: &Channel, rows: usize, columns: usize) -> Result<Self, PlotError> {
        let (low, high) = channel
            .range()
            .ok_or_else(|| PlotError::Empty(channel.label.clone()))?;
        let scale = if high > low { 1.0 / (high - low) } else { 0.0 };
        let values = channel.values.iter().map(|value| {
            if value.is_finite() {
                (value - low) * scale
            } else {
                0.0
            }
        });
        Ok(Self {
            label: channel.label.clone(),
            rows,
            columns,
            values: values.collect(),
            range: (low, high),
        })
    }

    /// Mean over each cell of a grid.
    fn reduced(&self, rows: usize, columns: usize) -> Vec<Vec<f64>> {
        let span = |index: usize, cells: usize, length: usize| {
            let start = index * length / cells;
            start..((index + 1) * length / cells).max(start + 1).min(length)
        };
        let cell = |row: usize, column: usize| {
            let mut sum = (0.0, 0.0);
            for row in span(row, rows, self.rows) {
                for column in span(column, columns, self.columns) {
                    sum = (sum.0 + self.values[row * self.columns + column], sum.1 + 1.0);
                }
            }
            sum.0 / sum.1
        };
        (0..rows)
            .map(|row| (0..columns).map(|column| cell(row, column)).collect())
            .collect()
    }

    /// Number of columns, and of rows (two per line of text), that show the image undistorted.
    fn grid(&self, width: u16, height: u16) -> (usize, usize) {
        let (width, height) = (f64::from(width.max(2)), 2.0 * f64::from(height.max(2)));
        let scale = (width / self.columns as f64)
            .min(height / self.rows as f64)
            .min(1.0);
        let cells = |length: usize| ((length as f64 * scale) as usize).max(1);
        (cells(self.columns), cells(self.rows))
    }

    fn caption(&self) -> String {
        let (low, high) = self.range;
        format!(
            "{}, {} x {}, {low} to {high}\n",
            self.label, self.columns, self.rows
        )
    }

    fn blocks(&self, width: u16, height: u16) -> String {
        let (columns, rows) = self.grid(width, height);
        let grid = self.reduced(rows, columns);
        let mut text = self.caption();
        for pair in grid.chunks(2) {
            for column in 0..columns {
                let (r, g, b) = viridis(pair[0][column]);
                text += &format!("\x1b[38;2;{r};{g};{b}m");
                if let Some(below) = pair.get(1) {
                    let (r, g, b) = viridis(below[column]);
                    text += &format!("\x1b[48;2;{r};{g};{b}m");
                }
                text.push('▀');
            }
            text += "\x1b[0m\n";
        }
        text
    }

    fn letters(&self, width: u16, height: u16) -> String {
        const RAMP: &[u8] = b" .:-=+*#%@";
        let (columns, rows) = self.grid(width, height);
        let mut text = self.caption();
        for row in self.reduced(rows.div_ceil(2), columns) {
            let line: String = row
                .iter()
                .map(|value| char::from(RAMP[(value * 9.0).round() as usize]))
                .collect();
            text += line.trim_end();
            text.push('\n');
        }
        text
    }

    /// Grey with 8 bits, black to white over the range of the values.
    fn png(&self) -> Result<Vec<u8>, PlotError> {
        let pixels: Vec<u8> = self
            .values
            .iter()
            .map(|value| (value * 255.0).round() as u8)
            .collect();
        self.encoded(png::ColorType::Grayscale, &pixels)
    }

    fn coloured_png(&self) -> Result<Vec<u8>, PlotError> {
        let pixels: Vec<u8> = self
            .values
            .iter()
            .flat_map(|&value| <[u8; 3]>::from(viridis(value)))
            .collect();
        self.encoded(png::ColorType::Rgb, &pixels)
    }

    fn encoded(&self, colour: png::ColorType, pixels: &[u8]) -> Result<Vec<u8>, PlotError> {
        let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        encoded(side(self.columns), side(self.rows), colour, pixels)
    }
}

fn encoded(width: u32, height: u32, colour: png::ColorType, pixels: &[u8]) -> Result<Vec<u8>, PlotError> {
    let failed = |error: png::EncodingError| PlotError::Draw(error.to_string());
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(colour);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

/// Colour map "viridis" (van der Walt and Smith, 2015), interpolated between eighths.
fn viridis(value: f64) -> (u8, u8, u8) {
    const MAP: [[f64; 3]; 9] = [
        [68.0, 1.0, 84.0],
        [71.0, 45.0, 123.0],
        [59.0, 82.0, 139.0],
        [44.0, 114.0, 142.0],
        [33.0, 145.0, 140.0],
        [39.0, 173.0, 129.0],
        [92.0, 200.0, 99.0],
        [170.0, 220.0, 50.0],
        [253.0, 231.0, 37.0],
    ];
    let place = value.clamp(0.0, 1.0) * 8.0;
    let index = (place as usize).min(7);
    let part = place - index as f64;
    let mix =
        |colour: usize| (MAP[index][colour] * (1.0 - part) + MAP[index + 1][colour] * part).round() as u8;
    (mix(0), mix(1), mix(2))
}

/// Size of a drawing, in pixels.
const SIZE: (u32, u32) = (800, 500);

fn svg(channel: &Channel) -> Result<String, PlotError> {
    let mut text = String::new();
    let (x, y) = draw(channel, SVGBackend::with_string(&mut text, SIZE))?;
    let [rows, columns] = channel.shape[..] else {
        return Ok(text);
    };
    // Pixels go behind the axes as one embedded image; the drawing library would make a rectangle of each.
    if let Some(start) = text.find("<rect") {
        let end = text[start..].find("/>").map_or(start, |end| start + end + 2);
        let data = STANDARD.encode(Image::new(channel, rows, columns)?.coloured_png()?);
        let element = format!(
            "\n<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
             style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{data}\"/>",
            x.start,
            y.start,
            x.end - x.start,
            y.end - y.start,
        );
        text.insert_str(end, &element);
    }
    Ok(text)
}

/// Draws everything except the pixels of an image. Returns the area for those.
fn draw(channel: &Channel, on: impl DrawingBackend) -> Result<(Range<i32>, Range<i32>), PlotError> {
    let failed = |error: &dyn std::fmt::Display| PlotError::Draw(error.to_string());
    let empty = || PlotError::Empty(channel.label.clone());
    let horizontal = &channel.axes[channel.axes.len() - 1];
    let (left, right) = range(&horizontal.values).ok_or_else(empty)?;
    let is_image = channel.shape.len() == 2;
    let [bottom, top] = if is_image {
        // Rows run downwards.
        let (low, high) = range(&channel.axes[0].values).ok_or_else(empty)?;
        [high, low]
    } else {
        padded(channel.range().ok_or_else(empty)?)
    };
    let root = on.into_drawing_area();
    root.fill(&WHITE).map_err(|error| failed(&error))?;
    let mut chart = ChartBuilder::on(&root)
        .caption(&channel.label, ("sans-serif", 18))
        .margin(12)
        .margin_right(24)
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(left..right, bottom..top)
        .map_err(|error| failed(&error))?;
    let description = if is_image {
        channel.axes[0].label.as_str()
    } else {
        ""
    };
    let mut mesh = chart.configure_mesh();
    mesh.x_desc(&horizontal.label)
        .y_desc(description)
        .max_light_lines(1);
    if is_image {
        mesh.disable_mesh();
    }
    mesh.draw().map_err(|error| failed(&error))?;
    if !is_image {
        let points = horizontal
            .values
            .iter()
            .copied()
            .zip(channel.values.iter().copied());
        let points = points.filter(|(x, y)| x.is_finite() && y.is_finite());
        chart
            // A line through a single point would be invisible.
            .draw_series(LineSeries::new(points, &BLUE).point_size(u32::from(channel.values.len() == 1) * 3))
            .map_err(|error| failed(&error))?;
    }
    let area = chart.plotting_area().get_pixel_range();
    root.present().map_err(|error| failed(&error))?;
    Ok(area)
}

#[cfg(test)]
mod tests {
    use super::*;
    use labwire_core::pymodaq::{DataClass, DataWithAxes, NdArray};

    fn channel(shape: &[usize], values: &[f64]) -> Channel {
        let array = NdArray::from_elements(shape, values).unwrap();
        Channel::all(&DataWithAxes::new(DataClass::DataRaw, "signal", 0.0, vec![array])).remove(0)
    }

    #[test]
    fn a_curve_is_drawn_with_its_range() {
        let values: Vec<f64> = (0..100).map(|x| (f64::from(x) / 10.0).sin()).collect();
        let text = terminal(&channel(&[100], &values), 60, 12, true).unwrap();
        assert!(
            text.contains("signal") && text.contains("99.0000") && text.contains("1.0799"),
            "{text}"
        );
        assert!(
            text.chars()
                .any(|symbol| ('\u{2801}'..='\u{28ff}').contains(&symbol)),
            "{text}"
        );
        let flat = terminal(&channel(&[3], &[2.0, 2.0, 2.0]), 60, 12, true).unwrap();
        assert!(flat.contains("2.0000"), "{flat}");
    }

    #[test]
    fn an_image_is_drawn_from_dark_to_bright() {
        let image = channel(&[2, 4], &[0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0, 9.0]);
        assert_eq!(
            terminal(&image, 80, 20, false).unwrap(),
            "signal, 4 x 2, 0 to 9\n   @\n"
        );
        let colours = terminal(&image, 80, 20, true).unwrap();
        assert_eq!(colours.matches('▀').count(), 4);
        assert!(colours.contains("\x1b[38;2;253;231;37m"));
        // As many cells as fit into the terminal, in proportion.
        let large = channel(&[100, 200], &vec![1.0; 20_000]);
        let lines: Vec<_> = terminal(&large, 40, 20, true)
            .unwrap()
            .lines()
            .map(str::len)
            .collect();
        assert_eq!(lines.len(), 1 + 10);
    }

    #[test]
    fn what_cannot_be_drawn_says_why() {
        let why =
            |channel: &Channel, file_name: &str| file(channel, Path::new(file_name)).unwrap_err().to_string();
        let curve = channel(&[2], &[1.0, 2.0]);
        assert_eq!(why(&curve, "a.jpg"), "a plot is a file .svg or .png");
        assert_eq!(
            why(&channel(&[2], &[f64::NAN, f64::NAN]), "a.svg"),
            "signal has no finite values"
        );
        let cube = channel(&[2, 1, 1, 2], &[1.0; 4]);
        assert_eq!(
            why(&cube, "a.svg"),
            "signal has 4 dimensions; a plot has one or two"
        );
        assert_eq!(
            terminal(&channel(&[1], &[3.5]), 80, 20, true).unwrap(),
            "signal = 3.5\n"
        );
    }

    #[test]
    fn files_are_what_their_names_say() {
        let image = channel(&[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let png = file(&image, Path::new("a.png")).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&png)).read_info().unwrap();
        let mut pixels = vec![0; 6];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, [0, 51, 102, 153, 204, 255]);
        let curve = file(&channel(&[3], &[1.0, 3.0, 2.0]), Path::new("a.png")).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&curve))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; 3 * 800 * 500];
        reader.next_frame(&mut pixels).unwrap();
        let count = |is_one: fn(&[u8]) -> bool| pixels.chunks_exact(3).filter(|&pixel| is_one(pixel)).count();
        let letters_and_axes = count(|pixel| *pixel == [0; 3]);
        let line = count(|pixel| pixel[0] < 128 && pixel[2] == 255);
        assert!(letters_and_axes > 1000 && line > 500, "{letters_and_axes} {line}");
        let svg = String::from_utf8(file(&image, Path::new("a.svg")).unwrap()).unwrap();
        assert!(
            svg.starts_with("<svg") && svg.contains("data:image/png;base64,"),
            "{svg}"
        );
        let curve =
            String::from_utf8(file(&channel(&[3], &[1.0, 3.0, 2.0]), Path::new("a.svg")).unwrap()).unwrap();
        assert!(
            curve.contains("<polyline") && !curve.contains("<image"),
            "{curve}"
        );
    }
}
