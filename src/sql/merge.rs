//! MERGE: the actions see what PostgreSQL lets them see.

use sqlparser::ast::{
    Merge, MergeAction, MergeClause, MergeClauseKind, MergeInsertExpr, MergeInsertKind, MergeUpdateKind,
    TableFactor,
};

use super::expr::ident;
use super::parse::index_of;
use super::planner::Planner;
use super::query::Outputs;
use super::refuse::{Draft, Planned, syntax};
use super::scope::Frame;
use crate::catalog::Relation;

impl Planner<'_> {
    /// A MERGE statement. It returns no rows.
    pub fn merge_into(&mut self, merge: &Merge) -> Planned<Outputs> {
        let first = index_of(merge.merge_token.0.span);
        let TableFactor::Table { name, alias, args: None, sample: None, version: None, with_hints, .. } =
            &merge.table
        else {
            return Err(syntax("MERGE").at(first));
        };
        if merge.output.is_some() || !merge.into || !with_hints.is_empty() {
            return Err(syntax("MERGE").at(first));
        }
        let relation = self.target(name)?;
        let alias = match alias {
            Some(alias) if alias.columns.is_empty() => Some(ident(&alias.name)?),
            Some(_) => return Err(syntax("MERGE").at(first)),
            None => None,
        };
        self.frames.push(Frame::default());
        self.push_target(&relation, alias)?;
        let star = self.factor(&merge.source)?;
        if let Some(frame) = self.frames.last_mut() {
            frame.star.extend(star);
        }
        self.condition(&merge.on, "MERGE … ON")?;
        for clause in &merge.clauses {
            self.merge_clause(&relation, clause, first)?;
        }
        self.frames.pop();
        Ok(Outputs::default())
    }

    fn merge_clause(
        &mut self,
        relation: &Relation,
        clause: &MergeClause,
        first: Option<usize>,
    ) -> Planned<()> {
        let matched = match clause.clause_kind {
            MergeClauseKind::Matched => true,
            MergeClauseKind::NotMatched => false,
            _ => return Err(syntax("WHEN of MERGE").at(first)),
        };
        // Where nothing matched there is no row of the target to see.
        self.show_target(matched);
        if let Some(predicate) = &clause.predicate {
            self.condition(predicate, "WHEN of MERGE")?;
        }
        match (&clause.action, matched) {
            (MergeAction::Update(update), true) => {
                if update.update_predicate.is_some() || update.delete_predicate.is_some() {
                    return Err(syntax("UPDATE of MERGE").at(first));
                }
                let MergeUpdateKind::Set(assignments) = &update.kind else {
                    return Err(syntax("UPDATE of MERGE").at(first));
                };
                self.assignments(relation, assignments)?;
            }
            (MergeAction::Insert(insert), false) => self.merge_insert(relation, insert, first)?,
            (MergeAction::Delete { .. }, true) | (MergeAction::DoNothing { .. }, _) => {}
            _ => return Err(syntax("an action of MERGE").at(first)),
        }
        self.show_target(true);
        Ok(())
    }

    fn show_target(&mut self, shown: bool) {
        if let Some(item) = self.frames.last_mut().and_then(|frame| frame.items.first_mut()) {
            item.hidden = !shown;
        }
    }

    fn merge_insert(
        &mut self,
        relation: &Relation,
        insert: &MergeInsertExpr,
        first: Option<usize>,
    ) -> Planned<()> {
        let MergeInsertKind::Values(values) = &insert.kind else {
            return Err(syntax("INSERT of MERGE").at(first));
        };
        let ([row], None) = (values.rows.as_slice(), &insert.insert_predicate) else {
            return Err(syntax("INSERT of MERGE").at(first));
        };
        let row = &row.content;
        let targets = self.insert_columns(relation, &insert.columns)?;
        if row.len() > targets.len() {
            return Err(Draft::new("42601", "INSERT has more expressions than target columns").at(first));
        }
        if !insert.columns.is_empty() && row.len() < targets.len() {
            return Err(Draft::new("42601", "INSERT has more target columns than expressions").at(first));
        }
        for (expr, column) in row.iter().zip(&targets) {
            self.assign_expr(relation, column, expr)?;
        }
        Ok(())
    }
}
