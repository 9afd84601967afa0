//! The further search kinds of a column: whether all values have their terms, and whether indexes serve them.

use super::facts::ColumnFacts;
use super::report::Report;
use crate::catalog::{SearchKinds, fits_index};
use crate::cli::slots::IndexKey;
use crate::config::ColumnConfig;

/// Those that are configured.
pub(super) fn names(column: &ColumnConfig) -> Vec<&'static str> {
    SearchKinds { order: column.order, caseless: column.caseless, matching: column.matching }.names()
}

/// What is missing of them. `name` is as SQL writes it.
pub(super) fn report(
    report: &mut Report,
    table: &str,
    name: &str,
    column: &ColumnConfig,
    facts: &ColumnFacts,
    key: IndexKey,
) {
    let lacking: Vec<&str> =
        names(column).into_iter().filter(|kind| !facts.complete.iter().any(|known| known == kind)).collect();
    if !lacking.is_empty() {
        report.gap(format!(
            "nothing is searched by {} in {name} yet, as not all values are known to have the terms: REPAIR ON \
             {table}.{name} on the console gives them to all",
            lacking.join(", ")
        ));
    }
    let kinds = SearchKinds::default();
    let surplus = facts
        .complete
        .iter()
        .filter(|kind| kinds.with(kind).is_some() && !names(column).contains(&kind.as_str()));
    for kind in surplus {
        report.gap(format!(
            "{table} demands {kind} terms of each value of {name}, and the configuration leaves \"{kind}\" out: proxies \
             do not start with it"
        ));
    }
    if key.rotating {
        return;
    }
    let order = key.slot.order_functions(fits_index(&column.ty));
    let order = order.head.unwrap_or(order.whole);
    for (wanted, what, method, function) in [
        (column.order, "order", "", order),
        (column.caseless, "comparisons regardless of case", "", key.slot.caseless_function()),
        (column.matching, "patterns", "USING gin ", key.slot.match_function()),
    ] {
        if wanted && facts.index_over(function).is_none() {
            report.note(format!(
                "no index serves {what}: CREATE INDEX ON {table} {method}({function}({name}));"
            ));
        }
    }
}
