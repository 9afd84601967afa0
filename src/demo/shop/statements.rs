//! An application's typical statements. What is right is told by the generator, never by a server.

use std::collections::{BTreeMap, HashMap};

use tokio_postgres::{Client, SimpleQueryMessage};

use super::super::data::{Customer, Data, Date, Price, Sale};
use super::answers::Answers;
use super::{customer_fields, customer_of, sale_fields};

/// Lookups of one kind.
const LOOKUPS: usize = 500;
/// Lookups of the less frequent kinds, and changes.
const SOME: usize = 100;

/// What the tables must hold at this point.
struct Model {
    customers: BTreeMap<i64, Customer>,
    sales: BTreeMap<i64, Sale>,
}

/// Customers, or versions of them, that the statements bring in and the generator's data does not have: all that
/// a thief could find beyond it.
pub fn extra_customers(data: &Data) -> Vec<Customer> {
    let mut extra: Vec<Customer> = vec![newcomer(data), loser(data), long_winded(data)];
    extra.extend(sample(&data.customers, SOME).map(moved_phone));
    extra.extend(sample(&data.customers, SOME).map(moved_house));
    extra
}

/// Runs all of them.
pub async fn run(client: &Client, data: &Data) -> Answers {
    let mut model = Model {
        customers: data.customers.iter().map(|customer| (customer.id, customer.clone())).collect(),
        sales: data.sales.iter().map(|sale| (sale.id, sale.clone())).collect(),
    };
    let mut answers = Answers::default();
    lookups(client, data, &mut answers).await;
    lists(client, data, &mut answers).await;
    joins(client, data, &mut answers).await;
    casts_and_literals(client, data, &mut answers).await;
    counts(client, &model, &mut answers).await;
    updates(client, data, &mut model, &mut answers).await;
    upserts(client, data, &mut model, &mut answers).await;
    refusals(client, data, &mut answers).await;
    deletes(client, data, &mut model, &mut answers).await;
    whole_tables(client, &model, &mut answers).await;
    answers
}

/// `wanted` of them, spread evenly.
fn sample<T>(all: &[T], wanted: usize) -> impl Iterator<Item = &T> {
    all.iter().step_by((all.len() / wanted.max(1)).max(1)).take(wanted)
}

fn newcomer(data: &Data) -> Customer {
    data.stranger(1)
}

/// Has an e-mail that is taken.
fn loser(data: &Data) -> Customer {
    let mut customer = data.stranger(2);
    if let Some(first) = data.customers.first() {
        customer.email.clone_from(&first.email);
    }
    customer
}

/// Has an e-mail that is too long.
fn long_winded(data: &Data) -> Customer {
    let mut customer = data.stranger(3);
    customer.email = format!("{}.{}", "far".repeat(90), customer.email);
    customer
}

fn moved_phone(customer: &Customer) -> Customer {
    let mut moved = customer.clone();
    moved.phone = Some(format!("+4917{:08}", 31_000_000 + customer.id));
    moved
}

fn moved_house(customer: &Customer) -> Customer {
    let mut moved = customer.clone();
    moved.address = format!("Neue Straße {}, DE-{:05} Überlingen", customer.id, 88_000 + customer.id % 900);
    moved
}

