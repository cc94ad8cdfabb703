//! Problem files of the operator, which may name tables beside them.

use std::path::Path;

use labwire_core::problem::{DataTable, DataTables, Problem, TextLimits};
use labwire_host::measurements::{delimiter, parse_number};

use crate::common::read_file;
use crate::failure::Failure;

/// Problem in `text`, which was read from `file`.
pub(crate) fn read(file: &Path, text: &str, limits: &TextLimits) -> Result<Problem, Failure> {
    let beside = |name: &str| {
        let path = file.parent().unwrap_or(Path::new("")).join(name);
        let text = read_file(&path).map_err(Failure::into_message)?;
        table(&text)
    };
    Problem::from_json_with_tables(text, limits, DataTables::new(&beside))
        .map_err(|error| Failure::problem(&file.display().to_string(), &error))
}

/// DataTable of numbers in CSV; a first line with other words names the columns.
fn table(text: &str) -> Result<DataTable, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .delimiter(delimiter(text))
        .from_reader(text.as_bytes());
    let (mut names, mut rows) = (Vec::new(), Vec::new());
    for (i, record) in reader.records().enumerate() {
        let record = record.map_err(|error| error.to_string())?;
        let numbers: Result<Vec<f64>, String> = record.iter().map(parse_number).collect();
        match numbers {
            Ok(numbers) if numbers.iter().all(|number| number.is_finite()) => rows.push(numbers),
            Ok(_) => return Err(format!("line {}: expected finite numbers", i + 1)),
            Err(_) if i == 0 => names = record.iter().map(str::to_owned).collect(),
            Err(why) => return Err(format!("line {}: {why}", i + 1)),
        }
    }
    match rows.is_empty() {
        true => Err("the file has no numbers".to_owned()),
        false => Ok(DataTable::new(names, rows)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_names_or_not() {
        let named = table("# of the maker\nspeed; head\n1; 10\n2;20.5\n").unwrap();
        assert_eq!(named.names, ["speed", "head"]);
        assert_eq!(named.rows, [[1.0, 10.0], [2.0, 20.5]]);
        assert_eq!(
            table("1,2\n").unwrap(),
            DataTable::new(Vec::new(), vec![vec![1.0, 2.0]])
        );
        for (text, message) in [
            ("", "the file has no numbers"),
            ("a,b\n1,x\n", "line 2: \"x\" is not a number"),
            ("a;b\n1;0,5\n", "write a decimal point, \"0.5\""),
            ("1,2\n3\n", "unequal"),
            ("1,inf\n", "line 1: expected finite numbers"),
        ] {
            let error = table(text).unwrap_err();
            assert!(error.contains(message), "{text:?}: {error}");
        }
    }
}
