//! What rotation of an index key changes in plans, beyond the function that all cases are checked with.

use super::*;

#[test]
fn slots_name_the_term_that_their_text_names() {
    for searched in SearchSlot::ALL {
        let catalog = catalog_with(&group_in(searched, true));
        let environment = environment();
        let scope = Scope { catalog: &catalog, environment: &environment, names: &Names };
        let text = "SELECT id FROM customers WHERE email IN ($1, $2) AND phone = ANY($3)";
        let Plan::Rewrite(plan) = plan_statement(text, &[], &scope) else { panic!("not rewritten") };
        assert_eq!(plan.slots.len(), 3);
        for slot in &plan.slots {
            match &slot.role {
                Role::Equality(column) | Role::EqualityArray(column) => assert_eq!(column.slot, searched),
                other => panic!("{other:?}"),
            }
        }
        assert!(
            render(&plan.pieces, &plan.slots, text)
                .contains(&format!("{}(email)", searched.equality_function()))
        );
    }
}

#[test]
fn a_catalog_differs_with_its_slots() {
    let versions: Vec<u64> =
        [(SearchSlot::A, false), (SearchSlot::A, true), (SearchSlot::B, true), (SearchSlot::B, false)]
            .into_iter()
            .map(|(slot, rotating)| catalog_with(&group_in(slot, rotating)).version())
            .collect();
    for (index, version) in versions.iter().enumerate() {
        assert!(!versions[..index].contains(version), "{versions:x?}");
    }
    assert_eq!(versions[0], catalog().version());
}

#[test]
fn constraints_that_are_indexes_mean_the_slot_that_is_searched() {
    for slot in SearchSlot::ALL {
        let catalog = catalog_with(&group_in(slot, false));
        let expected = format!("{}((email)::bytea)", slot.equality_function());
        assert_eq!(catalog.unique_index(16_001, "leads_email_key"), Some([expected].as_slice()));
    }
}

#[test]
fn a_copy_is_known_by_the_name_that_it_will_have() {
    let catalog = catalog();
    assert_eq!(catalog.replaced_index("pyrite_new_17000"), Some("customers_email_idx"));
    for name in
        ["pyrite_new_17009", "pyrite_new_", "pyrite_new_x", "customers_email_idx", "x_pyrite_new_17000"]
    {
        assert_eq!(catalog.replaced_index(name), None);
    }
}

#[test]
fn no_index_is_made_while_its_key_is_rotated() {
    let rotating = catalog_with(&|name| group_in(SearchSlot::A, name == "email" || name == "vin")(name));
    for (text, refused) in [
        ("CREATE INDEX ON customers (email)", true),
        ("CREATE UNIQUE INDEX CONCURRENTLY i ON customers (name, email DESC)", true),
        ("CREATE INDEX ON customers (phone)", false),
        ("CREATE INDEX ON customers (name) WHERE email IS NULL", false),
        ("CREATE TABLE vehicles (vin varchar(17) UNIQUE, price numeric(10,2))", true),
        ("CREATE TABLE vehicles (vin varchar(17), id int, PRIMARY KEY (id, vin))", true),
        ("CREATE TABLE vehicles (vin varchar(17), price numeric(10,2))", false),
        ("DROP INDEX customers_email_idx", false),
        ("SELECT id FROM customers WHERE email = 'a'", false),
    ] {
        let got = planned_in(text, &[], &rotating, &environment());
        assert_eq!(got.starts_with("55006 the index key of group "), refused, "{text}: {got}");
    }
}
