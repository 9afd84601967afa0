//! The collation that a formula follows: PostgreSQL derives it from the columns under each function.

use super::ComputedInput;
use crate::evaluate::Formula;
use crate::sql::planner::Planner;
use crate::value::Collation;

impl Planner<'_> {
    /// The collation that all parts of a formula follow which follow any; or why there is none.
    pub(super) fn collation_of(
        &self,
        formula: &Formula,
        inputs: &[ComputedInput],
    ) -> Result<Collation, String> {
        let mut held: Option<Collation> = None;
        for part in formula.collated_inputs() {
            let found = self.part_collation(&part, inputs)?;
            if held.as_ref().is_some_and(|held| !alike(held, &found)) {
                return Err("it cannot follow two collations in one expression".to_owned());
            }
            held = Some(found);
        }
        Ok(held.unwrap_or_default())
    }

    /// That of one part: the one among its columns' that is not the database's, or else that.
    fn part_collation(&self, part: &[usize], inputs: &[ComputedInput]) -> Result<Collation, String> {
        let default = self.catalog.default_collation().ok_or("it does not know the database's collation")?;
        let mut special: Option<&Collation> = None;
        for input in part.iter().filter_map(|n| inputs.get(*n)) {
            let ComputedInput::Column(value) = input else {
                return Err("it does not know the collation of a column".to_owned());
            };
            let own = &value.column.collation;
            if !alike(own, default) && special.replace(own).is_some_and(|held| !alike(held, own)) {
                return Err("its columns have different collations".to_owned());
            }
        }
        Ok(special.unwrap_or(default).clone())
    }
}

/// Whether two collations order and change case alike. Those that go by bytes differ in what is a letter.
fn alike(left: &Collation, right: &Collation) -> bool {
    left == right
        && left.case_refusal() == right.case_refusal()
        && left.lower("Ä").ok() == right.lower("Ä").ok()
}