async fn lookups(client: &Client, data: &Data, answers: &mut Answers) {
    let mut asking = answers.group("customer by e-mail");
    if let Some(statement) = asking
        .answer(client.prepare("SELECT * FROM customers WHERE email = $1").await, |s| s.params().len() == 1)
    {
        for customer in sample(&data.customers, LOOKUPS) {
            let found =
                client.query_one(&statement, &[&customer.email]).await.and_then(|row| customer_of(&row));
            asking.answer(found, |found| found == customer);
        }
        let nobody = newcomer(data);
        asking.answer(client.query(&statement, &[&nobody.email]).await, Vec::is_empty);
    }
    drop(asking);

    let mut asking = answers.group("customer by phone, card, IBAN, ID");
    for customer in sample(&data.customers, SOME) {
        let by_phone =
            client.query("SELECT id, name FROM customers WHERE phone = $1", &[&customer.phone]).await;
        asking.answer(by_phone, |rows| match (rows.as_slice(), &customer.phone) {
            ([row], Some(_)) => row.try_get(1).is_ok_and(|name: String| name == customer.name),
            ([], None) => true,
            _ => false,
        });
        let by_card = client
            .query_one("SELECT name FROM customers WHERE charge_card = $1", &[&customer.charge_card])
            .await;
        asking.answer(by_card, |row| row.try_get(0).is_ok_and(|name: String| name == customer.name));
        let by_iban = client
            .query(
                "SELECT c.birthday FROM customers AS c WHERE $1 = c.iban AND c.id = $2",
                &[&customer.iban, &customer.id],
            )
            .await;
        asking.answer(by_iban, |rows| {
            rows.first().is_some_and(|row| row.try_get(0).is_ok_and(|day: Date| day == customer.birthday))
        });
    }
    drop(asking);

    let mut asking = answers.group("sale by VIN");
    for sale in sample(&data.sales, LOOKUPS) {
        let sql = "SELECT price, sold_on, customer_email FROM sales WHERE vin = $1";
        let row = client.query_one(sql, &[&sale.vin]).await;
        asking.answer(row, |row| {
            row.try_get(0).is_ok_and(|price: Price| price == sale.price)
                && row.try_get(1).is_ok_and(|day: Date| day == sale.sold_on)
                && row.try_get(2).is_ok_and(|email: String| email == sale.customer_email)
        });
    }
}

async fn lists(client: &Client, data: &Data, answers: &mut Answers) {
    let mut asking = answers.group("lists: IN, = ANY, <>");
    let chosen: Vec<&Customer> = sample(&data.customers, SOME).collect();
    for three in chosen.chunks_exact(3) {
        let [a, b, c] = three else { continue };
        let sql = "SELECT id FROM customers WHERE email IN ($1, $2, $3) ORDER BY id";
        let rows = client.query(sql, &[&a.email, &b.email, &c.email]).await;
        asking.answer(rows, |rows| ids(rows) == [a.id, b.id, c.id]);
    }
    for twenty in chosen.chunks(20) {
        let emails: Vec<&str> = twenty.iter().map(|customer| customer.email.as_str()).collect();
        let rows =
            client.query("SELECT id FROM customers WHERE email = ANY($1) ORDER BY id", &[&emails]).await;
        asking.answer(rows, |rows| ids(rows).into_iter().eq(twenty.iter().map(|customer| customer.id)));
    }
    for customer in chosen.iter().take(5) {
        let row =
            client.query_one("SELECT count(*) FROM customers WHERE email <> $1", &[&customer.email]).await;
        let others = data.customers.len() as i64 - 1;
        asking.answer(row, |row| row.try_get(0).is_ok_and(|count: i64| count == others));
    }
}

fn ids(rows: &[tokio_postgres::Row]) -> Vec<i64> {
    rows.iter().filter_map(|row| row.try_get(0).ok()).collect()
}

async fn joins(client: &Client, data: &Data, answers: &mut Answers) {
    let mut asking = answers.group("joins by the encrypted e-mail");
    let by_email: HashMap<&str, &Customer> =
        data.customers.iter().map(|customer| (customer.email.as_str(), customer)).collect();
    let mut bought: HashMap<&str, Vec<i64>> = HashMap::new();
    for sale in &data.sales {
        bought.entry(&sale.customer_email).or_default().push(sale.id);
    }
    for sale in sample(&data.sales, SOME) {
        let sql = "SELECT c.id, c.name, s.price FROM sales s JOIN customers c ON c.email = s.customer_email \
                   WHERE s.vin = $1";
        let row = client.query_one(sql, &[&sale.vin]).await;
        let buyer = by_email.get(sale.customer_email.as_str());
        asking.answer(row, |row| {
            row.try_get(1).is_ok_and(|name: String| buyer.is_some_and(|buyer| buyer.name == name))
                && row.try_get(2).is_ok_and(|price: Price| price == sale.price)
        });
        let sql = "SELECT s.id FROM customers c JOIN sales s ON s.customer_email = c.email \
                   WHERE c.email = $1 ORDER BY s.id";
        let rows = client.query(sql, &[&sale.customer_email]).await;
        asking.answer(rows, |rows| Some(&ids(rows)) == bought.get(sale.customer_email.as_str()));
    }
    let sql =
        "SELECT count(*) FROM customers c LEFT JOIN sales s ON s.customer_email = c.email WHERE s.id IS NULL";
    let idle = (data.customers.len() - bought.len()) as i64;
    asking
        .answer(client.query_one(sql, &[]).await, |row| row.try_get(0).is_ok_and(|count: i64| count == idle));
}

