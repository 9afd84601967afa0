//! Answers of the console as a table, CSV or JSON.

use clap::ValueEnum;
use serde_json::{Map, Value};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage};

/// How answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Style {
    /// Columns side by side, as psql shows them.
    Table,
    /// Comma-separated values with a header (RFC 4180).
    Csv,
    /// An array of objects.
    Json,
}

/// One answer.
#[derive(Debug, Default)]
struct Answer {
    names: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
}

/// Runs a command and gives some columns of its answer as a table.
pub(in crate::cli) async fn some_columns(
    client: &Client,
    command: &str,
    names: &[&str],
) -> Result<String, tokio_postgres::Error> {
    let answers = ask(client, command).await?;
    Ok(answers.into_iter().map(|answer| answer.only(names).table()).collect())
}

/// Runs a command and gives each row as lines of names and values.
pub(in crate::cli) async fn upright(client: &Client, command: &str) -> Result<String, tokio_postgres::Error> {
    let answers = ask(client, command).await?;
    Ok(answers.iter().map(Answer::upright).collect())
}

/// Runs a command of any kind and gives what is to be printed.
pub(in crate::cli) async fn run(
    client: &Client,
    command: &str,
    style: Style,
) -> Result<String, tokio_postgres::Error> {
    // Only JSON tells numbers from texts. Several statements at once cannot be prepared, and then are texts.
    let types = match style {
        Style::Json => client.prepare(command).await.ok(),
        _ => None,
    };
    let types: Vec<Type> = types
        .map(|statement| statement.columns().iter().map(|column| column.type_().clone()).collect())
        .unwrap_or_default();
    let answers = ask(client, command).await?;
    let shown: Vec<String> = answers
        .iter()
        .map(|answer| match style {
            Style::Table => answer.table(),
            Style::Csv => answer.csv(),
            Style::Json => answer.json(&types),
        })
        .collect();
    Ok(shown.join("\n"))
}

async fn ask(client: &Client, command: &str) -> Result<Vec<Answer>, tokio_postgres::Error> {
    let mut answers: Vec<Answer> = Vec::new();
    for message in client.simple_query(command).await? {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                let names = columns.iter().map(|column| column.name().to_owned()).collect();
                answers.push(Answer { names, rows: Vec::new() });
            }
            SimpleQueryMessage::Row(row) => {
                let cells = (0..row.len()).map(|index| row.get(index).map(str::to_owned)).collect();
                if let Some(answer) = answers.last_mut() {
                    answer.rows.push(cells);
                }
            }
            _ => {}
        }
    }
    Ok(answers)
}

/// What a terminal would act upon is not printed to one.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

impl Answer {
    /// These columns alone, in this order.
    fn only(&self, names: &[&str]) -> Answer {
        let places: Vec<usize> =
            names.iter().filter_map(|name| self.names.iter().position(|known| known == name)).collect();
        let pick = |row: &Vec<Option<String>>| {
            places.iter().map(|place| row.get(*place).cloned().flatten()).collect()
        };
        Answer {
            names: places.iter().filter_map(|place| self.names.get(*place).cloned()).collect(),
            rows: self.rows.iter().map(pick).collect(),
        }
    }

    fn upright(&self) -> String {
        let width = self.names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
        let mut out = String::new();
        for row in &self.rows {
            for (name, cell) in self.names.iter().zip(row) {
                let cell = cell.as_deref().map(harmless).unwrap_or_default();
                out.push_str(format!("{name:<width$}  {cell}").trim_end());
                out.push('\n');
            }
        }
        out
    }

