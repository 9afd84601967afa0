//! The application: a shop that knows nothing of encryption. It speaks to whatever its connection string names.

mod answers;
mod statements;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};

use super::data::{Customer, Data, Date, Sale};

pub use answers::{Answers, Group};
pub use statements::extra_customers;

/// What the shop's migrations run, as its ORM wrote it for any PostgreSQL.
const MIGRATIONS: [&str; 6] = [
    "CREATE TABLE customers (
    id          bigint PRIMARY KEY,
    name        text NOT NULL,
    email       varchar(254) NOT NULL UNIQUE,
    phone       varchar(20),
    id_number   text NOT NULL,
    birthday    date NOT NULL,
    address     text NOT NULL,
    iban        varchar(34) NOT NULL,
    charge_card bigint NOT NULL
)",
    "CREATE INDEX customers_phone_idx ON customers (phone)",
    "CREATE INDEX customers_iban_idx ON customers (iban)",
    "CREATE INDEX customers_charge_card_idx ON customers (charge_card)",
    "CREATE TABLE sales (
    id             bigint PRIMARY KEY,
    vin            char(17) NOT NULL UNIQUE,
    customer_email varchar(254) NOT NULL,
    model          text NOT NULL,
    price          numeric(10,2) NOT NULL,
    sold_on        date NOT NULL
)",
    "CREATE INDEX sales_customer_email_idx ON sales (customer_email)",
];

/// Rows of one multi-row INSERT.
const ROWS: usize = 100;

/// Statements that are on their way at once when single INSERTs are pipelined.
const PIPELINE: usize = 250;

/// A connection of the shop.
pub struct Shop {
    client: Arc<Client>,
    driver: tokio::task::JoinHandle<Result<(), tokio_postgres::Error>>,
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Shop {
    /// Connects. Must be called within a tokio runtime.
    pub async fn connect(to: &tokio_postgres::Config) -> Result<Self, tokio_postgres::Error> {
        let (client, connection) = to.connect(NoTls).await?;
        Ok(Self { client: Arc::new(client), driver: tokio::spawn(connection) })
    }

    /// Creates the shop's tables.
    pub async fn create_tables(&self) -> Result<(), tokio_postgres::Error> {
        for migration in MIGRATIONS {
            self.client.batch_execute(migration).await?;
        }
        Ok(())
    }

    /// Stores all customers and sales; returns how long it took.
    pub async fn load(&self, data: &Data) -> Result<Duration, tokio_postgres::Error> {
        let started = Instant::now();
        self.client.batch_execute("BEGIN").await?;
        self.load_customers(&data.customers).await?;
        self.load_sales(&data.sales).await?;
        self.client.batch_execute("COMMIT").await?;
        Ok(started.elapsed())
    }

    /// Many rows in one statement.
    async fn load_customers(&self, customers: &[Customer]) -> Result<(), tokio_postgres::Error> {
        let mut prepared: Option<(usize, Statement)> = None;
        for chunk in customers.chunks(ROWS) {
            let statement = match &prepared {
                Some((rows, statement)) if *rows == chunk.len() => statement.clone(),
                _ => self.client.prepare(&multi_row_insert(chunk.len())).await?,
            };
            let parameters: Vec<&(dyn ToSql + Sync)> = chunk.iter().flat_map(customer_fields).collect();
            self.client.execute(&statement, &parameters).await?;
            prepared = Some((chunk.len(), statement));
        }
        Ok(())
    }

    /// One row per statement, many statements on their way.
    async fn load_sales(&self, sales: &[Sale]) -> Result<(), tokio_postgres::Error> {
        let statement = self
            .client
            .prepare("INSERT INTO sales (id, vin, customer_email, model, price, sold_on) VALUES ($1, $2, $3, $4, $5, $6)")
            .await?;
        for chunk in sales.chunks(PIPELINE) {
            let mut under_way = JoinSet::new();
            for sale in chunk {
                let (client, statement, sale) = (Arc::clone(&self.client), statement.clone(), sale.clone());
                under_way.spawn(async move { client.execute(&statement, &sale_fields(&sale)).await });
            }
            while let Some(outcome) = under_way.join_next().await {
                // A task that was cancelled or panicked leaves its row unstored, which the answers would show.
                if let Ok(outcome) = outcome {
                    outcome?;
                }
            }
        }
        Ok(())
    }

    /// Runs the shop's typical statements and compares every answer with what is right.
    pub async fn run(&self, data: &Data) -> Answers {
        statements::run(&self.client, data).await
    }
}

fn multi_row_insert(rows: usize) -> String {
    let mut text = String::from(
        "INSERT INTO customers (id, name, email, phone, id_number, birthday, address, iban, charge_card) VALUES ",
    );
    for row in 0..rows {
        let fields: Vec<String> = (row * 9 + 1..=row * 9 + 9).map(|number| format!("${number}")).collect();
        text.push_str(if row == 0 { "(" } else { ", (" });
        text.push_str(&fields.join(", "));
        text.push(')');
    }
    text
}

fn customer_fields(customer: &Customer) -> [&(dyn ToSql + Sync); 9] {
    [
        &customer.id,
        &customer.name,
        &customer.email,
        &customer.phone,
        &customer.id_number,
        &customer.birthday,
        &customer.address,
        &customer.iban,
        &customer.charge_card,
    ]
}

fn sale_fields(sale: &Sale) -> [&(dyn ToSql + Sync); 6] {
    [&sale.id, &sale.vin, &sale.customer_email, &sale.model, &sale.price, &sale.sold_on]
}

fn customer_of(row: &tokio_postgres::Row) -> Result<Customer, tokio_postgres::Error> {
    Ok(Customer {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        phone: row.try_get("phone")?,
        id_number: row.try_get("id_number")?,
        birthday: row.try_get::<_, Date>("birthday")?,
        address: row.try_get("address")?,
        iban: row.try_get("iban")?,
        charge_card: row.try_get("charge_card")?,
    })
}

#[cfg(test)]
mod tests;
