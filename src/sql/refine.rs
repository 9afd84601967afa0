//! Predicates that the proxy decides on: a condition over the value of one encrypted column becomes a search for the
//! terms of the values that fulfil it.
//!
//! The text that takes the predicate's place gives true for the terms that match and NULL where the column or the
//! predicate is NULL. For a value that nobody has looked at it fails, unless the session knows that there is none
//! (`Others` is NULL then). The server folds what a NULL makes superfluous, so that an index on the terms serves.

use std::ops::Range;
use std::sync::Arc;

use sqlparser::ast::Expr;

use super::consts::Extent;
use super::edits::Part;
use super::expr::{ColumnVal, Val};
use super::formula::{Computed, is_composite};
use super::lexer::Kind;
use super::narrow::Narrowing;
use super::plan::{Piece, RefinedPart, Refinement, Role, Slot, Source, UNSEEN};
use super::planner::{Mode, Planner, SlotDraft, param_number, quote_identifier};
use super::refuse::{Planned, full_name, unsupported};
use crate::evaluate::Formula;
use crate::value::{Collation, Type};

/// A refinement before numbering.
#[derive(Clone, Debug)]
pub(super) struct RefinementDraft {
    pub column: ColumnVal,
    formula: Formula,
    collation: Collation,
    /// What is replaced.
    pub extent: Extent,
    /// Schema, name and column that candidates are read from.
    from: [String; 3],
    /// Of what is found, in the order of [`PARTS`].
    slots: [usize; 4],
    /// How many frames were open.
    pub depth: usize,
    /// Conditions on the same relation without which no row counts, and the name that they know it by.
    pub narrowed: Option<(String, Vec<Narrowing>)>,
}

/// A refinement whose parts are placed.
pub(super) struct Placed {
    draft: RefinementDraft,
    candidates: Vec<Piece>,
    /// Client's parameters that go as they came.
    plain: Vec<usize>,
}

const PARTS: [RefinedPart; 4] =
    [RefinedPart::Matching, RefinedPart::Unknown, RefinedPart::Others, RefinedPart::OnNull];

/// Refuses conditions that Pyrite would have to decide within this statement.
pub(super) fn none_within(refinements: &[Refinement], statement: &str) -> Planned<()> {
    match refinements.first() {
        None => Ok(()),
        Some(refinement) => Err(unsupported(
            format!(
                "a condition on encrypted column {} that Pyrite has to decide within {statement}",
                full_name(&refinement.column)
            ),
            "Use the driver's prepared statements, or send the statement by itself.",
        )),
    }
}