async fn casts_and_literals(client: &Client, data: &Data, answers: &mut Answers) {
    let mut asking = answers.group("casts and literals");
    for customer in sample(&data.customers, 40) {
        for sql in [
            "SELECT id FROM customers WHERE email = $1::varchar",
            "SELECT id FROM customers WHERE email = CAST($1 AS text)",
            "SELECT id FROM customers WHERE email = $1::text -- by the ORM's habit",
        ] {
            asking.answer(client.query(sql, &[&customer.email]).await, |rows| ids(rows) == [customer.id]);
        }
        // The simple protocol, as psql speaks it: values within the text, quotes doubled, results as text.
        let (name, email) = (customer.name.replace('\'', "''"), &customer.email);
        let sql = format!(
            "SELECT birthday, charge_card FROM customers WHERE name = '{name}' AND email = '{email}'::text"
        );
        asking.answer(client.simple_query(&sql).await, |messages| {
            text_rows(messages)
                == [vec![Some(customer.birthday.to_string()), Some(customer.charge_card.to_string())]]
        });
    }
}

fn text_rows(messages: &[SimpleQueryMessage]) -> Vec<Vec<Option<String>>> {
    let mut rows = Vec::new();
    for message in messages {
        if let SimpleQueryMessage::Row(row) = message {
            let fields = (0..row.len()).map(|index| row.try_get(index).ok().flatten().map(str::to_owned));
            rows.push(fields.collect());
        }
    }
    rows
}

async fn counts(client: &Client, model: &Model, answers: &mut Answers) {
    let mut asking = answers.group("IS NULL, counts, plain columns");
    let without = model.customers.values().filter(|customer| customer.phone.is_none()).count() as i64;
    let with = model.customers.len() as i64 - without;
    for (sql, right) in [
        ("SELECT count(*) FROM customers WHERE phone IS NULL", without),
        ("SELECT count(*) FROM customers WHERE phone IS NOT NULL", with),
        ("SELECT count(phone) FROM customers", with),
    ] {
        asking.answer(client.query_one(sql, &[]).await, |row| {
            row.try_get(0).is_ok_and(|count: i64| count == right)
        });
    }
    let mut by_model: BTreeMap<&str, i64> = BTreeMap::new();
    for sale in model.sales.values() {
        *by_model.entry(sale.model).or_default() += 1;
    }
    let rows = client
        .query("SELECT model, count(*) FROM sales GROUP BY model ORDER BY model COLLATE \"C\"", &[])
        .await;
    asking.answer(rows, |rows| {
        let counted = rows.iter().map_while(|row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?)));
        rows.len() == by_model.len() && counted.eq(by_model.clone())
    });
}

async fn updates(client: &Client, data: &Data, model: &mut Model, answers: &mut Answers) {
    let mut asking = answers.group("a new phone: UPDATE, then lookup");
    for customer in sample(&data.customers, SOME) {
        let moved = moved_phone(customer);
        let count = client
            .execute("UPDATE customers SET phone = $1 WHERE email = $2", &[&moved.phone, &moved.email])
            .await;
        asking.answer(count, |count| *count == 1);
        let rows = client.query("SELECT id FROM customers WHERE phone = $1", &[&moved.phone]).await;
        asking.answer(rows, |rows| ids(rows) == [customer.id]);
        let rows = client.query("SELECT id FROM customers WHERE phone = $1", &[&customer.phone]).await;
        asking.answer(rows, Vec::is_empty);
        model.customers.insert(moved.id, moved);
    }
}

