//! The tables of the report.

use super::screen::{Look, Screen, cut, grouped, size, time};
use super::shop::{Answers, Group};
use super::thief::{Birthdays, Form, Found, Loot, Place};

/// What the search found on one stage.
pub struct Findings {
    /// By column.
    pub columns: Vec<Found>,
    /// What is too short to be looked for everywhere.
    pub birthdays: Birthdays,
}

impl Findings {
    /// Values looked for.
    pub fn total(&self) -> u64 {
        self.columns.iter().map(|column| u64::from(column.total)).sum()
    }

    /// Values found.
    pub fn found(&self) -> u64 {
        self.columns.iter().map(|column| u64::from(column.found)).sum()
    }

    /// Whether everything was found: the control, which shows that the search works.
    pub fn everything(&self) -> bool {
        let all = self.columns.iter().all(|column| column.total > 0 && column.found == column.total);
        all && !self.columns.is_empty()
            && self.birthdays.rows > 0
            && self.birthdays.own == self.birthdays.rows
    }

    /// Whether nothing was found.
    pub fn nothing(&self) -> bool {
        self.found() == 0 && self.birthdays.is_chance()
    }
}

/// The statements by kind, as they went through Pyrite and directly.
pub fn statements(screen: &mut Screen, guarded: &Answers, alone: &Answers) {
    for (through, direct) in guarded.groups.iter().zip(&alone.groups) {
        let right = format!("{} of {} right", grouped(through.right), grouped(through.asked));
        let look = if through.right == through.asked { Look::Plain } else { Look::Bad };
        let text = format!("   {:<40}{right:>20}", through.name);
        screen.step(look, text, &[each(through), each(direct)]);
        for group in [through, direct] {
            if let Some(wrong) = &group.first_wrong {
                let text = screen.paint(Look::Bad, format_args!("      {}", cut(wrong, 86)));
                screen.line(text);
            }
        }
    }
}

fn each(group: &Group) -> String {
    time(group.took / group.asked.max(1))
}

/// One row, as the application sees it and as the thief does. Fields of the thief's are hexadecimal text.
pub fn both_views(screen: &mut Screen, columns: &[&str], application: &[String], thief: &[String]) {
    let dim = screen.paint(
        Look::Dim,
        format_args!(
            "   {:<16}{:<36}{}",
            "", "the application, through Pyrite", "the thief, in the stolen table"
        ),
    );
    screen.line(dim);
    for ((column, seen), stolen) in columns.iter().zip(application).zip(thief) {
        let stolen = match stolen.strip_prefix("\\x") {
            Some(digits) => {
                let bytes = format!("{} bytes", digits.len() / 2);
                let text = format!("{}  {bytes}", cut(stolen, 28));
                screen.paint(Look::Bad, text)
            }
            None => cut(stolen, 40),
        };
        screen.line(format_args!("   {column:<16}{:<36}{stolen}", cut(seen, 34)));
    }
}

/// What the search found, by column.
pub fn findings(screen: &mut Screen, alone: &Findings, guarded: &Findings) {
    let head = format!("   {:<44}{:>10}{:>17}{:>17}", "", "values", "without Pyrite", "behind Pyrite");
    let head = screen.paint(Look::Dim, head);
    screen.line(head);
    for (control, stolen) in alone.columns.iter().zip(&guarded.columns) {
        let right = control.found == control.total && stolen.found == 0;
        let counts = [control.total, control.found, stolen.found].map(grouped);
        finding(screen, control.name, &counts, right);
        if stolen.found > 0 {
            let text = screen.paint(Look::Bad, format_args!("      in {}", whereabouts(stolen)));
            screen.line(text);
        }
    }
    let (control, stolen) = (&alone.birthdays, &guarded.birthdays);
    let right = control.rows > 0 && control.own == control.rows && stolen.is_chance();
    let counts = [control.rows, control.own, stolen.own].map(grouped);
    finding(screen, "customers.birthday, 4 bytes in its own row ¹", &counts, right);
    let totals = [alone.total(), alone.found(), guarded.found()].map(grouped);
    finding(screen, "together", &totals, alone.everything() && guarded.nothing());
}

fn finding(screen: &mut Screen, name: &str, counts: &[String; 3], right: bool) {
    let [total, control, stolen] = counts;
    let stolen = format!("{stolen:>17}");
    let stolen = screen.paint(if right { Look::Good } else { Look::Bad }, stolen);
    screen.line(format_args!("   {name:<44}{total:>10}{control:>17}{stolen}"));
}

/// Where, and in what form, values of a column were found.
fn whereabouts(found: &Found) -> String {
    let places = Place::ALL.iter().zip(found.by_place).filter(|(_, count)| *count > 0);
    let places: Vec<String> = places.map(|(place, count)| format!("{} {count}", place.name())).collect();
    let forms = Form::ALL.iter().zip(found.by_form).filter(|(_, count)| *count > 0);
    let forms: Vec<String> = forms.map(|(form, count)| format!("{form:?} {count}")).collect();
    format!("{} as {}", places.join(", "), forms.join(", "))
}

/// What was stolen, by kind of file.
pub fn loot(loot: &Loot) -> String {
    let parts: Vec<String> =
        Place::ALL.iter().map(|place| format!("{} {}", place.name(), size(loot.bytes_in(*place)))).collect();
    parts.join(", ")
}

/// In how many of the four places the control's values were found.
pub fn places(findings: &Findings) -> String {
    let count = |index: usize| -> u64 {
        findings
            .columns
            .iter()
            .filter_map(|column| column.by_place.get(index))
            .map(|count| u64::from(*count))
            .sum()
    };
    let parts: Vec<String> = Place::ALL
        .iter()
        .enumerate()
        .filter(|(_, place)| **place != Place::Other)
        .map(|(index, place)| format!("{} {}", grouped(count(index)), place.name()))
        .collect();
    parts.join(", ")
}