impl Planner<'_> {
    /// Walks a condition.
    pub fn condition(&mut self, expr: &Expr, clause: &str) -> Planned<()> {
        let walk = |planner: &mut Self| match planner.expr(expr)? {
            Val::Column(value) if value.column.ty == Type::Bool => {
                let refusal = unsupported(
                    format!("encrypted column {} as a condition in {clause}", full_name(&value.column)),
                    "Compare it: `column = true`.",
                );
                planner.formula_or(expr, refusal.at(value.extent.map(|e| e.first)))
            }
            value => planner.settle_plain(value, clause).map(|()| Val::Plain),
        };
        let value = if is_composite(expr) { walk(self)? } else { self.expr_or_formula(expr, walk)? };
        match value {
            Val::Computed(computed) => self.refine(*computed, clause),
            value => self.settle_plain(value, clause),
        }
    }

    /// Has the session decide on a condition.
    pub fn refine(&mut self, computed: Computed, clause: &str) -> Planned<()> {
        let first = Some(computed.extent.first);
        let Some(column) = computed.only_column().cloned() else {
            return Err(several(&computed, clause).at(first));
        };
        let encrypted = Arc::clone(&column.column);
        if !encrypted.equality {
            return Err(unsupported(
                format!(
                    "this condition on encrypted column {}, which cannot be searched,",
                    full_name(&encrypted)
                ),
                "Add \"equality\" to the column's search list in the configuration, and encrypt it anew.",
            )
            .at(first));
        }
        // Where a type has one spelling for each value, so has a column of it.
        let spellings =
            matches!(encrypted.ty, Type::Numeric(None) | Type::Float4 | Type::Float8 | Type::Jsonb);
        if spellings && !computed.formula.by_value() {
            return Err(unsupported(
                format!(
                    "a condition on how the values of encrypted column {} are written",
                    full_name(&encrypted)
                ),
                "Equal values of its type can be written in several ways, and Pyrite tells them apart by value only: \
                 compare the value, or declare the type with a scale.",
            )
            .at(first));
        }
        if self.mode == Mode::View {
            return Err(unsupported(
                format!("a condition on encrypted column {} in a stored definition", full_name(&encrypted)),
                "A definition would keep today's values: put the condition into the queries.",
            )
            .at(first));
        }
        let from = column.origin.and_then(|(table, attnum)| {
            let relation = self.catalog.relation_by_oid(table)?;
            let column = relation.columns.iter().find(|c| c.attnum == attnum)?;
            Some([relation.schema.clone(), relation.name.clone(), column.name.clone()])
        });
        let (Some(from), Some(_)) = (from, self.reference(&column)) else {
            return Err(unsupported(
                format!(
                    "a condition on encrypted column {} where it is not read from a table or view",
                    full_name(&encrypted)
                ),
                "Put the condition where the table is read.",
            )
            .at(first));
        };
        self.claim_params(&computed.formula);
        let index = self.refinements.len();
        let slots = PARTS.map(|part| {
            let role = Role::Refined(Arc::clone(&encrypted), index, part);
            self.slots.push(SlotDraft { source: Source::Candidates, ty: None, casts: Vec::new(), role });
            self.slots.len() - 1
        });
        self.refinements.push(RefinementDraft {
            column,
            formula: computed.formula,
            collation: computed.collation,
            extent: computed.extent,
            from,
            slots,
            depth: self.frames.len(),
            narrowed: None,
        });
        Ok(())
    }

    /// Writes all refinements into the text. Every other edit is made by now.
    pub fn place_refinements(&mut self) -> Planned<Vec<Placed>> {
        if let Some(draft) = self.refinements.first()
            && !self.can_wait()
        {
            return Err(unsupported(
                format!(
                    "a condition on encrypted column {} in this kind of statement",
                    full_name(&draft.column.column)
                ),
                "Pyrite decides on such conditions when a SELECT, INSERT, UPDATE or DELETE runs.",
            )
            .at(Some(draft.extent.first)));
        }
        let mut placed = Vec::with_capacity(self.refinements.len());
        let mut edits = Vec::with_capacity(self.refinements.len());
        for draft in std::mem::take(&mut self.refinements) {
            let narrowed = self.narrowed_pieces(&draft);
            let Some(parts) = self.condition_parts(&draft, &narrowed) else {
                return Err(unsupported("this form of a condition", "Write it in a simpler form.")
                    .at(Some(draft.extent.first)));
            };
            edits.push((draft.extent, parts));
            let plain = self.plain_params(draft.narrowed.iter().flat_map(|(_, list)| list));
            let candidates = candidates(&draft, narrowed);
            placed.push(Placed { draft, candidates, plain });
        }
        for (extent, parts) in edits {
            self.replace(extent, parts);
        }
        Ok(placed)
    }

    /// Whether the statement is one that the session runs as it is, with candidates fetched before.
    fn can_wait(&self) -> bool {
        const BEGINNINGS: &[&str] =
            &["select", "with", "values", "insert", "update", "delete", "merge", "explain"];
        let first = self.range.start;
        let simple = self.mode == Mode::Simple && self.tokens.is_word(first, "declare");
        simple
            || self.tokens.is_sign(first, "(")
            || BEGINNINGS.iter().any(|word| self.tokens.is_word(first, word))
    }

    /// The narrowing conditions as they are sent, each in parentheses, joined by AND; nothing if there are none.
    fn narrowed_pieces(&self, draft: &RefinementDraft) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for narrowing in draft.narrowed.iter().flat_map(|(_, list)| list) {
            let Some(condition) = self.edits.within(self.span(narrowing.extent)) else { continue };
            if narrowing.encrypted && self.keeps_constant(narrowing.extent, &condition) {
                continue;
            }
            pieces.push(Piece::Text(if pieces.is_empty() { "(" } else { " AND (" }.to_owned()));
            pieces.extend(condition);
            pieces.push(Piece::Text(")".to_owned()));
        }
        pieces
    }

    /// Whether a constant of the client's is still in a condition: one that is to be decided on, say.
    fn keeps_constant(&self, extent: Extent, pieces: &[Piece]) -> bool {
        let name = |at: usize| {
            let word = matches!(
                self.tokens.kind(at),
                Some(Kind::Word | Kind::Quoted | Kind::UnicodeQuoted | Kind::Operator | Kind::Punct)
            );
            word && !self.tokens.is_word(at, "true") && !self.tokens.is_word(at, "false")
        };
        (extent.first..=extent.last).filter(|at| !name(*at)).any(|at| {
            let place = self.tokens.start(at);
            pieces.iter().any(|piece| matches!(piece, Piece::Source(range) if range.contains(&place)))
        })
    }

    fn span(&self, extent: Extent) -> Range<usize> {
        self.tokens.start(extent.first)..self.tokens.end(extent.last)
    }

    /// The parameters in these places that are sent as they came.
    fn plain_params<'e>(&self, list: impl Iterator<Item = &'e Narrowing>) -> Vec<usize> {
        let tokens = list.flat_map(|narrowing| narrowing.extent.first..=narrowing.extent.last);
        let params = tokens.filter(|&at| self.tokens.kind(at) == Some(Kind::Param));
        let numbers = params.filter_map(|at| param_number(self.tokens.raw(at))?.checked_sub(1));
        numbers.filter(|&n| self.params.get(n).is_some_and(|param| param.plain.is_some())).collect()
    }

    /// What stands in place of the predicate.
    fn condition_parts(&self, draft: &RefinementDraft, narrowed: &[Piece]) -> Option<Vec<Part>> {
        let reference = self.reference(&draft.column)?;
        let term = format!("{}({reference})", draft.column.column.equality_function());
        let [matching, unknown, others, on_null] = draft.slots.map(Part::Slot);
        let text = |text: String| Part::Text(text);
        let mut parts = vec![
            text(format!("(({term} = ANY (")),
            matching,
            text(") OR CASE WHEN ".to_owned()),
            on_null.clone(),
            text(format!(" IS NOT NULL AND {term} IS NULL THEN ")),
            on_null.clone(),
            text(" WHEN ".to_owned()),
            unknown.clone(),
            text(format!(" IS NOT NULL AND {term} = ANY (")),
            unknown,
            text(") THEN NULL WHEN ".to_owned()),
            others.clone(),
            text(format!(" IS NULL OR {term} IS NULL OR {term} = ANY (")),
            others,
            text(")".to_owned()),
        ];
        if !narrowed.is_empty() {
            parts.push(text(" OR (".to_owned()));
            parts.extend(narrowed.iter().cloned().map(|piece| match piece {
                Piece::Source(range) => Part::Source(range),
                Piece::Text(text) => Part::Text(text),
                Piece::Slot(slot) => Part::Slot(slot),
            }));
            parts.push(text(") IS NOT TRUE".to_owned()));
        }
        // The error comes at run time, and only for a row that has such a value.
        parts.push(text(format!(
            " THEN FALSE ELSE CAST('{UNSEEN}' || pg_catalog.left({term}::pg_catalog.text, 0) AS pg_catalog.bool) END) \
             AND CASE WHEN "
        )));
        parts.push(on_null.clone());
        parts.push(text(format!(" IS NULL THEN TRUE ELSE {term} IS NOT NULL OR ")));
        parts.push(on_null);
        parts.push(text(" END)".to_owned()));
        Some(parts)
    }
}

