//! Queries: WITH, set operations, SELECT and its clauses.

use sqlparser::ast::{
    LimitClause, NamedWindowExpr, OrderBy, Query, Select, SelectFlavor, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, Spanned, WildcardAdditionalOptions, With,
};

use super::consts::Extent;
use super::edits::Part;
use super::expr::{Val, ident, object_name};
use super::names::figure_name;
use super::parse::index_of;
use super::plan::Output;
use super::planner::{CteScope, Planner, open};
use super::refuse::{Draft, Planned, column_in, syntax, unsupported};
use super::scope::{self, Frame, ScopeColumn};

/// An output column of a query.
#[derive(Clone, Debug)]
pub(super) struct OutColumn {
    pub name: String,
    pub value: Val,
}

/// What a query gives.
#[derive(Clone, Debug, Default)]
pub(super) struct Outputs {
    pub columns: Vec<OutColumn>,
    /// There may be columns that are not known.
    pub open: bool,
}

impl Outputs {
    pub fn push(&mut self, name: impl Into<String>, value: Val) {
        self.columns.push(OutColumn { name: name.into(), value });
    }

    /// The first encrypted output.
    pub fn encrypted(&self) -> Option<&super::expr::ColumnVal> {
        self.columns.iter().find_map(|c| c.value.column())
    }
}

