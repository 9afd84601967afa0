//! The collation that a formula follows: PostgreSQL derives it from the columns under each function.

use std::sync::Arc;

use super::ComputedInput;
use crate::catalog::ServerCollation;
use crate::evaluate::Formula;
use crate::sql::planner::Planner;
use crate::value::{Collation, CollationFacts, Provider};

impl Planner<'_> {
    /// The collation that all parts of a formula follow which follow any; or why there is none.
    pub(super) fn collation_of(&self, formula: &Formula, inputs: &[ComputedInput]) -> Result<Collation, String> {
        let mut held: Option<Collation> = None;
        for part in formula.collated_inputs() {
            let found = self.part_collation(&part, inputs)?;
            if held.as_ref().is_some_and(|held| *held != found) {
                return Err("it cannot follow two collations in one expression".to_owned());
            }
            held = Some(found);
        }
        Ok(held.unwrap_or_default())
    }

    /// That of one part: the one among its columns' that is not the database's, or else that.
    fn part_collation(&self, part: &[usize], inputs: &[ComputedInput]) -> Result<Collation, String> {
        let default = self.catalog.default_collation().ok_or("it does not know the database's collation")?;
        let mut special: Option<&Arc<ServerCollation>> = None;
        for input in part.iter().filter_map(|n| inputs.get(*n)) {
            let own = match input {
                ComputedInput::Column(value) => value.column.collation.as_ref(),
                ComputedInput::Plain { .. } => None,
            };
            let own = own.ok_or("it does not know the collation of a column")?;
            if own != default && special.replace(own).is_some_and(|held| held != own) {
                return Err("its columns have different collations".to_owned());
            }
        }
        opened(special.unwrap_or(default)).ok_or_else(|| "it does not know the database's collation".to_owned())
    }
}

fn opened(server: &ServerCollation) -> Option<Collation> {
    Some(Collation::open(&CollationFacts {
        provider: Provider::from_letter(server.provider)?,
        collate: server.collate.clone(),
        ctype: server.ctype.clone(),
        locale: server.locale.clone(),
        rules: server.rules,
        deterministic: server.deterministic,
        version: server.version.clone(),
        utf8: server.utf8,
    }))
}