/// The query for the distinct values.
fn candidates(draft: &RefinementDraft, narrowed: Vec<Piece>) -> Vec<Piece> {
    let [schema, table, column] = draft.from.each_ref().map(|name| quote_identifier(name));
    let alias = draft.narrowed.as_ref().map_or_else(|| "t".to_owned(), |(name, _)| quote_identifier(name));
    let function = draft.column.column.equality_function();
    let term = format!("{function}({alias}.{column})");
    let mut text = format!(
        "SELECT DISTINCT ON ({term}) {term}, {alias}.{column}::pg_catalog.bytea FROM {schema}.{table} AS {alias} \
         WHERE {alias}.{column} IS NOT NULL"
    );
    if narrowed.is_empty() {
        return vec![Piece::Text(text)];
    }
    text.push_str(" AND ");
    let mut pieces = vec![Piece::Text(text)];
    pieces.extend(narrowed);
    pieces
}

/// Numbers what was placed. `reads`: the statement changes and locks nothing.
pub(super) fn number(placed: Vec<Placed>, slots: &[Slot], reads: bool) -> Vec<Refinement> {
    let finish = |placed: Placed| {
        let plain = placed.plain.iter().filter_map(|n| u16::try_from(n + 1).ok());
        let sealed = placed.candidates.iter().filter_map(|piece| match piece {
            Piece::Slot(slot) => slots.get(*slot).map(|slot| slot.server_param),
            _ => None,
        });
        let params = plain.chain(sealed).collect();
        Refinement {
            column: placed.draft.column.column,
            candidates: placed.candidates,
            params,
            predicate: placed.draft.formula,
            collation: placed.draft.collation,
            reads,
        }
    };
    placed.into_iter().map(finish).collect()
}

/// Why a formula over more than one column cannot be refined.
fn several(computed: &Computed, clause: &str) -> Box<super::refuse::Draft> {
    let Some(column) = computed.column() else { return computed.refusal.clone() };
    unsupported(
        format!(
            "a condition on encrypted column {} together with another column in {clause}",
            full_name(&column.column)
        ),
        "Compare encrypted columns with parameters, literals and columns of their key group; a condition that \
         computes with them may name one of them only.",
    )
}