impl Planner<'_> {
    /// A query with all its clauses. Constants among its outputs stay open.
    pub fn query(&mut self, query: &Query) -> Planned<Outputs> {
        let foreign = query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty();
        if foreign {
            return Err(syntax("a clause of a query").at(index_of(query.span())));
        }
        self.writes |= !query.locks.is_empty();
        let ctes = self.ctes.len();
        if let Some(with) = &query.with {
            self.with(with)?;
        }
        let order = query.order_by.as_ref();
        let outputs = match &*query.body {
            SetExpr::Select(select) => self.select(select, order)?,
            body => {
                let outputs = self.set_expr(body)?;
                if let Some(order) = order {
                    self.order_by(order, &outputs)?;
                }
                outputs
            }
        };
        match &query.limit_clause {
            None => {}
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
                for expr in limit.iter().chain(offset.as_ref().map(|o| &o.value)) {
                    self.plain(expr, "LIMIT or OFFSET")?;
                }
            }
            Some(_) => return Err(syntax("LIMIT")),
        }
        if let Some(quantity) = query.fetch.as_ref().and_then(|f| f.quantity.as_ref()) {
            self.plain(quantity, "FETCH")?;
        }
        self.ctes.truncate(ctes);
        Ok(outputs)
    }

    pub fn set_expr(&mut self, body: &SetExpr) -> Planned<Outputs> {
        match body {
            SetExpr::Select(select) => self.select(select, None),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { .. } => self.set_operation(body, None),
            SetExpr::Values(values) => {
                let mut outputs = Outputs::default();
                let mut columns: Vec<Vec<Val>> = Vec::new();
                for row in &values.rows {
                    columns.resize_with(columns.len().max(row.content.len()), Vec::new);
                    for (column, expr) in columns.iter_mut().zip(&row.content) {
                        column.push(self.expr(expr)?);
                    }
                }
                for (n, column) in columns.into_iter().enumerate() {
                    let value = self.open_column(column, "VALUES")?;
                    outputs.push(format!("column{}", n + 1), value);
                }
                Ok(outputs)
            }
            SetExpr::Insert(statement) | SetExpr::Update(statement) | SetExpr::Delete(statement) => {
                self.dml(statement)
            }
            SetExpr::Merge(_) => Err(unsupported("MERGE", "Use INSERT … ON CONFLICT, or UPDATE and INSERT.")),
            SetExpr::Table(_) => Err(unsupported("TABLE", "Write SELECT * FROM the table.")),
        }
    }

    fn with(&mut self, with: &With) -> Planned<()> {
        for cte in &with.cte_tables {
            if cte.from.is_some() {
                return Err(syntax("WITH"));
            }
            let name = ident(&cte.alias.name)?;
            let mut aliases = Vec::new();
            for column in &cte.alias.columns {
                aliases.push(ident(&column.name)?);
            }
            let outputs = match &*cte.query.body {
                SetExpr::SetOperation { left, op, set_quantifier, right }
                    if with.recursive && self.mentions(&cte.query, &name) =>
                {
                    let outer = self.ctes.len();
                    if let Some(inner) = &cte.query.with {
                        self.with(inner)?;
                    }
                    let mut first = self.set_expr(left)?;
                    self.open_outputs(&mut first)?;
                    let columns = self.scope_columns(&first, &aliases)?;
                    self.ctes.push(CteScope { name: name.clone(), columns, open: first.open });
                    let second = self.set_expr(right)?;
                    self.ctes.truncate(outer);
                    self.recursive_union(first, second, *op, *set_quantifier)?
                }
                _ => self.query(&cte.query)?,
            };
            let columns = self.scope_columns(&outputs, &aliases)?;
            self.ctes.push(CteScope { name, columns, open: outputs.open });
        }
        Ok(())
    }

    /// The columns that a subquery or CTE brings into scope.
    pub fn scope_columns(&mut self, outputs: &Outputs, aliases: &[String]) -> Planned<Vec<ScopeColumn>> {
        let mut columns = Vec::with_capacity(outputs.columns.len());
        for (index, column) in outputs.columns.iter().enumerate() {
            let held = self.passed_on(&column.value)?;
            let name = aliases.get(index).unwrap_or(&column.name).clone();
            columns.push(ScopeColumn { name, held, bare: true });
        }
        Ok(columns)
    }

    /// A SELECT up to its ORDER BY.
    fn select(&mut self, select: &Select, order: Option<&OrderBy>) -> Planned<Outputs> {
        let first = index_of(select.select_token.0.span);
        check_select(select).map_err(|draft| draft.at(first))?;
        self.frames.push(Frame::default());
        self.read_from(&select.from)?;
        self.begin_grouping(select)?;
        let alone = self.extreme_alone(select);
        let mut outputs = match &alone {
            Some(alone) => self.alone_output(alone),
            None => self.select_list(&select.projection)?,
        };
        self.name_merged(select)?;
        self.in_groups(false);
        if let Some(condition) = &select.selection {
            let refined = self.refinements.len();
            self.condition(condition, "WHERE")?;
            self.narrow(condition, refined);
        }
        if let Some(alone) = alone {
            self.turn_alone(&alone, select)?;
        }
        self.decide(select, order, &mut outputs)?;
        self.group(select, &mut outputs)?;
        if let Some(condition) = &select.having {
            self.condition(condition, "HAVING")?;
        }
        for window in &select.named_window {
            match &window.1 {
                NamedWindowExpr::WindowSpec(spec) => self.window(spec)?,
                NamedWindowExpr::NamedWindow(_) => return Err(syntax("WINDOW").at(first)),
            }
        }
        self.distinct(select, &outputs, order.is_some())?;
        if let Some(order) = order {
            self.order_by(order, &outputs)?;
        }
        self.finish_grouping(select)?;
        self.frames.pop();
        Ok(outputs)
    }

    /// A select list, or RETURNING.
    pub fn select_list(&mut self, list: &[SelectItem]) -> Planned<Outputs> {
        let mut outputs = Outputs::default();
        for item in list {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let name = figure_name(expr).unwrap_or_else(|| "?column?".to_owned());
                    let value = self.output_value(expr, Some(&name))?;
                    outputs.push(name, value);
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let name = ident(alias)?;
                    let value = self.output_value(expr, None)?;
                    outputs.push(name, value);
                }
                SelectItem::Wildcard(options) => {
                    let token = wildcard(options)?;
                    let columns = self.star_locations();
                    let unknown = |f: &Frame| f.items.iter().any(|i| i.open && !i.hidden);
                    outputs.open |= self.frames.last().is_some_and(unknown);
                    let extent = token.map(|token| Extent { first: token, last: token });
                    self.star(&mut outputs, &columns, extent)?;
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    let last = wildcard(options)?;
                    let (parts, token) = object_name(name)?;
                    let (schema, table) = match parts.as_slice() {
                        [table] => (None, table),
                        [.., schema, table] => (Some(schema.as_str()), table),
                        [] => return Err(syntax("a wildcard")),
                    };
                    let found = scope::item(&self.frames, schema, table).map_err(|d| d.at(Some(token)))?;
                    let columns = super::columns::item_locations(found.0, found.1, found.2.columns.len());
                    outputs.open |= found.2.open;
                    let extent = last.map(|last| Extent { first: token, last });
                    self.star(&mut outputs, &columns, extent)?;
                }
                other => return Err(syntax("a select list").at(index_of(other.span()))),
            }
        }
        Ok(outputs)
    }

    /// Outputs that must hold nothing encrypted.
    pub fn settle_outputs(&mut self, outputs: Outputs, clause: &str) -> Planned<()> {
        outputs.columns.into_iter().try_for_each(|column| self.settle_plain(column.value, clause))
    }

    /// Outputs that nobody looks at (EXISTS).
    pub fn settle_ignored(&mut self, outputs: Outputs) {
        for value in outputs.columns.into_iter().flat_map(|c| c.value.alternatives()) {
            match value {
                Val::Const(value) => self.plain_const(&value),
                Val::Computed(computed) => self.replace(computed.extent, vec![Part::Text("NULL".to_owned())]),
                _ => {}
            }
        }
    }

    /// The outputs of the whole statement.
    pub fn final_outputs(&mut self, outputs: Outputs) -> Planned<Vec<Output>> {
        if outputs.open && outputs.encrypted().is_some() {
            return Err(unsupported(
                "* over a function whose columns are not known, next to encrypted columns,",
                "Name the columns, or give the function's alias a column list.",
            ));
        }
        let mut list = Vec::with_capacity(outputs.columns.len());
        for column in outputs.columns {
            let value = match self.resolved(column.value) {
                Val::Column(value) => value,
                Val::Choice(choice) => {
                    list.push(self.choice_output(choice)?);
                    continue;
                }
                Val::Nested(value) => {
                    list.push(value.output());
                    continue;
                }
                Val::Computed(computed) => {
                    list.push(self.computed_output(*computed)?);
                    continue;
                }
                other => {
                    self.settle_plain(other, "the select list")?;
                    list.push(Output::Plain);
                    continue;
                }
            };
            let casts = self.output_casts(&value)?;
            self.remove_casts(&value);
            list.push(open(&value.as_held(), casts));
        }
        Ok(super::planner::outputs_or_none(list))
    }

    /// A subquery as a value.
    pub fn scalar_subquery(&mut self, query: &Query) -> Planned<Val> {
        let mut outputs = self.query(query)?;
        if outputs.columns.len() == 1 {
            let output = outputs.columns.pop().map_or(Val::Plain, |c| c.value);
            let place = self.parentheses_around(query);
            return self.passed_out(&output, place);
        }
        self.settle_outputs(outputs, "a subquery")?;
        Ok(Val::Plain)
    }

    /// `left IN (SELECT …)` and its like.
    pub fn in_subquery(&mut self, left: Val, query: &Query) -> Planned<()> {
        let mut outputs = self.query(query)?;
        if outputs.columns.len() != 1 || outputs.open {
            if let Val::Column(value) = &left {
                return Err(column_in(&value.column, "IN (subquery)").at(value.extent.map(|e| e.first)));
            }
            self.settle_plain(left, "IN (subquery)")?;
            return self.settle_outputs(outputs, "IN (subquery)");
        }
        let right = outputs.columns.pop().map_or(Val::Plain, |c| c.value);
        match right {
            Val::Open(values) if matches!((&left, &*query.body), (Val::Column(_), SetExpr::Values(_))) => {
                let Val::Column(column) = left else { return Ok(()) };
                self.open_compared(&values, &column.column)?;
                self.term(column, "IN (subquery)")
            }
            Val::Column(right) if right.place.is_none() => self.in_whole(left, right, query, "IN (subquery)"),
            right => self.equate(left, right, "IN (subquery)"),
        }
    }
}