async fn upserts(client: &Client, data: &Data, model: &mut Model, answers: &mut Answers) {
    let mut asking = answers.group("INSERT … ON CONFLICT (email) …");
    let upsert = "INSERT INTO customers (id, name, email, phone, id_number, birthday, address, iban, charge_card) \
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
                  ON CONFLICT (email) DO UPDATE SET address = EXCLUDED.address RETURNING id, address";
    for customer in sample(&data.customers, SOME) {
        let moved = moved_house(customer);
        let row = client.query_one(upsert, &customer_fields(&moved)).await;
        asking.answer(row, |row| {
            row.try_get(0).is_ok_and(|id: i64| id == moved.id)
                && row.try_get(1).is_ok_and(|address: String| address == moved.address)
        });
        if let Some(known) = model.customers.get_mut(&moved.id) {
            known.address = moved.address;
        }
    }
    let newcomer = newcomer(data);
    let ignored = "INSERT INTO customers (id, name, email, phone, id_number, birthday, address, iban, charge_card) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (email) DO NOTHING";
    for inserted in [1, 0] {
        let count = client.execute(ignored, &customer_fields(&newcomer)).await;
        asking.answer(count, |count| *count == inserted);
    }
    model.customers.insert(newcomer.id, newcomer);
}

async fn refusals(client: &Client, data: &Data, answers: &mut Answers) {
    let mut asking = answers.group("errors, with PostgreSQL's SQLSTATEs");
    let insert = "INSERT INTO customers (id, name, email, phone, id_number, birthday, address, iban, charge_card) \
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let taken = client.execute(insert, &customer_fields(&loser(data))).await;
    asking.refusal(taken, "23505", Some("customers_email_key"));
    let too_long = client.execute(insert, &customer_fields(&long_winded(data))).await;
    asking.refusal(too_long, "22001", None);
    let no_such_day = client.simple_query("UPDATE customers SET birthday = '2001-02-29' WHERE id = 1").await;
    asking.refusal(no_such_day, "22008", None);

    // In a transaction: what came before the error is undone with it, what a savepoint saved is not.
    if let (Some(sale), Some(other)) = (data.sales.first(), data.sales.get(1)) {
        asking.answer(client.batch_execute("BEGIN; SAVEPOINT before").await, |()| true);
        let mut copy = sale.clone();
        copy.id = -1;
        copy.customer_email.clone_from(&other.customer_email);
        let sql = "INSERT INTO sales (id, vin, customer_email, model, price, sold_on) VALUES ($1, $2, $3, $4, $5, $6)";
        asking.refusal(client.execute(sql, &sale_fields(&copy)).await, "23505", Some("sales_vin_key"));
        let rows = client.query("SELECT id FROM sales WHERE vin = $1", &[&sale.vin]).await;
        asking.refusal(rows, "25P02", None);
        asking.answer(client.batch_execute("ROLLBACK TO before").await, |()| true);
        let rows = client.query("SELECT id FROM sales WHERE vin = $1", &[&sale.vin]).await;
        asking.answer(rows, |rows| ids(rows) == [sale.id]);
        asking.answer(client.batch_execute("COMMIT").await, |()| true);
    }
}

async fn deletes(client: &Client, data: &Data, model: &mut Model, answers: &mut Answers) {
    let mut asking = answers.group("DELETE … RETURNING");
    for customer in sample(&data.customers, SOME / 2) {
        let sql = "DELETE FROM customers WHERE email = $1 RETURNING id, id_number";
        let row = client.query_one(sql, &[&customer.email]).await;
        asking.answer(row, |row| {
            row.try_get(0).is_ok_and(|id: i64| id == customer.id)
                && row.try_get(1).is_ok_and(|number: String| number == customer.id_number)
        });
        model.customers.remove(&customer.id);
    }
}

async fn whole_tables(client: &Client, model: &Model, answers: &mut Answers) {
    let mut asking = answers.group("both tables, every field of every row");
    let rows = client.query("SELECT * FROM customers ORDER BY id", &[]).await;
    asking.answer(rows, |rows| {
        rows.len() == model.customers.len()
            && rows
                .iter()
                .zip(model.customers.values())
                .all(|(row, right)| customer_of(row).is_ok_and(|customer| customer == *right))
    });
    let rows = client.query("SELECT vin, customer_email, price, sold_on FROM sales ORDER BY id", &[]).await;
    asking.answer(rows, |rows| {
        rows.len() == model.sales.len()
            && rows.iter().zip(model.sales.values()).all(|(row, right)| {
                row.try_get(0).is_ok_and(|vin: String| vin == right.vin)
                    && row.try_get(1).is_ok_and(|email: String| email == right.customer_email)
                    && row.try_get(2).is_ok_and(|price: Price| price == right.price)
                    && row.try_get(3).is_ok_and(|day: Date| day == right.sold_on)
            })
    });
}
