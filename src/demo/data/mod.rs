//! An electric-car maker's customers and vehicle sales, made up: the same ones for the same seed.

mod calendar;
mod checks;
mod random;
mod words;

use random::Random;
use words::{CULTURES, Culture, MODELS, PLACES, Place};

pub use calendar::Date;

/// Who bought a car.
#[derive(Clone, PartialEq, Eq)]
pub struct Customer {
    /// Primary key; not protected.
    pub id: i64,
    /// In the customer's own script.
    pub name: String,
    /// Unique.
    pub email: String,
    /// In international form; some have none.
    pub phone: Option<String>,
    /// Number of the identity card, with its check digit.
    pub id_number: String,
    /// Date of birth.
    pub birthday: Date,
    /// One line.
    pub address: String,
    /// With right check digits.
    pub iban: String,
    /// Number of the charging card, 16 digits, with its check digit.
    pub charge_card: i64,
}

/// A car that was sold.
#[derive(Clone, PartialEq, Eq)]
pub struct Sale {
    /// Primary key; not protected.
    pub id: i64,
    /// Vehicle identification number, with its check digit.
    pub vin: String,
    /// The buyer's e-mail.
    pub customer_email: String,
    /// Name of the model; not protected.
    pub model: &'static str,
    /// Price.
    pub price: Price,
    /// Date of the sale; not protected.
    pub sold_on: Date,
}

/// An amount of money, in cents.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(pub i64);

impl std::fmt::Debug for Price {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Price(..)")
    }
}

impl std::fmt::Display for Price {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// All of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Data {
    /// By id, which starts at 1.
    pub customers: Vec<Customer>,
    /// By id, which starts at 1.
    pub sales: Vec<Sale>,
}

impl Data {
    /// Makes up as many customers, and as many sales, as asked for (at most 99,999,999).
    pub fn generate(seed: u64, customers: u32, sales: u32) -> Self {
        let mut random = Random::new(seed);
        let customers: Vec<Customer> =
            (1..=customers.min(checks::MOST)).map(|id| customer(id, &mut random)).collect();
        let sales =
            (1..=sales.min(checks::MOST)).filter_map(|id| sale(id, &customers, &mut random)).collect();
        Self { customers, sales }
    }

    /// One more customer, who is in none of the tables, for statements that add or change something.
    pub fn stranger(&self, number: u32) -> Customer {
        let id = u32::try_from(self.customers.len()).unwrap_or(u32::MAX).saturating_add(number);
        customer(id.clamp(1, checks::MOST), &mut Random::new(u64::from(id)))
    }
}

fn customer(id: u32, random: &mut Random) -> Customer {
    let culture: &Culture = random.pick(&CULTURES);
    let place: &Place = random.pick(&PLACES);
    let (given, given_latin) = random.pick(culture.given);
    let (second, _) = random.pick(culture.given);
    let (family, family_latin) = random.pick(culture.family);
    let name = match (culture.family_first, second == given) {
        (true, _) => format!("{family} {given}"),
        (false, true) => format!("{given} {family}"),
        (false, false) => format!("{given} {second} {family}"),
    };
    let domain = random.pick(&["example.com", "example.org", "example.net"]);
    let number = checks::scramble(id);
    // Every fiftieth has none. What is drawn does not depend on it, so that the others stay who they are.
    let phone = format!("+{}{number:08}", place.phone);
    Customer {
        id: i64::from(id),
        name,
        email: format!("{given_latin}.{family_latin}.{}@{domain}", checks::base36(number)),
        phone: (!id.is_multiple_of(50)).then_some(phone),
        id_number: checks::id_number(number, random),
        birthday: Date::from_days(random.between(-22_600, -30)),
        address: address(place, random),
        iban: checks::iban(place.country, place.bank_digits, random),
        charge_card: checks::charge_card(number, random),
    }
}

fn address(place: &Place, random: &mut Random) -> String {
    let (city, postcode) = random.pick(place.cities);
    let street = random.pick(place.streets);
    let house = random.between(1, 199);
    let code = postcode.saturating_add(u32::try_from(random.between(0, 89)).unwrap_or(0));
    format!("{street} {house}, {}-{code:05} {city}", place.country)
}

fn sale(id: u32, customers: &[Customer], random: &mut Random) -> Option<Sale> {
    let buyer = random.try_pick(customers)?;
    let (model, letter, base) = random.pick(&MODELS);
    // Never whole units: a price's fraction makes it tell from other numbers (see the thief's search).
    let price = base * 100 + i64::from(random.between(0, 24_999)) * 100 + i64::from(random.between(1, 99));
    Some(Sale {
        id: i64::from(id),
        vin: checks::vin(*letter, checks::scramble(id), random),
        customer_email: buyer.email.clone(),
        model,
        price: Price(price),
        sold_on: Date::from_days(random.between(7_000, 8_300)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_same_seed_makes_the_same_people() {
        let one = Data::generate(2022, 300, 300);
        assert!(one == Data::generate(2022, 300, 300));
        assert!(one != Data::generate(2023, 300, 300));
        let more = Data::generate(2022, 400, 0);
        assert!(one.customers == more.customers[..300]);
    }

    #[test]
    fn what_must_be_unique_is() {
        let data = Data::generate(7, 10_000, 10_000);
        let count = |values: Vec<&str>| values.into_iter().collect::<HashSet<_>>().len();
        assert_eq!(count(data.customers.iter().map(|c| c.email.as_str()).collect()), 10_000);
        assert_eq!(count(data.customers.iter().filter_map(|c| c.phone.as_deref()).collect()), 9_800);
        assert_eq!(count(data.customers.iter().map(|c| c.id_number.as_str()).collect()), 10_000);
        assert_eq!(data.customers.iter().map(|c| c.charge_card).collect::<HashSet<_>>().len(), 10_000);
        assert_eq!(count(data.sales.iter().map(|s| s.vin.as_str()).collect()), 10_000);
        let stranger = data.stranger(1);
        assert!(data.customers.iter().all(|c| c.email != stranger.email && c.id != stranger.id));
    }

    #[test]
    fn values_fit_their_columns() {
        let data = Data::generate(7, 5_000, 5_000);
        for customer in &data.customers {
            assert!(customer.email.is_ascii() && customer.email.len() <= 254);
            assert!(!customer.name.is_empty() && !customer.name.contains("  "));
            assert!(customer.iban.len() <= 34);
        }
        assert!(data.customers.iter().filter(|customer| !customer.name.is_ascii()).count() > 1_000);
        assert!(data.sales.iter().all(|sale| sale.price.0 % 100 != 0 && sale.price.0 < 1_000_000_000));
        assert!(data.sales.iter().all(|sale| sale.vin.len() == 17));
    }

    #[test]
    fn prices_print_as_numeric_does() {
        assert_eq!(Price(4_899_050).to_string(), "48990.50");
        assert_eq!(Price(3_100_007).to_string(), "31000.07");
    }
}