/// Clauses that are other dialects' would hide expressions from the planner.
pub(super) fn check_select(select: &Select) -> Planned<()> {
    if select.into.is_some() {
        return Err(unsupported("SELECT INTO", "Create the table first, then INSERT … SELECT."));
    }
    let foreign = select.select_modifiers.is_some()
        || select.top.is_some()
        || select.exclude.is_some()
        || !select.lateral_views.is_empty()
        || select.prewhere.is_some()
        || !select.connect_by.is_empty()
        || !select.cluster_by.is_empty()
        || !select.distribute_by.is_empty()
        || !select.sort_by.is_empty()
        || select.qualify.is_some()
        || select.value_table_mode.is_some()
        || select.flavor != SelectFlavor::Standard;
    if foreign { Err(syntax("a clause of SELECT")) } else { Ok(()) }
}

fn wildcard(options: &WildcardAdditionalOptions) -> Planned<Option<usize>> {
    let token = index_of(options.wildcard_token.0.span);
    let foreign = options.opt_ilike.is_some()
        || options.opt_exclude.is_some()
        || options.opt_except.is_some()
        || options.opt_replace.is_some()
        || options.opt_rename.is_some()
        || options.opt_alias.is_some();
    if foreign { Err(Draft::at(syntax("a wildcard"), token)) } else { Ok(token) }
}
