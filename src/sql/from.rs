//! The FROM clause: relations, subqueries, functions and joins become entries of a frame.

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, Spanned,
    TableAlias, TableFactor, TableWithJoins,
};

use super::expr::{Val, ident, object_name};
use super::parse::index_of;
use super::planner::Planner;
use super::refuse::{Planned, syntax, unsupported};
use super::scope::{Frame, Held, Item, ScopeColumn, relation_columns};

/// What `*` brings: entry and column, in order.
pub(super) type Star = Vec<(usize, usize)>;

/// Functions that give one column, named after the alias or the function.
const ONE_COLUMN: &[&str] = &[
    "generate_series",
    "generate_subscripts",
    "unnest",
    "regexp_split_to_table",
    "string_to_table",
    "json_array_elements",
    "json_array_elements_text",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "json_object_keys",
    "jsonb_object_keys",
    "now",
    "current_setting",
    "pg_backend_pid",
];

impl Planner<'_> {
    /// Reads a FROM list into the innermost frame.
    pub fn read_from(&mut self, list: &[TableWithJoins]) -> Planned<()> {
        for table in list {
            let star = self.table_with_joins(table)?;
            if let Some(frame) = self.frames.last_mut() {
                frame.star.extend(star);
            }
        }
        Ok(())
    }

    pub fn frame(&mut self) -> Planned<&mut Frame> {
        self.frames.last_mut().ok_or_else(|| syntax("FROM"))
    }

    /// Adds an entry; every column of it is in `*`.
    pub fn push_item(&mut self, item: Item) -> Planned<Star> {
        let frame = self.frame()?;
        let columns = item.columns.len();
        frame.items.push(item);
        let index = frame.items.len() - 1;
        Ok((0..columns).map(|column| (index, column)).collect())
    }

    fn table_with_joins(&mut self, table: &TableWithJoins) -> Planned<Star> {
        let start = self.frame()?.items.len();
        let mut star = self.factor(&table.relation)?;
        for join in &table.joins {
            let right = self.factor(&join.relation)?;
            star = self.join(join, start, star, right)?;
        }
        Ok(star)
    }

    fn join(&mut self, join: &Join, start: usize, left: Star, right: Star) -> Planned<Star> {
        let constraint = match &join.join_operator {
            JoinOperator::Join(c)
            | JoinOperator::Inner(c)
            | JoinOperator::Left(c)
            | JoinOperator::LeftOuter(c)
            | JoinOperator::Right(c)
            | JoinOperator::RightOuter(c)
            | JoinOperator::FullOuter(c)
            | JoinOperator::CrossJoin(c) => c,
            _ => return Err(syntax("a join")),
        };
        if join.global {
            return Err(syntax("a join"));
        }
        match constraint {
            JoinConstraint::None => Ok([left, right].concat()),
            JoinConstraint::On(condition) => {
                let before = std::mem::replace(&mut self.frame()?.from, start);
                self.condition(condition, "JOIN … ON")?;
                self.frame()?.from = before;
                Ok([left, right].concat())
            }
            JoinConstraint::Using(_) | JoinConstraint::Natural => self.using(join, constraint, left, right),
        }
    }

    pub(super) fn factor(&mut self, factor: &TableFactor) -> Planned<Star> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version: None,
                with_ordinality,
                partitions,
                json_path: None,
                sample: None,
                index_hints,
            } if with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty() => match args {
                None if !with_ordinality => self.relation(name, alias.as_ref()),
                None => Err(syntax("WITH ORDINALITY")),
                Some(args) if args.settings.is_none() => {
                    self.table_function(name, &args.args, alias.as_ref(), *with_ordinality)
                }
                Some(_) => Err(syntax("a function in FROM")),
            },
            TableFactor::Function { name, args, with_ordinality, alias, .. } => {
                self.table_function(name, args, alias.as_ref(), *with_ordinality)
            }
            TableFactor::UNNEST { alias, array_exprs, with_offset: false, with_ordinality, .. } => {
                let arrays: Vec<&Expr> = array_exprs.iter().collect();
                self.unnest(&arrays, alias.as_ref(), *with_ordinality)
            }
            TableFactor::Derived { lateral, subquery, alias, sample: None } => {
                self.frame()?.closed = !lateral;
                let outputs = self.query(subquery)?;
                self.frame()?.closed = false;
                let (name, aliases) = alias_of(alias.as_ref())?;
                let columns = self.scope_columns(&outputs, &aliases)?;
                self.push_item(Item { name, schema: None, columns, open: outputs.open, hidden: false })
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                self.nested_join(table_with_joins, alias.as_ref())
            }
            other => Err(syntax("an entry of FROM").at(index_of(other.span()))),
        }
    }

    /// `(a JOIN b …) AS j`: with an alias, only the join's columns are seen.
    fn nested_join(&mut self, tables: &TableWithJoins, alias: Option<&TableAlias>) -> Planned<Star> {
        let start = self.frame()?.items.len();
        let star = self.table_with_joins(tables)?;
        if alias.is_none() {
            return Ok(star);
        }
        let (name, aliases) = alias_of(alias)?;
        let frame = self.frame()?;
        let mut columns: Vec<ScopeColumn> = star
            .iter()
            .filter_map(|(item, column)| frame.items.get(*item)?.columns.get(*column).cloned())
            .collect();
        if frame.merged.iter().any(|merged| merged.is_in(start)) {
            return Err(unsupported("an alias for a join USING encrypted columns", "Join with ON."));
        }
        let open = frame.items.iter().skip(start).any(|item| item.open);
        for item in frame.items.iter_mut().skip(start) {
            item.hidden = true;
            item.open = false;
        }
        for (index, column) in columns.iter_mut().enumerate() {
            column.bare = true;
            if let Some(alias) = aliases.get(index) {
                column.name = alias.clone();
            }
        }
        self.push_item(Item { name, schema: None, columns, open, hidden: false })
    }

    /// A table, view or CTE by name.
    fn relation(&mut self, name: &ObjectName, alias: Option<&TableAlias>) -> Planned<Star> {
        let (parts, token) = object_name(name)?;
        let (alias_name, aliases) = alias_of(alias)?;
        let (schema, table) = match parts.as_slice() {
            [table] => (None, table),
            [schema, table] | [_, schema, table] => (Some(schema.as_str()), table),
            _ => return Err(syntax("a table's name").at(Some(token))),
        };
        let cte = self.ctes.iter().rev().find(|cte| schema.is_none() && cte.name == *table);
        let (mut columns, open, own_schema) = match cte {
            Some(cte) => (cte.columns.clone(), cte.open, None),
            None => {
                let relation = self.resolve_relation(schema, table, token)?;
                let frame = self.frame()?;
                frame.relations.push((frame.items.len(), relation.oid));
                (relation_columns(&relation), false, Some(relation.schema))
            }
        };
        for (column, alias) in columns.iter_mut().zip(aliases) {
            column.name = alias;
        }
        let schema = own_schema.filter(|_| alias_name.is_none());
        let name = alias_name.or_else(|| Some(table.clone()));
        self.push_item(Item { name, schema, columns, open, hidden: false })
    }

    fn table_function(
        &mut self,
        name: &ObjectName,
        args: &[FunctionArg],
        alias: Option<&TableAlias>,
        ordinality: bool,
    ) -> Planned<Star> {
        let (mut parts, token) = object_name(name)?;
        let name = parts.pop().unwrap_or_default();
        self.known_function(&name, token)?;
        if let (true, Some(arrays)) = (name == "unnest", expressions(args)) {
            return self.unnest(&arrays, alias, ordinality);
        }
        let clause = format!("function {name}");
        for arg in args {
            let (FunctionArg::Named { arg, .. }
            | FunctionArg::ExprNamed { arg, .. }
            | FunctionArg::Unnamed(arg)) = arg;
            let FunctionArgExpr::Expr(expr) = arg else { return Err(syntax("a function in FROM")) };
            self.plain(expr, &clause)?;
        }
        self.function_item(&name, args.len(), alias, ordinality)
    }

    /// `unnest(…)`: an array of constants gives a column of them.
    fn unnest(&mut self, arrays: &[&Expr], alias: Option<&TableAlias>, ordinality: bool) -> Planned<Star> {
        let mut open = Vec::with_capacity(arrays.len());
        for array in arrays {
            let value = self.expr(array)?;
            open.push(match self.open_array(&value, None) {
                Some(Val::Open(column)) => Some(column.id),
                _ => {
                    self.settle_plain(value, "UNNEST")?;
                    None
                }
            });
        }
        let star = self.function_item("unnest", arrays.len(), alias, ordinality)?;
        if let Some(item) = self.frame()?.items.last_mut() {
            for (column, open) in item.columns.iter_mut().zip(open) {
                column.held.open = open;
            }
        }
        Ok(star)
    }

    /// The entry of a function in FROM. Its columns are known where its alias or nature says so.
    fn function_item(
        &mut self,
        function: &str,
        args: usize,
        alias: Option<&TableAlias>,
        ordinality: bool,
    ) -> Planned<Star> {
        let typed = alias.is_some_and(|a| a.columns.iter().any(|c| c.data_type.is_some()));
        let (name, mut names) = alias_of(alias)?;
        let expected = if function == "unnest" { args } else { 1 } + usize::from(ordinality);
        let known = ONE_COLUMN.contains(&function);
        if known && names.len() < expected {
            let shown = name.clone().unwrap_or_else(|| function.to_owned());
            if names.is_empty() {
                names.push(if args > 1 && function == "unnest" { function.to_owned() } else { shown });
            }
            while names.len() < expected {
                let last = names.len() + 1 == expected && ordinality;
                names.push(if last { "ordinality" } else { "unnest" }.to_owned());
            }
        }
        let open = !(typed || (known && names.len() == expected));
        let columns =
            names.into_iter().map(|name| ScopeColumn { name, held: Held::default(), bare: true }).collect();
        let name = name.or_else(|| Some(function.to_owned()));
        self.push_item(Item { name, schema: None, columns, open, hidden: false })
    }
}

/// The arguments of a call that has nothing but expressions.
fn expressions(args: &[FunctionArg]) -> Option<Vec<&Expr>> {
    let expression = |arg| match arg {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expr)) => Some(expr),
        _ => None,
    };
    args.iter().map(expression).collect()
}

/// An alias: its name and its column names.
pub(super) fn alias_of(alias: Option<&TableAlias>) -> Planned<(Option<String>, Vec<String>)> {
    let Some(alias) = alias else { return Ok((None, Vec::new())) };
    if alias.at.is_some() {
        return Err(syntax("an alias"));
    }
    let names: Vec<&Ident> = alias.columns.iter().map(|c| &c.name).collect();
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        columns.push(ident(name)?);
    }
    Ok((Some(ident(&alias.name)?), columns))
}
