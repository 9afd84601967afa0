//! INSERT, UPDATE and DELETE.

use sqlparser::ast::{
    Assignment, AssignmentTarget, ConflictTarget, Delete, Expr, FromTable, Insert, ObjectName, OnConflict,
    OnConflictAction, OnInsert, Query, SelectItem, SetExpr, Spanned, Statement, TableFactor, TableObject,
    TableWithJoins, Update, UpdateTableFromKind,
};

use super::consts::Extent;
use super::edits::Part;
use super::expr::{Val, ident, object_name};
use super::normalise;
use super::open::OpenVal;
use super::parse::index_of;
use super::planner::{Planner, param_number};
use super::query::Outputs;
use super::refuse::{Draft, Planned, column_in, full_name, syntax, unsupported};
use super::scope::{Frame, Item, ScopeColumn, relation_columns};
use crate::catalog::{Column, EncryptedColumn, Relation};
use crate::value::Type;

impl Planner<'_> {
    /// A data-modifying statement, or a query; gives what RETURNING gives.
    pub fn dml(&mut self, statement: &Statement) -> Planned<Outputs> {
        self.writes |= !matches!(statement, Statement::Query(_));
        match statement {
            Statement::Query(query) => self.query(query),
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            Statement::Merge(merge) => self.merge_into(merge),
            _ => Err(unsupported(
                "this statement over an encrypted table",
                "SELECT, INSERT, UPDATE and DELETE are.",
            )),
        }
    }

    fn insert(&mut self, insert: &Insert) -> Planned<Outputs> {
        let first = index_of(insert.insert_token.0.span);
        let foreign = insert.or.is_some()
            || insert.ignore
            || !insert.into
            || insert.overwrite
            || !insert.assignments.is_empty()
            || insert.partitioned.is_some()
            || !insert.after_columns.is_empty()
            || insert.has_table_keyword
            || insert.output.is_some()
            || insert.replace_into
            || insert.priority.is_some()
            || insert.insert_alias.is_some()
            || insert.settings.is_some()
            || insert.format_clause.is_some()
            || insert.multi_table_insert_type.is_some()
            || !insert.multi_table_into_clauses.is_empty()
            || !insert.multi_table_when_clauses.is_empty()
            || insert.multi_table_else_clause.is_some();
        let TableObject::TableName(name) = &insert.table else { return Err(syntax("INSERT").at(first)) };
        if foreign {
            return Err(syntax("INSERT").at(first));
        }
        let relation = self.target(name)?;
        let targets = self.insert_columns(&relation, &insert.columns)?;
        let explicit = !insert.columns.is_empty();
        if let Some(source) = &insert.source {
            self.insert_source(&relation, &targets, explicit, source)?;
        }
        let alias = match &insert.table_alias {
            Some(alias) => Some(ident(&alias.alias)?),
            None => None,
        };
        self.frames.push(Frame::default());
        self.push_target(&relation, alias)?;
        match &insert.on {
            Some(OnInsert::OnConflict(conflict)) => self.on_conflict(conflict, &relation)?,
            Some(_) => return Err(syntax("INSERT").at(first)),
            None => {}
        }
        let outputs = self.returning(insert.returning.as_deref())?;
        self.frames.pop();
        Ok(outputs)
    }

    /// The relation that is written to. Its name cannot be a CTE's.
    pub(super) fn target(&mut self, name: &ObjectName) -> Planned<Relation> {
        let (parts, token) = object_name(name)?;
        match parts.as_slice() {
            [table] => self.resolve_relation(None, table, token),
            [schema, table] | [_, schema, table] => self.resolve_relation(Some(schema), table, token),
            _ => Err(syntax("a table's name").at(Some(token))),
        }
    }

    /// Brings the written relation into scope.
    pub(super) fn push_target(&mut self, relation: &Relation, alias: Option<String>) -> Planned<()> {
        let schema = alias.is_none().then(|| relation.schema.clone());
        let name = Some(alias.unwrap_or_else(|| relation.name.clone()));
        let columns = relation_columns(relation);
        let star = self.push_item(Item { name, schema, columns, open: false, hidden: false })?;
        if let Some(frame) = self.frames.last_mut() {
            frame.star.extend(star);
        }
        Ok(())
    }

    pub(super) fn insert_columns(&self, relation: &Relation, names: &[ObjectName]) -> Planned<Vec<Column>> {
        if names.is_empty() {
            return Ok(relation.columns.clone());
        }
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            columns.push(self.target_column(relation, name)?);
        }
        Ok(columns)
    }

    fn target_column(&self, relation: &Relation, name: &ObjectName) -> Planned<Column> {
        let (parts, token) = object_name(name)?;
        let Some(column) = parts.first().and_then(|name| relation.column(name)) else {
            let shown = parts.first().map(String::as_str).unwrap_or_default();
            return Err(Draft::new(
                "42703",
                format!("column \"{shown}\" of relation \"{}\" does not exist", relation.name),
            )
            .at(Some(token)));
        };
        if parts.len() > 1 && (column.encrypted.is_some() || column.unmanaged.is_some()) {
            return Err(syntax("a target column").at(Some(token)));
        }
        Ok(column.clone())
    }

    fn insert_source(
        &mut self,
        relation: &Relation,
        targets: &[Column],
        explicit: bool,
        source: &Query,
    ) -> Planned<()> {
        if let SetExpr::Query(inner) = &*source.body {
            let bare = source.with.is_none()
                && source.order_by.is_none()
                && source.limit_clause.is_none()
                && source.fetch.is_none();
            if bare {
                return self.insert_source(relation, targets, explicit, inner);
            }
        }
        let SetExpr::Values(values) = &*source.body else {
            if self.bulk_insert(targets, source)? {
                return Ok(());
            }
            let outputs = self.query(source)?;
            return self.insert_query(targets, outputs);
        };
        if source.with.is_some()
            || source.order_by.is_some()
            || source.limit_clause.is_some()
            || source.fetch.is_some()
        {
            let clause = "INSERT … VALUES with WITH, ORDER BY or LIMIT";
            if targets.iter().any(|c| c.encrypted.is_some() || c.unmanaged.is_some()) {
                return Err(unsupported(clause, "Write the rows as plain VALUES."));
            }
            let outputs = self.query(source)?;
            return self.settle_outputs(outputs, "INSERT");
        }
        for row in &values.rows {
            let place = row.content.first().and_then(|e| index_of(e.span()));
            if row.content.len() > targets.len() {
                return Err(Draft::new("42601", "INSERT has more expressions than target columns").at(place));
            }
            if explicit && row.content.len() < targets.len() {
                return Err(Draft::new("42601", "INSERT has more target columns than expressions").at(place));
            }
            for (expr, column) in row.content.iter().zip(targets) {
                self.assign_expr(relation, column, expr)?;
            }
        }
        Ok(())
    }

    /// INSERT … SELECT: envelopes pass between columns of one type and key group.
    fn insert_query(&mut self, targets: &[Column], outputs: Outputs) -> Planned<()> {
        let protected = targets.iter().any(|c| c.encrypted.is_some() || c.unmanaged.is_some());
        if outputs.open && (protected || outputs.encrypted().is_some()) {
            return Err(unsupported(
                "INSERT … SELECT * from a function whose columns are not known",
                "Name the columns.",
            ));
        }
        for (index, output) in outputs.columns.into_iter().enumerate() {
            match targets.get(index) {
                Some(column) => self.assign(column, output.value)?,
                None => self.settle_plain(output.value, "INSERT")?,
            }
        }
        Ok(())
    }

    pub(super) fn assign_expr(&mut self, relation: &Relation, column: &Column, expr: &Expr) -> Planned<()> {
        if is_default(expr) {
            return Ok(());
        }
        let value = self.expr(expr)?;
        let place = index_of(expr.span());
        self.assign(column, value).map_err(|mut draft| {
            if draft.hint.is_none() {
                draft.hint = Some(format!("The target is column {} of {}.", column.name, relation.name));
            }
            draft.at(place)
        })
    }

    /// A value goes into a column.
    pub(super) fn assign(&mut self, column: &Column, value: Val) -> Planned<()> {
        if let Some(reason) = column.unmanaged {
            return Err(unsupported(
                format!("writing column {} of type pyrite.encrypted: {reason}; it", column.name),
                "Add the column to the configuration.",
            ));
        }
        let Some(target) = &column.encrypted else {
            return match value {
                Val::Choice(choice) => {
                    choice.values.into_iter().try_for_each(|value| self.assign(column, value))
                }
                Val::Column(value) => Err(unsupported(
                    format!(
                        "storing encrypted column {} in column {}, which is not encrypted,",
                        full_name(&value.column),
                        column.name
                    ),
                    "Encrypt the target column with the same type and key group.",
                )
                .at(value.extent.map(|e| e.first))),
                value => self.settle_plain(value, "an assignment"),
            };
        };
        match value {
            Val::Const(value) => self.seal_stored(value, target),
            Val::Null { extent, cast } => self.null(extent, cast),
            Val::Open(value) => self.open_stored(value, target),
            Val::Column(value) => {
                if let (Some(id), true) = (self.open_of(&value.column), value.casts.is_empty()) {
                    return self.open_stored(OpenVal::new(id, value.extent), target);
                }
                let from = &value.column;
                let kinds = |c: &EncryptedColumn| (c.equality, c.order, c.caseless, c.matching);
                if from.group != target.group || from.ty != target.ty || kinds(from) != kinds(target) {
                    return Err(unsupported(
                        format!(
                            "copying {} to {}, which differ in type, key group or search,",
                            full_name(from),
                            full_name(target)
                        ),
                        "Declare both columns alike and with one group, or copy through the application.",
                    )
                    .at(value.extent.map(|e| e.first)));
                }
                let text = |ty: Type| matches!(ty, Type::Text | Type::Varchar(None));
                let nothing =
                    |ty: Type| ty == from.ty || ty == from.ty.base() || (text(ty) && text(from.ty.base()));
                if !value.casts.iter().all(|cast| !cast.array && cast.ty.is_some_and(nothing)) {
                    return Err(column_in(from, "a cast").at(value.extent.map(|e| e.first)));
                }
                self.remove_casts(&value);
                Ok(())
            }
            Val::Choice(choice) => self.assign_choice(column, &target.clone(), choice),
            Val::Computed(computed) => Err(computed.refusal),
            Val::Plain | Val::Nested(_) => Err(unsupported(
                format!("an expression as value of encrypted column {}", full_name(target)),
                "Give a parameter, a literal, NULL, DEFAULT, or a column of its key group.",
            )),
        }
    }

    fn on_conflict(&mut self, conflict: &OnConflict, relation: &Relation) -> Planned<()> {
        match &conflict.conflict_target {
            Some(ConflictTarget::Columns(columns)) => {
                for column in columns {
                    let name = ident(column)?;
                    let token = index_of(column.span);
                    let encrypted = relation.column(&name).and_then(|c| c.encrypted.as_ref());
                    let (Some(encrypted), Some(token)) = (encrypted, token) else { continue };
                    if !encrypted.equality {
                        return Err(unsupported(
                            format!("ON CONFLICT on {}, which has no equality search,", full_name(encrypted)),
                            "Add \"equality\" to the column's search list in the configuration.",
                        )
                        .at(Some(token)));
                    }
                    // Behind VALUES the bare name can only be the target's column.
                    let function = encrypted.equality_function();
                    self.wrap(Extent { first: token, last: token }, function);
                }
                if let Some(last) = columns.last().and_then(|c| index_of(c.span)) {
                    self.conflict_predicate(relation, last + 1)?;
                }
            }
            Some(ConflictTarget::OnConstraint(name)) => {
                let (parts, token) = object_name(name)?;
                let name = parts.last().map(String::as_str).unwrap_or_default();
                self.on_constraint(relation, name, token)?;
            }
            None => {}
        }
        if let OnConflictAction::DoUpdate(update) = &conflict.action {
            let mut excluded: Vec<ScopeColumn> = relation_columns(relation);
            for column in &mut excluded {
                // Found by `excluded.column` only.
                column.bare = false;
            }
            let name = Some("excluded".to_owned());
            self.push_item(Item { name, schema: None, columns: excluded, open: false, hidden: false })?;
            self.assignments(relation, &update.assignments)?;
            if let Some(condition) = &update.selection {
                self.condition(condition, "ON CONFLICT … WHERE")?;
            }
            if let Some(frame) = self.frames.last_mut() {
                frame.items.pop();
            }
        }
        Ok(())
    }

    /// A constraint that is an index by now is named by what the index is over.
    fn on_constraint(&mut self, relation: &Relation, name: &str, token: usize) -> Planned<()> {
        if self.catalog.has_constraint(relation.oid, name) {
            return Ok(());
        }
        let words = token
            .checked_sub(2)
            .filter(|&i| self.tokens.is_word(i, "on") && self.tokens.is_word(i + 1, "constraint"));
        match (self.catalog.unique_index(relation.oid, name), words) {
            (Some(keys), Some(first)) => {
                let text = format!("({})", keys.join(", "));
                self.replace(Extent { first, last: token }, vec![Part::Text(text)]);
                Ok(())
            }
            _ => Err(Draft::new(
                "42704",
                format!("constraint \"{name}\" for table \"{}\" does not exist", relation.name),
            )
            .at(Some(token))),
        }
    }

    /// The predicate of a partial index behind a conflict's columns, which the parser was not shown.
    fn conflict_predicate(&mut self, relation: &Relation, close: usize) -> Planned<()> {
        let Some(range) = normalise::conflict_predicate(self.tokens, close) else { return Ok(()) };
        for index in range {
            let name = self.tokens.name(index).unwrap_or_default();
            let column = relation.column(&name);
            if let Some(encrypted) = column.and_then(|c| c.encrypted.as_ref())
                && !self.tokens.is_word(index + 1, "is")
            {
                return Err(column_in(encrypted, "the predicate of ON CONFLICT").at(Some(index)));
            }
            if let Some(number) = param_number(self.tokens.raw(index))
                && let Some(param) = self.params.get_mut(number - 1)
            {
                param.plain.get_or_insert(index);
            }
        }
        Ok(())
    }

    pub(super) fn assignments(&mut self, relation: &Relation, list: &[Assignment]) -> Planned<()> {
        for assignment in list {
            match &assignment.target {
                AssignmentTarget::ColumnName(name) => {
                    let column = self.target_column(relation, name)?;
                    self.assign_expr(relation, &column, &assignment.value)?;
                }
                AssignmentTarget::Tuple(names) => {
                    let mut columns = Vec::with_capacity(names.len());
                    for name in names {
                        columns.push(self.target_column(relation, name)?);
                    }
                    self.assign_row(relation, &columns, &assignment.value)?;
                }
            }
        }
        Ok(())
    }

    /// `SET (a, b) = (…, …)` or `= (SELECT …)`.
    fn assign_row(&mut self, relation: &Relation, columns: &[Column], value: &Expr) -> Planned<()> {
        match value {
            Expr::Tuple(values) if values.len() == columns.len() => {
                for (column, value) in columns.iter().zip(values) {
                    self.assign_expr(relation, column, value)?;
                }
                Ok(())
            }
            // ROW (…) is a call in the tree.
            Expr::Function(function) if super::function::is_row(function, columns.len()) => {
                let values = super::function::plain_args(function).unwrap_or_default();
                for (column, value) in columns.iter().zip(values) {
                    self.assign_expr(relation, column, value)?;
                }
                Ok(())
            }
            Expr::Nested(inner) if columns.len() == 1 => {
                columns.iter().try_for_each(|column| self.assign_expr(relation, column, inner))
            }
            Expr::Subquery(query) => {
                let outputs = self.query(query)?;
                self.insert_query(columns, outputs)
            }
            other => Err(syntax("a row assignment").at(index_of(other.span()))),
        }
    }

    /// The relation and alias of an UPDATE's or DELETE's target.
    fn target_table(&mut self, table: &TableWithJoins) -> Planned<(Relation, Option<String>)> {
        let TableFactor::Table { name, alias, args: None, sample: None, version: None, with_hints, .. } =
            &table.relation
        else {
            return Err(syntax("the target of the statement"));
        };
        if !table.joins.is_empty() || !with_hints.is_empty() {
            return Err(syntax("the target of the statement"));
        }
        let relation = self.target(name)?;
        let alias = match alias {
            Some(alias) if alias.columns.is_empty() => Some(ident(&alias.name)?),
            Some(_) => return Err(syntax("the target of the statement")),
            None => None,
        };
        Ok((relation, alias))
    }

    fn update(&mut self, update: &Update) -> Planned<Outputs> {
        let foreign = update.output.is_some()
            || update.or.is_some()
            || !update.order_by.is_empty()
            || update.limit.is_some();
        if foreign {
            return Err(syntax("UPDATE").at(index_of(update.update_token.0.span)));
        }
        let (relation, alias) = self.target_table(&update.table)?;
        self.frames.push(Frame::default());
        self.push_target(&relation, alias)?;
        match &update.from {
            Some(UpdateTableFromKind::AfterSet(from)) => self.read_from(from)?,
            Some(UpdateTableFromKind::BeforeSet(_)) => return Err(syntax("UPDATE")),
            None => {}
        }
        // In the order in which PostgreSQL analyses them: parameters get their types that way.
        if let Some(condition) = &update.selection {
            let refined = self.refinements.len();
            self.condition(condition, "WHERE")?;
            self.narrow(condition, refined);
        }
        let outputs = self.returning(update.returning.as_deref())?;
        self.assignments(&relation, &update.assignments)?;
        self.frames.pop();
        Ok(outputs)
    }

    fn delete(&mut self, delete: &Delete) -> Planned<Outputs> {
        let first = index_of(delete.delete_token.0.span);
        let foreign = !delete.tables.is_empty()
            || delete.output.is_some()
            || !delete.order_by.is_empty()
            || delete.limit.is_some();
        let FromTable::WithFromKeyword(tables) = &delete.from else {
            return Err(syntax("DELETE").at(first));
        };
        let [table] = tables.as_slice() else { return Err(syntax("DELETE").at(first)) };
        if foreign {
            return Err(syntax("DELETE").at(first));
        }
        let (relation, alias) = self.target_table(table)?;
        self.frames.push(Frame::default());
        self.push_target(&relation, alias)?;
        if let Some(using) = &delete.using {
            self.read_from(using)?;
        }
        if let Some(condition) = &delete.selection {
            let refined = self.refinements.len();
            self.condition(condition, "WHERE")?;
            self.narrow(condition, refined);
        }
        let outputs = self.returning(delete.returning.as_deref())?;
        self.frames.pop();
        Ok(outputs)
    }

    fn returning(&mut self, list: Option<&[SelectItem]>) -> Planned<Outputs> {
        list.map_or_else(|| Ok(Outputs::default()), |list| self.select_list(list))
    }
}

/// The keyword DEFAULT, which the tree has as a name.
fn is_default(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(name) if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("default"))
}
