//! COALESCE and CASE over one encrypted column as an output: whichever envelope is chosen is opened.

use super::expr::{Choice, Val};
use super::passing::{bare_text, fits_as_it_is};
use super::plan::Output;
use super::planner::Planner;
use super::refuse::{Planned, column_in, full_name, unsupported};
use crate::catalog::EncryptedColumn;
use crate::value::Type;

impl Planner<'_> {
    /// The output of a choice. Its constants are sealed as values of the column beside them.
    pub fn choice_output(&mut self, choice: Choice) -> Planned<Output> {
        let Some(first) = choice.values.iter().find_map(|v| v.column().cloned()) else {
            choice.values.into_iter().try_for_each(|v| self.settle_plain(v, "the select list"))?;
            return Ok(Output::Plain);
        };
        let column = first.column.clone();
        let place = first.extent.map(|e| e.first);
        let mut mixed = choice.nullable;
        self.bare_choice(&choice);
        let typed = choice.typed;
        for value in choice.values {
            match value {
                Val::Column(value) => {
                    let same = value.column.group == column.group && value.column.ty == column.ty;
                    if !same || !value.casts.is_empty() {
                        return Err(column_in(&value.column, "COALESCE or CASE with other values")
                            .at(value.extent.map(|e| e.first)));
                    }
                }
                Val::Null { extent, cast } => self.null(extent, cast)?,
                Val::Const(value) => {
                    mixed |= value.outer_type() != Some(column.ty);
                    let ty = self.const_type(&value);
                    let fits = ty.is_none_or(|ty| ty.base() == column.ty.base())
                        && self.modifier_is_harmless(&column, &value);
                    if !fits {
                        return Err(unsupported(
                            format!("COALESCE or CASE of {} with this constant", full_name(&column)),
                            "Choose in the application, or give a string literal that fits the column.",
                        )
                        .at(place));
                    }
                    self.seal_stored(value, &column)?;
                }
                other => self.settle_plain(other, "COALESCE or CASE")?,
            }
        }
        // Unless all alternatives have the column's modifier, the result has none.
        let base = column.ty.base();
        let casts = match typed {
            Some(ty) if ty != column.ty => vec![ty],
            Some(_) => Vec::new(),
            None if mixed && base != column.ty => vec![base],
            None => Vec::new(),
        };
        Ok(Output::Open { column, casts, origin: None, shown: None })
    }

    /// A constant in a choice is not cut or rounded to the column's modifier; so it must fit as it is.
    pub fn modifier_is_harmless(&self, column: &EncryptedColumn, value: &super::consts::Const) -> bool {
        if value.outer_type() == Some(column.ty) {
            return true;
        }
        let text = bare_text(value).and_then(|token| self.tokens.string(token));
        match column.ty {
            Type::Varchar(Some(limit)) => text.is_some_and(|text| fits_as_it_is(&text, limit)),
            ty => ty == ty.base(),
        }
    }
}