    fn table(&self) -> String {
        let cells = |row: &[Option<String>]| -> Vec<String> {
            row.iter().map(|cell| cell.as_deref().map(harmless).unwrap_or_default()).collect()
        };
        let rows: Vec<Vec<String>> = self.rows.iter().map(|row| cells(row)).collect();
        let width = |index: usize| {
            let texts = rows.iter().filter_map(|row| row.get(index)).chain(self.names.get(index));
            texts.map(|text| text.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..self.names.len()).map(width).collect();
        let numbers = |index: usize| {
            let mut filled =
                rows.iter().filter_map(|row| row.get(index)).filter(|text| !text.is_empty()).peekable();
            filled.peek().is_some() && filled.all(|text| text.parse::<i64>().is_ok())
        };
        let right: Vec<bool> = (0..self.names.len()).map(numbers).collect();
        let line = |cells: &[String], header: bool| {
            let padded =
                cells.iter().zip(widths.iter().zip(&right)).map(|(cell, (width, right))| match right {
                    true if !header => format!(" {cell:>width$} "),
                    _ => format!(" {cell:<width$} "),
                });
            format!("{}\n", padded.collect::<Vec<_>>().join("|").trim_end())
        };
        let mut out = line(&self.names, true);
        out.push_str(&widths.iter().map(|width| "-".repeat(width + 2)).collect::<Vec<_>>().join("+"));
        out.push('\n');
        rows.iter().for_each(|row| out.push_str(&line(row, false)));
        let count = rows.len();
        out.push_str(&format!("({count} row{})\n", if count == 1 { "" } else { "s" }));
        out
    }

    fn csv(&self) -> String {
        let field = |text: &str| match text.contains(['"', ',', '\n', '\r']) || text.is_empty() {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text.to_owned(),
        };
        let line = |cells: Vec<String>| format!("{}\n", cells.join(","));
        let mut out = line(self.names.iter().map(|name| field(name)).collect());
        for row in &self.rows {
            // NULL is an empty field without quotes, as PostgreSQL's COPY writes it.
            out.push_str(&line(
                row.iter().map(|cell| cell.as_deref().map(field).unwrap_or_default()).collect(),
            ));
        }
        out
    }

    fn json(&self, types: &[Type]) -> String {
        let value = |cell: &Option<String>, ty: Option<&Type>| match (cell, ty) {
            (None, _) => Value::Null,
            (Some(text), Some(&Type::INT8)) => {
                text.parse::<i64>().map_or_else(|_| Value::String(text.clone()), Value::from)
            }
            (Some(text), Some(&Type::BOOL)) => Value::Bool(text == "t"),
            (Some(text), _) => Value::String(text.clone()),
        };
        let object = |row: &Vec<Option<String>>| {
            let cells = self.names.iter().zip(row).enumerate();
            let cells = cells.map(|(index, (name, cell))| (name.clone(), value(cell, types.get(index))));
            Value::Object(cells.collect::<Map<_, _>>())
        };
        let rows: Vec<Value> = self.rows.iter().map(object).collect();
        format!("{:#}\n", Value::Array(rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        let text = |text: &str| Some(text.to_owned());
        Answer {
            names: vec!["job".into(), "status".into()],
            rows: vec![
                vec![text("7"), text("a \"b\", ü")],
                vec![text("12"), None],
                vec![None, text("\u{1b}")],
            ],
        }
    }

    #[test]
    fn tables_line_up() {
        let expected =
            " job | status\n-----+----------\n   7 | a \"b\", ü\n  12 |\n     | \u{fffd}\n(3 rows)\n";
        assert_eq!(answer().table(), expected);
    }

    #[test]
    fn columns_are_chosen_by_name() {
        let chosen = answer().only(&["status", "absent"]);
        assert_eq!((chosen.names, chosen.rows[1].clone()), (vec!["status".to_owned()], vec![None]));
        assert!(answer().upright().starts_with("job     7\nstatus  a \"b\", ü\njob     12\nstatus\n"));
    }

    #[test]
    fn csv_quotes_what_it_must() {
        assert_eq!(answer().csv(), "job,status\n7,\"a \"\"b\"\", ü\"\n12,\n,\u{1b}\n");
    }

    #[test]
    fn json_has_types() {
        let json: Value = serde_json::from_str(&answer().json(&[Type::INT8, Type::TEXT])).unwrap();
        assert_eq!(json[0]["job"], 7);
        assert_eq!((&json[1]["status"], &json[2]["status"]), (&Value::Null, &Value::from("\u{1b}")));
    }
}
