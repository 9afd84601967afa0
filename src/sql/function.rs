//! Function calls and windows.

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, WindowType,
};

use super::expr::{Val, object_name};
use super::planner::{Mode, Planner};
use super::refuse::{Planned, syntax, unsupported};
use super::scope;
use crate::value::Type;

/// Functions of pg_catalog that run SQL or read relations named by their arguments.
const RUNS_SQL: &[&str] = &[
    "query_to_xml",
    "query_to_xmlschema",
    "query_to_xml_and_xmlschema",
    "table_to_xml",
    "table_to_xmlschema",
    "table_to_xml_and_xmlschema",
    "schema_to_xml",
    "schema_to_xml_and_xmlschema",
    "database_to_xml",
    "database_to_xml_and_xmlschema",
    "cursor_to_xml",
    "cursor_to_xmlschema",
    "ts_stat",
    "ts_rewrite",
];

/// Whether a builtin function runs SQL that it is given.
pub(super) fn runs_sql(name: &str) -> bool {
    RUNS_SQL.contains(&name)
}

impl Planner<'_> {
    pub fn function(&mut self, function: &sqlparser::ast::Function) -> Planned<Val> {
        let (parts, token) = object_name(&function.name)?;
        let name = parts.last().cloned().unwrap_or_default();
        if function.uses_odbc_syntax || function.null_treatment.is_some() {
            return Err(syntax("a function call").at(Some(token)));
        }
        // A view may compare terms that the proxy wrote into its definition: no constant is in it.
        let own = self.mode == Mode::View && matches!(parts.as_slice(), [schema, _] if schema == "pyrite");
        if own {
            return Ok(Val::Plain);
        }
        self.known_function(&name, token)?;
        if let (true, [_], Some(values)) = (name == "coalesce", parts.as_slice(), plain_args(function)) {
            let mut alternatives = Vec::with_capacity(values.len());
            for value in values {
                alternatives.push(self.expr(value)?);
            }
            let extent = self.whole_call(function);
            return Ok(match self.choice(alternatives, true, "COALESCE")? {
                Val::Choice(choice) => Val::Choice(super::expr::Choice { extent, ..choice }),
                other => other,
            });
        }
        if let ("nullif", [_], Some([left, right])) =
            (name.as_str(), parts.as_slice(), plain_args(function).as_deref())
        {
            let (left, right) = (self.expr(left)?, self.expr(right)?);
            return self.nullif(left, right, self.whole_call(function));
        }
        let entered = self.enter_aggregate(function, &name);
        let done = self.function_parts(function, &name, (token, parts.len()));
        self.leave_aggregate(entered);
        done
    }

    /// Arguments, order, filter and window.
    fn function_parts(
        &mut self,
        function: &sqlparser::ast::Function,
        name: &str,
        at: (usize, usize),
    ) -> Planned<Val> {
        if let Some(chosen) = self.extreme(function, name, at)? {
            return Ok(chosen);
        }
        if let Some(value) = self.column_function(function, name, at.0)? {
            return Ok(value);
        }
        if let Some(value) = self.nesting_function(function, name, at.1 == 1)? {
            return Ok(value);
        }
        if let ("unnest", Some([array])) = (name, plain_args(function).as_deref()) {
            let array = self.expr(array)?;
            if let Some(open) = self.open_array(&array, self.whole_call(function)) {
                return Ok(open);
            }
            self.settle_plain(array, "function unnest")?;
            return Ok(Val::Plain);
        }
        let clause = format!("function {name}");
        self.function_args(&function.parameters, name, &clause)?;
        self.function_args(&function.args, name, &clause)?;
        for order in &function.within_group {
            self.plain(&order.expr, "ORDER BY")?;
        }
        if let Some(filter) = &function.filter {
            self.condition(filter, "FILTER")?;
        }
        if let Some(WindowType::WindowSpec(spec)) = &function.over {
            self.window(spec)?;
        }
        Ok(Val::Plain)
    }

    /// Functions that reach encrypted tables behind the planner's back are refused.
    pub fn known_function(&mut self, name: &str, token: usize) -> Planned<()> {
        if runs_sql(name) || self.catalog.is_sensitive_function(name) {
            self.protected = true;
            return Err(unsupported(
                format!("function {name}, which can reach encrypted tables,"),
                "Run its statements directly.",
            )
            .at(Some(token)));
        }
        Ok(())
    }

    fn function_args(&mut self, args: &FunctionArguments, name: &str, clause: &str) -> Planned<()> {
        let list = match args {
            FunctionArguments::None => return Ok(()),
            FunctionArguments::Subquery(query) => {
                let outputs = self.query(query)?;
                return self.settle_outputs(outputs, clause);
            }
            FunctionArguments::List(list) => list,
        };
        let distinct = matches!(list.duplicate_treatment, Some(sqlparser::ast::DuplicateTreatment::Distinct));
        for arg in &list.args {
            self.function_arg(arg, name, distinct, clause)?;
        }
        for part in &list.clauses {
            match part {
                FunctionArgumentClause::OrderBy(list) => {
                    self.sort_list(list, None, "ORDER BY")?;
                }
                FunctionArgumentClause::JsonNullClause(_)
                | FunctionArgumentClause::JsonReturningClause(_) => {}
                _ => return Err(syntax("a clause of a function call")),
            }
        }
        Ok(())
    }

    fn function_arg(&mut self, arg: &FunctionArg, name: &str, distinct: bool, clause: &str) -> Planned<()> {
        let (FunctionArg::Named { arg, .. } | FunctionArg::ExprNamed { arg, .. } | FunctionArg::Unnamed(arg)) =
            arg;
        match arg {
            FunctionArgExpr::Wildcard => Ok(()),
            FunctionArgExpr::Expr(expr) if name == "count" && distinct => self.distinct_arg(expr, clause),
            FunctionArgExpr::Expr(expr) => match self.expr(expr)? {
                // An envelope is NULL exactly where its value is.
                Val::Open(_) | Val::Nested(_) if name == "count" => Ok(()),
                Val::Column(value) if name == "count" => self.represent_unseen(value),
                Val::Column(value)
                    if matches!(name, "bool_and" | "bool_or" | "every") && value.column.ty == Type::Bool =>
                {
                    self.bool_arg(value, clause)
                }
                value => self.settle_plain(value, clause),
            },
            FunctionArgExpr::QualifiedWildcard(name) => {
                let (parts, token) = object_name(name)?;
                let table = parts.last().map(String::as_str).unwrap_or_default();
                let (_, _, item) = scope::item(&self.frames, None, table).map_err(|d| d.at(Some(token)))?;
                if item.holds_encrypted() {
                    return Err(unsupported(
                        format!("a whole row with encrypted columns in {clause}"),
                        "Name the columns.",
                    )
                    .at(Some(token)));
                }
                Ok(())
            }
            FunctionArgExpr::WildcardWithOptions(_) => Err(syntax("a wildcard")),
        }
    }

    /// A window's PARTITION BY, ORDER BY and frame.
    pub fn window(&mut self, spec: &sqlparser::ast::WindowSpec) -> Planned<()> {
        use sqlparser::ast::WindowFrameBound as Bound;
        for expr in &spec.partition_by {
            match self.expr(expr)? {
                Val::Column(value) if value.casts.is_empty() => self.term(value, "PARTITION BY")?,
                value => self.settle_plain(value, "PARTITION BY")?,
            }
        }
        self.window_order(spec)?;
        if let Some(frame) = &spec.window_frame {
            for bound in [Some(&frame.start_bound), frame.end_bound.as_ref()].into_iter().flatten() {
                if let Bound::Preceding(Some(expr)) | Bound::Following(Some(expr)) = bound {
                    self.plain(expr, "a window's frame")?;
                }
            }
        }
        Ok(())
    }
}

/// The arguments of a call that has nothing but expressions.
pub(super) fn plain_args(function: &sqlparser::ast::Function) -> Option<Vec<&Expr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let bare = list.duplicate_treatment.is_none()
        && list.clauses.is_empty()
        && function.filter.is_none()
        && function.over.is_none()
        && function.within_group.is_empty()
        && matches!(function.parameters, FunctionArguments::None);
    let expressions = list.args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    });
    if bare { expressions.collect() } else { None }
}

/// Whether it is `ROW (…)` of this many entries.
pub(super) fn is_row(function: &sqlparser::ast::Function, entries: usize) -> bool {
    let name = object_name(&function.name).map(|(parts, _)| parts);
    name.is_ok_and(|parts| parts == ["row"]) && plain_args(function).is_some_and(|args| args.len() == entries)
}
