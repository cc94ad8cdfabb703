//! Bar chart of the times, with a logarithmic axis.

use std::fmt::Write;

use crate::Row;

const ROW: usize = 34;
const LEFT: f64 = 90.0;
const DECADE: f64 = 110.0;

/// SVG image of `rows`.
pub(crate) fn svg(rows: &[Row]) -> String {
    let height = 50 + ROW * rows.len();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"760\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"16\">Time to a true residual of 1e-6, microseconds: labwire (blue), OpEn (grey)</text>\n"
    );
    for decade in 0..6 {
        let x = LEFT + DECADE * f64::from(decade);
        let label = 10_u32.pow(decade);
        let _ = writeln!(
            svg,
            "<line x1=\"{x}\" y1=\"24\" x2=\"{x}\" y2=\"{}\" stroke=\"#ddd\"/>",
            height - 20
        );
        let _ = writeln!(
            svg,
            "<text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            height - 5
        );
    }
    for (index, row) in rows.iter().enumerate() {
        let y = 30 + ROW * index;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 16,
            row.name
        );
        bar(&mut svg, y, row.ours, "#2563eb");
        match row.open {
            Some(open) => bar(&mut svg, y + 12, open, "#9ca3af"),
            None => {
                let _ = writeln!(
                    svg,
                    "<text x=\"{}\" y=\"{}\" fill=\"#6b7280\">not reached</text>",
                    LEFT + 4.0,
                    y + 22
                );
            }
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn bar(svg: &mut String, y: usize, microseconds: f64, fill: &str) {
    let width = DECADE * microseconds.max(1.0).log10();
    let _ = writeln!(
        svg,
        "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"11\" fill=\"{fill}\"/>"
    );
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{}\" font-size=\"10\">{microseconds:.1}</text>",
        LEFT + width + 4.0,
        y + 9
    );
}
