//! Functions whose arguments have keywords between them.

use sqlparser::ast::{CeilFloorKind, DateTimeField, Expr, ExtractSyntax, TrimWhereField};

use super::walk::{Part, Stop, Walk, beyond};
use crate::evaluate::Operand;
use crate::value::{Datum, Type};

impl Walk<'_, '_> {
    /// Functions whose arguments have keywords between them.
    pub(super) fn keyword_call(&mut self, expr: &Expr) -> Part {
        match expr {
            Expr::Extract { syntax: ExtractSyntax::From, expr, .. } => {
                let (operand, extent) = self.part(expr)?;
                let whole = self.called("extract", extent.first, extent.last, 4)?;
                let at = extent.first - 2;
                let tokens = self.planner.tokens;
                let Some(field) = tokens.string(at).or_else(|| tokens.name(at).map(zeroize::Zeroizing::new))
                else {
                    return Err(Stop::Unknown(None));
                };
                Ok((self.builder.call("extract", vec![Operand::Literal(field), operand])?, whole))
            }
            Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                let (operand, extent) = self.part(expr)?;
                let name =
                    if self.is_word(extent.first.wrapping_sub(2), "ceiling") { "ceiling" } else { "ceil" };
                let whole = self.called(name, extent.first, extent.last, 2)?;
                Ok((self.builder.call("ceil", vec![operand])?, whole))
            }
            Expr::Floor { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                let (operand, extent) = self.part(expr)?;
                let whole = self.called("floor", extent.first, extent.last, 2)?;
                Ok((self.builder.call("floor", vec![operand])?, whole))
            }
            Expr::Position { expr, r#in } => {
                let ((part, from), (text, to)) = (self.part(expr)?, self.part(r#in)?);
                let whole = self.called("position", from.first, to.last, 2)?;
                Ok((self.builder.call("position", vec![text, part])?, whole))
            }
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                self.substring(expr, substring_from.as_deref(), substring_for.as_deref())
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters } => {
                self.trim(*trim_where, trim_what.as_deref(), expr, trim_characters.as_deref())
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let (text, from) = self.part(expr)?;
                let (with, _) = self.part(overlay_what)?;
                let (start, mut to) = self.part(overlay_from)?;
                let mut args = vec![text, with, start];
                if let Some(length) = overlay_for {
                    let (length, extent) = self.part(length)?;
                    args.push(length);
                    to = extent;
                }
                let whole = self.called("overlay", from.first, to.last, 2)?;
                Ok((self.builder.call("overlay", args)?, whole))
            }
            _ => beyond("this form of expression"),
        }
    }

    fn substring(&mut self, expr: &Expr, start: Option<&Expr>, length: Option<&Expr>) -> Part {
        let (text, from) = self.part(expr)?;
        let mut to = from;
        let mut args = vec![text];
        match start {
            Some(start) => {
                let (start, extent) = self.part(start)?;
                args.push(start);
                to = extent;
            }
            None => args.push(Operand::constant(Datum::Int4(1), Type::Int4)),
        }
        if let Some(length) = length {
            let (length, extent) = self.part(length)?;
            args.push(if start.is_none() { self.builder.cast(length, Type::Int4)? } else { length });
            if extent.last < to.last {
                return beyond("SUBSTRING with FOR before FROM");
            }
            to = extent;
        }
        let name = if self.is_word(from.first.wrapping_sub(2), "substr") { "substr" } else { "substring" };
        let whole = self.called(name, from.first, to.last, 2)?;
        Ok((self.builder.call("substring", args)?, whole))
    }

    fn trim(
        &mut self,
        side: Option<TrimWhereField>,
        what: Option<&Expr>,
        expr: &Expr,
        characters: Option<&[Expr]>,
    ) -> Part {
        let what = match what {
            Some(what) => Some(self.part(what)?),
            None => None,
        };
        let (text, extent) = self.part(expr)?;
        let (mut first, mut last) = (extent.first, extent.last);
        let mut args = vec![text];
        if let Some((what, extent)) = what {
            args.push(what);
            first = extent.first;
        } else if self.is_word(first.wrapping_sub(1), "from") {
            first -= 1;
        }
        for set in characters.into_iter().flatten() {
            let (set, extent) = self.part(set)?;
            args.push(set);
            last = extent.last;
        }
        let back = if side.is_some() { 3 } else { 2 };
        let whole = self.called("trim", first, last, back)?;
        let name = match side {
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
            _ => "btrim",
        };
        Ok((self.builder.call(name, args)?, whole))
    }
}
