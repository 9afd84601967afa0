//! The names that PostgreSQL gives to columns without one. An entry that is written anew gets its name by AS,
//! so these have to be the server's own.

use sqlparser::ast::{AccessExpr, DataType, Expr, SelectItem, SetExpr, TrimWhereField};

use super::expr::{ident, object_name};

/// How a name was come by: a type's name gives way to any that an inner expression has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Type,
    Own,
}

/// The name that PostgreSQL gives an output column without an alias; `None` where it has no idea.
pub(super) fn figure_name(expr: &Expr) -> Option<String> {
    figure(expr).map(|(name, _)| name)
}

fn figure(expr: &Expr) -> Option<(String, Strength)> {
    let fixed = |name: &str| Some((name.to_owned(), Strength::Own));
    match expr {
        Expr::Identifier(name) => own(ident(name).ok()),
        Expr::CompoundIdentifier(names) => own(names.last().and_then(|n| ident(n).ok())),
        Expr::Function(function) => {
            own(object_name(&function.name).ok().and_then(|(mut parts, _)| parts.pop()))
        }
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => figure(inner),
        Expr::Cast { expr, data_type, .. } => match figure(expr) {
            Some((name, Strength::Own)) => Some((name, Strength::Own)),
            _ => Some((type_name(data_type), Strength::Type)),
        },
        Expr::TypedString(typed) => Some((type_name(&typed.data_type), Strength::Type)),
        Expr::Interval(_) => Some(("interval".to_owned(), Strength::Type)),
        Expr::Case { else_result, .. } => match else_result.as_deref().and_then(figure) {
            Some((name, Strength::Own)) => Some((name, Strength::Own)),
            _ => Some(("case".to_owned(), Strength::Type)),
        },
        Expr::Array(_) => fixed("array"),
        Expr::Exists { .. } => fixed("exists"),
        Expr::Extract { .. } => fixed("extract"),
        Expr::Substring { shorthand, .. } => fixed(if *shorthand { "substr" } else { "substring" }),
        Expr::Position { .. } => fixed("position"),
        Expr::Overlay { .. } => fixed("overlay"),
        Expr::Ceil { .. } => fixed("ceil"),
        Expr::Floor { .. } => fixed("floor"),
        Expr::AtTimeZone { .. } => fixed("timezone"),
        Expr::Tuple(_) => fixed("row"),
        Expr::IsNormalized { .. } => fixed("is_normalized"),
        Expr::Trim { trim_where, .. } => fixed(match trim_where {
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
            _ => "btrim",
        }),
        Expr::CompoundFieldAccess { root, access_chain } => accessed(root, access_chain),
        Expr::Subquery(query) => subquery(&query.body),
        _ => None,
    }
}

fn own(name: Option<String>) -> Option<(String, Strength)> {
    name.map(|name| (name, Strength::Own))
}

/// `(row).field[1]`: the last field, or what the row is called.
fn accessed(root: &Expr, chain: &[AccessExpr]) -> Option<(String, Strength)> {
    let field = chain.iter().rev().find_map(|step| match step {
        AccessExpr::Dot(Expr::Identifier(name)) => Some(ident(name).ok()),
        _ => None,
    });
    match field {
        Some(name) => own(name),
        None => figure(root),
    }
}

/// A subquery as a value has the name of its column.
fn subquery(body: &SetExpr) -> Option<(String, Strength)> {
    match body {
        SetExpr::Select(select) => match select.projection.first()? {
            SelectItem::UnnamedExpr(expr) => {
                own(Some(figure_name(expr).unwrap_or_else(|| "?column?".to_owned())))
            }
            SelectItem::ExprWithAlias { alias, .. } => own(ident(alias).ok()),
            _ => None,
        },
        SetExpr::Query(query) => subquery(&query.body),
        SetExpr::SetOperation { left, .. } => subquery(left),
        SetExpr::Values(_) => own(Some("column1".to_owned())),
        _ => None,
    }
}

/// A type's name in the catalog, as PostgreSQL's grammar puts it.
fn type_name(ty: &DataType) -> String {
    if let DataType::Custom(name, _) = ty
        && let Ok((mut parts, _)) = object_name(name)
        && let Some(name) = parts.pop()
    {
        return name;
    }
    let text = ty.to_string().to_ascii_lowercase();
    let mut words = String::with_capacity(text.len());
    let mut depth = 0usize;
    for c in text.chars() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => words.push(c),
            _ => {}
        }
    }
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let name = match words.as_str() {
        "int" | "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "real" => "float4",
        "double precision" => "float8",
        "float" if matches!(ty, DataType::Float(info) if single(info)) => "float4",
        "float" => "float8",
        "decimal" | "dec" => "numeric",
        "boolean" => "bool",
        "character varying" | "char varying" | "nvarchar" => "varchar",
        "character" | "char" => "bpchar",
        "bit varying" => "varbit",
        "timestamp with time zone" => "timestamptz",
        "timestamp without time zone" => "timestamp",
        "time with time zone" => "timetz",
        "time without time zone" => "time",
        other => other,
    };
    name.to_owned()
}

/// `float(24)` and less is a single one.
fn single(info: &sqlparser::ast::ExactNumberInfo) -> bool {
    matches!(info, sqlparser::ast::ExactNumberInfo::Precision(digits) if *digits <= 24)
}
