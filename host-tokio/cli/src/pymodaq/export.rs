//! Grabbed data as tables and as NumPy files.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use labwire_core::pymodaq::{DataToExport, DataWithAxes, NdArray};

use super::channel::Channel;
use crate::console::one_line;

/// Header of a table. It is the same for all data of equal dimensionality.
pub(crate) fn csv_header(data: &DataWithAxes) -> String {
    let channels = Channel::all(data);
    let axes = channels
        .first()
        .map(|channel| &channel.axes[..])
        .unwrap_or_default();
    let columns = ["timestamp", "module", "data"].map(str::to_owned).into_iter();
    let columns = columns.chain(axes.iter().map(|axis| axis.label.clone()));
    let columns: Vec<_> = columns
        .chain(channels.iter().map(|channel| channel.label.clone()))
        .map(quoted)
        .collect();
    columns.join(",") + "\n"
}

/// Whether a line of a table is a header.
pub(crate) fn is_csv_header(line: &str) -> bool {
    line.starts_with("timestamp,module,data,")
}

/// One line per point, with its coordinates and the value of every channel.
pub(crate) fn csv(module: &str, data: &DataWithAxes) -> String {
    let channels = Channel::all(data);
    let Some(first) = channels.first() else {
        return String::new();
    };
    let mut text = String::new();
    let (module, name) = (quoted(module.to_owned()), quoted(data.name.clone()));
    for index in 0..first.values.len() {
        // Writing to a string cannot fail, here and below.
        let _ = write!(text, "{},{module},{name}", data.timestamp);
        let mut stride = first.values.len();
        for (axis, &length) in first.axes.iter().zip(&first.shape) {
            stride /= length;
            let _ = write!(text, ",{}", axis.values[index / stride % length]);
        }
        for channel in &channels {
            match channel.values.get(index) {
                Some(value) => drop(write!(text, ",{value}")),
                None => text.push(','),
            }
        }
        text.push('\n');
    }
    text
}

fn quoted(text: String) -> String {
    let text = one_line(&text);
    if text.contains([',', '"']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// Array in NumPy's format, version 1.0, with its data type and bytes as received.
pub(crate) fn npy(array: &NdArray) -> Vec<u8> {
    let mut shape: String = array.shape().iter().map(|length| format!("{length}, ")).collect();
    if array.shape().len() != 1 {
        shape.truncate(shape.trim_end_matches(", ").len());
    }
    let dtype = array.dtype();
    let mut header = format!(
        "{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({}), }}",
        shape.trim_end()
    );
    // The data start at a multiple of 64, the header ends with a line feed.
    let padding = 63 - (10 + header.len()) % 64;
    header.extend(std::iter::repeat_n(' ', padding));
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    // At most 64 dimensions, so far less than 65,536 bytes.
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(array.bytes());
    file
}

/// Files for all arrays of a grab: `path` itself if there is only one, else names with the module, the number of the
/// grab and the channel.
pub(crate) fn npy_files(
    path: &Path,
    module: &str,
    number: Option<usize>,
    export: &DataToExport,
    is_only: bool,
) -> Vec<(PathBuf, Vec<u8>)> {
    let is_only = is_only && number.is_none() && export.arrays().count() == 1;
    let mut files = Vec::new();
    for data in &export.data {
        for (index, array) in data.data.iter().enumerate() {
            let path = if is_only {
                path.to_owned()
            } else {
                channel_path(path, module, data, index, number)
            };
            files.push((path, npy(array)));
        }
    }
    files
}

/// Path of one channel of several.
pub(crate) fn channel_path(
    path: &Path,
    module: &str,
    data: &DataWithAxes,
    channel: usize,
    number: Option<usize>,
) -> PathBuf {
    let label = data.labels.get(channel).map_or("", String::as_str);
    extended(path, &[module, &data.name, label], number)
}

/// `a.npy` becomes `a-left-image-CH00-0007.npy`.
fn extended(path: &Path, parts: &[&str], number: Option<usize>) -> PathBuf {
    let mut stem = path.file_stem().unwrap_or_default().to_owned();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        let safe = |character: char| {
            if character.is_alphanumeric() || "._".contains(character) {
                character
            } else {
                '_'
            }
        };
        stem.push("-");
        stem.push(part.chars().map(safe).collect::<String>());
    }
    if let Some(number) = number {
        stem.push(format!("-{number:04}"));
    }
    stem.push(".");
    stem.push(path.extension().unwrap_or_else(|| "npy".as_ref()));
    path.with_file_name(stem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use labwire_core::pymodaq::{Axis, DataClass};

    fn image() -> DataWithAxes {
        let array = NdArray::from_elements(&[2, 3], &[1u8, 2, 3, 4, 5, 6]).unwrap();
        let mut data = DataWithAxes::new(DataClass::DataRaw, "image", 1.5, vec![array]);
        data.axes = vec![Axis::new("x", "mm", NdArray::vector(&[0.0, 0.5, 1.0]), 1)];
        data
    }

    #[test]
    fn a_table_has_a_line_a_point() {
        assert_eq!(
            csv_header(&image()),
            "timestamp,module,data,index 0,x (mm),image\n"
        );
        let table = csv("left, upper", &image());
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[0], "1.5,\"left, upper\",image,0,0,1");
        assert_eq!(lines[5], "1.5,\"left, upper\",image,1,1,6");
        let number = DataWithAxes::new(DataClass::DataRaw, "v", 2.0, vec![NdArray::vector(&[0.25])]);
        assert_eq!(
            (csv_header(&number), csv("m", &number)),
            ("timestamp,module,data,v\n".into(), "2,m,v,0.25\n".into())
        );
    }

    #[test]
    fn numpy_files_have_their_header() {
        let file = npy(&image().data[0]);
        let text = String::from_utf8_lossy(&file[10..128]);
        assert_eq!(&file[..10], b"\x93NUMPY\x01\x00\x76\x00");
        assert!(
            text.starts_with("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }"),
            "{text}"
        );
        assert_eq!((file[127], &file[128..]), (b'\n', &[1, 2, 3, 4, 5, 6][..]));
        let vector = npy(&NdArray::vector(&[1.0f64]));
        assert!(String::from_utf8_lossy(&vector).contains("'shape': (1,), }"));
    }

    #[test]
    fn several_arrays_get_several_names() {
        let export = DataToExport::new("frame", 1.5, vec![image()]);
        let names = |number, is_only| -> Vec<_> {
            let files = npy_files(Path::new("d/a.npy"), "127.0.0.1:5", number, &export, is_only);
            files
                .into_iter()
                .map(|(path, _)| path.display().to_string())
                .collect()
        };
        assert_eq!(names(None, true), ["d/a.npy"]);
        assert_eq!(names(None, false), ["d/a-127.0.0.1_5-image-CH00.npy"]);
        assert_eq!(names(Some(7), true), ["d/a-127.0.0.1_5-image-CH00-0007.npy"]);
    }
}
