//! The thief: takes what the server keeps, and looks for everything there is to know.

mod forms;
mod loot;
mod rows;
mod search;

use std::collections::HashSet;
use std::hash::Hash;
use std::io;
use std::path::Path;

use zeroize::Zeroizing;

pub use forms::{Form, Known, SHORTEST};
pub use loot::{Loot, Place, TheftError};
pub use rows::{Birthdays, birthdays};
pub use search::{Column, Found, Searcher, Stopped};

use super::data::{Customer, Data};

/// All values of protected columns that ever went to a database.
pub fn known_values(data: &Data, extra: &[Customer]) -> Vec<Column> {
    let everybody = || data.customers.iter().chain(extra);
    let texts = |of: fn(&Customer) -> Option<&str>| {
        distinct(everybody().filter_map(of).map(|text| Known::Text(text.to_owned())))
    };
    vec![
        Column { name: "customers.name", values: texts(|customer| Some(&customer.name)) },
        Column { name: "customers.email", values: texts(|customer| Some(&customer.email)) },
        Column { name: "customers.phone", values: texts(|customer| customer.phone.as_deref()) },
        Column { name: "customers.id_number", values: texts(|customer| Some(&customer.id_number)) },
        Column {
            name: "customers.birthday",
            values: distinct(everybody().map(|customer| Known::Day(customer.birthday))),
        },
        Column { name: "customers.address", values: texts(|customer| Some(&customer.address)) },
        Column { name: "customers.iban", values: texts(|customer| Some(&customer.iban)) },
        Column {
            name: "customers.charge_card",
            values: distinct(everybody().map(|customer| Known::Integer(customer.charge_card))),
        },
        Column {
            name: "sales.vin",
            values: distinct(data.sales.iter().map(|sale| Known::Text(sale.vin.clone()))),
        },
        Column {
            name: "sales.customer_email",
            values: distinct(data.sales.iter().map(|sale| Known::Text(sale.customer_email.clone()))),
        },
        Column {
            name: "sales.price",
            values: distinct(data.sales.iter().map(|sale| Known::Amount(sale.price))),
        },
    ]
}

fn distinct<T: Clone + Eq + Hash>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = HashSet::new();
    values.filter(|value| seen.insert(value.clone())).collect()
}

/// The root key that a file holds (as its last 64 hexadecimal digits), to be looked for with the values.
pub fn root_key(file: &Path) -> io::Result<Column> {
    let text = Zeroizing::new(std::fs::read(file)?);
    let digits = text.trim_ascii_end().rchunks(64).next().unwrap_or_default();
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let bytes: Option<Vec<u8>> = digits
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(value(*high)? << 4 | value(*low)?),
            _ => None,
        })
        .collect();
    match bytes.filter(|bytes| bytes.len() == 32) {
        Some(bytes) => Ok(Column { name: "root key", values: vec![Known::Bytes(bytes)] }),
        None => Err(io::Error::other("the root key file has another form")),
    }
}

/// Writes one value of each column in every form among other bytes, and looks whether the search finds each:
/// how many it found, of how many.
pub fn self_test(searcher: &Searcher, columns: &[Column]) -> (u32, u32) {
    let mut haystack = Vec::new();
    let mut planted = Vec::new();
    for column in columns {
        let mut forms = HashSet::new();
        for (form, needle) in column.values.first().map(forms::needles).unwrap_or_default() {
            haystack.extend_from_slice(b"\x00junk\xff");
            haystack.extend_from_slice(&needle);
            forms.insert(form as usize);
        }
        planted.push(forms);
    }
    let (mut found, mut total) = (0, 0);
    for (column, forms) in searcher.search_bytes(&haystack).iter().zip(planted) {
        total += forms.len() as u32;
        found +=
            forms.iter().filter(|form| column.by_form.get(**form).is_some_and(|count| *count > 0)).count()
                as u32;
    }
    (found, total)
}

#[cfg(test)]
mod tests;
