//! The names that PostgreSQL gives output columns without an alias.

use sqlparser::ast::{AccessExpr, DataType, Expr, SelectItem, SetExpr, TrimWhereField, Value};

use crate::sql::expr::{ident, object_name};
use crate::value::Type;

/// The name of an output column without an alias; `None` where PostgreSQL has no idea.
pub(in crate::sql) fn figure_name(expr: &Expr) -> Option<String> {
    figure(expr).map(|(name, _)| name)
}

/// The name, and whether it is better than that of a type around it.
fn figure(expr: &Expr) -> Option<(String, bool)> {
    let good = |name: &str| Some((name.to_owned(), true));
    match expr {
        Expr::Identifier(name) => ident(name).ok().map(|name| (name, true)),
        Expr::CompoundIdentifier(names) => names.last().and_then(|n| ident(n).ok()).map(|name| (name, true)),
        Expr::CompoundFieldAccess { root, access_chain } => {
            let field = access_chain.iter().rev().find_map(|step| match step {
                AccessExpr::Dot(Expr::Identifier(name)) => ident(name).ok(),
                _ => None,
            });
            field.map_or_else(|| figure(root), |name| Some((name, true)))
        }
        Expr::Function(function) => {
            let (mut parts, _) = object_name(&function.name).ok()?;
            parts.pop().map(|name| (name, true))
        }
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => figure(inner),
        Expr::Cast { expr, data_type, .. } => match figure(expr) {
            Some((name, true)) => Some((name, true)),
            _ => Some((type_name(data_type), false)),
        },
        Expr::TypedString(typed) => Some((type_name(&typed.data_type), false)),
        Expr::Interval(_) => Some(("interval".to_owned(), false)),
        Expr::Value(value) if matches!(value.value, Value::Boolean(_)) => Some(("bool".to_owned(), false)),
        Expr::Case { else_result, .. } => match else_result.as_deref().and_then(figure) {
            Some((name, true)) => Some((name, true)),
            _ => Some(("case".to_owned(), false)),
        },
        Expr::Array(_) => good("array"),
        Expr::Exists { .. } => good("exists"),
        Expr::Extract { .. } => good("extract"),
        Expr::Substring { shorthand, .. } => good(if *shorthand { "substr" } else { "substring" }),
        Expr::Position { .. } => good("position"),
        Expr::Overlay { .. } => good("overlay"),
        Expr::Ceil { .. } => good("ceil"),
        Expr::Floor { .. } => good("floor"),
        Expr::AtTimeZone { .. } => good("timezone"),
        Expr::IsNormalized { .. } => good("is_normalized"),
        Expr::Tuple(_) => good("row"),
        Expr::Trim { trim_where, .. } => good(match trim_where {
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
            _ => "btrim",
        }),
        Expr::Subquery(query) => match &*query.body {
            SetExpr::Select(select) => match select.projection.first()? {
                SelectItem::UnnamedExpr(expr) => figure_name(expr).map(|name| (name, true)),
                SelectItem::ExprWithAlias { alias, .. } => ident(alias).ok().map(|name| (name, true)),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// A type's own name in the catalog, as PostgreSQL's parser has it.
fn type_name(data_type: &DataType) -> String {
    if let DataType::Array(
        sqlparser::ast::ArrayElemTypeDef::SquareBracket(inner, _)
        | sqlparser::ast::ArrayElemTypeDef::Qualified(inner, _),
    ) = data_type
    {
        return type_name(inner);
    }
    if let DataType::Custom(name, _) = data_type
        && let Ok((mut parts, _)) = object_name(name)
    {
        return parts.pop().unwrap_or_default();
    }
    let written = data_type.to_string();
    let known = match Type::parse(&written) {
        Ok(ty) => ty,
        Err(_) => {
            let lower = written.to_ascii_lowercase();
            return lower.split(['(', '[', ' ']).next().unwrap_or_default().to_owned();
        }
    };
    let name = match known {
        Type::Text => "text",
        Type::Varchar(_) => "varchar",
        Type::Char(_) => "bpchar",
        Type::Int2 => "int2",
        Type::Int4 => "int4",
        Type::Int8 => "int8",
        Type::Float4 => "float4",
        Type::Float8 => "float8",
        Type::Numeric(_) => "numeric",
        Type::Bool => "bool",
        Type::Date => "date",
        Type::Time(_) => "time",
        Type::Timestamp(_) => "timestamp",
        Type::Timestamptz(_) => "timestamptz",
        Type::Uuid => "uuid",
        Type::Json => "json",
        Type::Jsonb => "jsonb",
        Type::Bytea => "bytea",
    };
    name.to_owned()
}
