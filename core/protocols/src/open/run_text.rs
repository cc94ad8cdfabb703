//! Text of a long result, which is written from its numbers as it is read.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::mem::take;

use labwire_session::{Counting, Place, Text};

use super::codec::{Style, outline};
use super::messages::RunReply;

/// Number of numbers that are written at a time.
const BLOCK: usize = 1024;

/// Result whose text is the one that [`write_reply`](super::write_reply) gives.
#[derive(Debug)]
struct RunText {
    style: Style,
    /// The text with `[]` in place of every vector.
    outline: String,
    /// Vectors in the order of the text.
    vectors: Vec<Vector>,
}

#[derive(Debug)]
struct Vector {
    numbers: Vec<f64>,
    /// Offset of its `[]` in the outline.
    at: usize,
    /// Nesting of its numbers.
    depth: usize,
}

impl RunReply {
    /// Begins to count the text of the reply in this style, whose numbers are written only as the peer reads them.
    ///
    /// # Errors
    /// The field with a number that JSON cannot express.
    pub fn counting(self, style: Style) -> Result<Counting, &'static str> {
        match self.non_finite_field() {
            Some(field) => Err(field),
            None => Ok(Counting::new(RunText::new(style, self))),
        }
    }
}

impl RunText {
    fn new(style: Style, mut reply: RunReply) -> Self {
        let mut vectors = take_vectors(&mut reply).into_iter();
        let outline = outline(style, &reply);
        let vectors = empty_lists(&outline)
            .into_iter()
            .map(|(at, depth)| Vector {
                numbers: vectors.next().unwrap_or_default(),
                at,
                depth,
            })
            .collect();
        Self {
            style,
            outline,
            vectors,
        }
    }

    fn write_numbers(&self, text: &mut String, numbers: &[f64], depth: usize, is_continued: bool) {
        for (index, number) in numbers.iter().enumerate() {
            if index > 0 || is_continued {
                text.push(',');
            }
            self.write_break(text, depth);
            // As serde_json writes it.
            text.push_str(&serde_json::to_string(number).unwrap_or_default());
        }
    }

    fn write_break(&self, text: &mut String, depth: usize) {
        if self.style == Style::Pretty {
            text.push('\n');
            let width = 2 * depth;
            // Writing to memory does not fail.
            let _ = write!(text, "{:width$}", "");
        }
    }
}

impl Text for RunText {
    fn write(&self, place: &mut Place, text: &mut String) -> bool {
        let Place { part, offset } = *place;
        let start = match part {
            0 => 0,
            part => self.vectors[part - 1].at + 2,
        };
        let Some(Vector { numbers, at, depth }) = self.vectors.get(part) else {
            text.push_str(&self.outline[start..]);
            return false;
        };
        if offset == 0 {
            text.push_str(&self.outline[start..*at]);
            text.push('[');
        }
        let end = numbers.len().min(offset + BLOCK);
        self.write_numbers(text, &numbers[offset..end], *depth, offset > 0);
        if end < numbers.len() {
            place.offset = end;
            return true;
        }
        if !numbers.is_empty() {
            self.write_break(text, *depth - 1);
        }
        text.push(']');
        (place.part, place.offset) = (part + 1, 0);
        true
    }
}

/// Takes the vectors out of a reply, in the order in which they are written. A matrix without rows counts as one.
fn take_vectors(reply: &mut RunReply) -> Vec<Vec<f64>> {
    let fields = [
        &mut reply.solution,
        &mut reply.lagrange_multipliers,
        &mut reply.f2_lagrange_multipliers,
    ];
    let mut vectors: Vec<_> = fields.into_iter().map(take).collect();
    vectors.extend(reply.variables.values_mut().map(take));
    for matrix in reply.sensitivities.iter_mut().flat_map(|it| it.matrices_mut()) {
        match matrix.is_empty() {
            true => vectors.push(Vec::new()),
            false => vectors.extend(matrix.iter_mut().map(take)),
        }
    }
    vectors
}

/// Offset of each `[]` outside of strings, and the nesting of its elements.
fn empty_lists(text: &str) -> Vec<(usize, usize)> {
    let (mut found, mut depth, mut is_string, mut is_escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_string => is_escaped = true,
            b'"' => is_string = !is_string,
            _ if is_string => {}
            b'[' | b'{' => {
                depth += 1;
                if text[at..].starts_with("[]") {
                    found.push((at, depth));
                }
            }
            b']' | b'}' => depth -= 1,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::codec::write_reply;
    use super::super::messages::{ExitStatus, Reply, RunSensitivities};
    use super::*;
    use alloc::boxed::Box;
    use labwire_session::LongText;

    #[test]
    fn the_text_is_that_of_short_replies() {
        let numbers = |count: usize| (0..count).map(|i| 0.1 * i as f64 - 1e-7).collect::<Vec<f64>>();
        for count in [0, 1, 2, BLOCK, 3 * BLOCK + 1] {
            let mut reply = RunReply::new(ExitStatus::Converged, numbers(count));
            for scalar in [
                &mut reply.last_problem_norm_fpr,
                &mut reply.delta_y_norm_over_c,
                &mut reply.f2_norm,
                &mut reply.solve_time_ms,
                &mut reply.penalty,
                &mut reply.cost,
                &mut reply.max_constraint_violation,
                &mut reply.kkt_residual,
            ] {
                *scalar = 0.5;
            }
            reply.f2_lagrange_multipliers = numbers(3);
            reply.warnings = [r#"quotes " and \ and [] and {"#.into(), "\\\"[]".into()].into();
            reply.variables = [("[]".into(), numbers(2)), ("x".into(), numbers(count))].into();
            for sensitivities in [
                None,
                Some(RunSensitivities::default()),
                Some(RunSensitivities {
                    solution: (0..count.min(40)).map(|_| numbers(3)).collect(),
                    lagrange_multipliers: Vec::new(),
                    f2_lagrange_multipliers: [Vec::new(), numbers(1)].into(),
                }),
            ] {
                reply.sensitivities = sensitivities;
                for style in [Style::Line, Style::Pretty] {
                    let mut expected = Vec::new();
                    write_reply(&mut expected, style, &Reply::Run(Box::new(reply.clone())));
                    let text = LongText::new(RunText::new(style, reply.clone()));
                    assert_eq!(text.text().as_bytes(), expected, "{count}");
                    assert_eq!(text.bytes(), expected.len());
                }
            }
        }
    }
}
