//! The state of planning one statement, and how it becomes a plan.

use std::ops::Range;
use std::sync::Arc;

use super::consts::{Const, Extent, Leaf};
use super::edits::{Edits, Part};
use super::lexer::{Kind, Tokens};
use super::plan::{Output, Param, Piece, Refinement, Role, Slot, Source, Special};
use super::refine::{self, RefinementDraft};
use super::refuse::{Draft, Planned, no_relation, unsupported};
use super::scope::Frame;
use crate::catalog::{Catalog, Environment, Relation};
use crate::value::Type;

/// What a statement is planned for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Parse of the extended protocol: parameters carry what is sealed.
    Extended,
    /// Simple query: there are no parameters.
    Simple,
    /// A view's stored definition: only what passes through is allowed.
    View,
}

/// A slot before numbering.
#[derive(Clone, Debug)]
pub(super) struct SlotDraft {
    pub source: Source,
    pub ty: Option<Type>,
    pub casts: Vec<Type>,
    pub role: Role,
}

/// What is known of a client parameter.
#[derive(Clone, Debug, Default)]
pub(super) struct ParamDraft {
    /// Used as it is, at this token.
    pub plain: Option<usize>,
    /// `$1 IS NULL`: works on the sealed value as well.
    pub null_tests: Vec<Extent>,
    pub slots: Vec<usize>,
    /// The type (and whether it is an array of it) that its first use gave it.
    pub inferred: Option<(Type, bool)>,
    /// Used in formulas, with this type.
    pub computed: Option<Type>,
}

/// A common table expression in scope.
#[derive(Clone, Debug)]
pub(super) struct CteScope {
    pub name: String,
    pub columns: Vec<super::scope::ScopeColumn>,
    pub open: bool,
}

pub(super) struct Planner<'a> {
    pub tokens: &'a Tokens<'a>,
    pub range: Range<usize>,
    pub catalog: &'a Catalog,
    pub environment: &'a Environment,
    pub mode: Mode,
    /// The text is a definition as the server keeps it.
    pub stored: bool,
    pub announced: &'a [u32],
    pub edits: Edits,
    pub slots: Vec<SlotDraft>,
    pub params: Vec<ParamDraft>,
    pub frames: Vec<Frame>,
    pub ctes: Vec<CteScope>,
    /// Columns of constants.
    pub open: Vec<super::open::OpenColumn>,
    /// Something protected is used.
    pub protected: bool,
    /// OIDs of the relations that are used.
    pub relations: Vec<u32>,
    /// Conditions that the session decides on.
    pub refinements: Vec<RefinementDraft>,
    /// It changes or locks rows.
    pub writes: bool,
}

/// A finished statement: ranges are into the whole text.
#[derive(Default)]
pub(super) struct Finished {
    pub pieces: Vec<Piece>,
    pub slots: Vec<Slot>,
    pub params: Vec<Param>,
    pub outputs: Vec<Output>,
    pub refinements: Vec<Refinement>,
    /// Schema and name of the indexes that it makes.
    pub indexes: Vec<(String, String)>,
    /// Nothing was changed and nothing is to be opened.
    pub unchanged: bool,
    /// What only some statements have.
    pub special: Special,
}

impl<'a> Planner<'a> {
    /// For the statement in tokens `range`.
    pub fn new(
        tokens: &'a Tokens<'a>,
        range: Range<usize>,
        catalog: &'a Catalog,
        environment: &'a Environment,
        mode: Mode,
        announced: &'a [u32],
    ) -> Planned<Planner<'a>> {
        let mut count = announced.len();
        for index in range.clone().filter(|&i| tokens.kind(i) == Some(Kind::Param)) {
            let number = param_number(tokens.raw(index)).filter(|_| mode == Mode::Extended);
            let Some(number) = number else {
                return Err(Draft::new("42P02", format!("there is no parameter {}", tokens.raw(index)))
                    .at(Some(index)));
            };
            count = count.max(number);
        }
        Ok(Planner {
            tokens,
            range,
            catalog,
            environment,
            mode,
            stored: false,
            announced,
            edits: Edits::default(),
            slots: Vec::new(),
            params: vec![ParamDraft::default(); count],
            frames: Vec::new(),
            ctes: Vec::new(),
            open: Vec::new(),
            protected: false,
            relations: Vec::new(),
            refinements: Vec::new(),
            writes: false,
        })
    }

    /// Replaces tokens.
    pub fn replace(&mut self, extent: Extent, parts: Vec<Part>) {
        let span = self.tokens.start(extent.first)..self.tokens.end(extent.last);
        self.edits.replace(span, parts);
    }

    /// Puts a function call around tokens.
    pub fn wrap(&mut self, extent: Extent, function: &str) {
        self.edits.before(self.tokens.start(extent.first), format!("{function}("));
        self.edits.after(self.tokens.end(extent.last), ")");
    }

    /// Notes that a parameter goes as it came.
    pub fn plain_const(&mut self, value: &Const) {
        if let Leaf::Param(index) = value.leaf {
            let token = value.extent.map_or(self.range.start, |e| e.first);
            if let Some(param) = self.params.get_mut(index) {
                param.plain.get_or_insert(token);
            }
        }
    }

    /// Looks a relation up as PostgreSQL does, and writes its schema where the name alone could come to
    /// mean another one. `token` is the name's first.
    pub fn resolve_relation(&mut self, schema: Option<&str>, name: &str, token: usize) -> Planned<Relation> {
        let shown = schema.map_or(name.to_owned(), |s| format!("{s}.{name}"));
        let missing = || no_relation(&shown).at(Some(token));
        let relation = match schema {
            Some("pg_temp") => self.environment.temporary(name),
            Some(s) if s.starts_with("pg_temp_") => self.environment.temporary(name),
            Some(schema) => self.catalog.relation(schema, name),
            None => {
                let relation = self.search(name).ok_or_else(missing)?;
                if self.catalog.supplants(relation) {
                    return Err(supplanted(relation).at(Some(token)));
                }
                if self.catalog.is_protected_name(name) {
                    let schema = quote_identifier(&relation.schema);
                    self.edits.before(self.tokens.start(token), format!("{schema}."));
                }
                Some(relation)
            }
        };
        let relation = relation.ok_or_else(missing)?;
        if let Some(reason) = &relation.unusable {
            return Err(unsupported(
                format!("the use of {}.{}, because {reason}", relation.schema, relation.name),
                relation.remedy(),
            )
            .at(Some(token)));
        }
        self.protected |= relation.is_protected();
        self.relations.push(relation.oid);
        Ok(relation.clone())
    }

    fn search(&self, name: &str) -> Option<&'a Relation> {
        let explicit = self.environment.path().iter().any(|s| s.starts_with("pg_temp"));
        if !explicit && let Some(relation) = self.environment.temporary(name) {
            return Some(relation);
        }
        self.environment.path().iter().find_map(|schema| {
            if schema.starts_with("pg_temp") {
                self.environment.temporary(name)
            } else {
                self.catalog.relation(schema, name)
            }
        })
    }

    /// Turns what was found into numbers and text.
    pub fn finish(mut self, outputs: Vec<Output>) -> Planned<Finished> {
        self.settle_open()?;
        self.settle_params()?;
        let placed = self.place_refinements()?;
        let reads = self.only_reads();
        let unchanged = self.edits.is_empty() && outputs.is_empty();
        let whole = self.tokens.start(self.range.start)..self.statement_end();
        let mut next = self.params.len();
        let mut slots: Vec<Slot> = Vec::with_capacity(self.slots.len());
        for (index, draft) in self.slots.into_iter().enumerate() {
            let first_of = |p: usize| self.params.get(p).and_then(|d| d.slots.first()) == Some(&index);
            let number = match draft.source {
                Source::Param(param) if first_of(param) => param + 1,
                _ => {
                    next += 1;
                    next
                }
            };
            let server_param = match (u16::try_from(number), self.mode) {
                (_, Mode::Simple) => 0,
                (Ok(number), _) => number,
                (Err(_), _) => {
                    return Err(Draft::new("54023", "the statement needs more than 65535 parameters")
                        .hint("Send fewer rows or literals at a time."));
                }
            };
            slots.push(Slot {
                source: draft.source,
                source_type: draft.ty,
                casts: draft.casts,
                role: draft.role,
                server_param,
            });
        }
        let params = self.params.iter().enumerate().map(|(index, draft)| {
            let announced = self.announced.get(index).copied().unwrap_or(0);
            let inferred = draft.inferred.map(|(ty, array)| if array { ty.array_oid() } else { ty.oid() });
            let shown = if announced == 0 || announced == 705 { inferred } else { Some(announced) };
            let hidden = draft.slots.is_empty() && draft.computed.is_some();
            let type_oid = shown.filter(|_| !draft.slots.is_empty() || hidden);
            Param { type_oid, announced, slots: draft.slots.clone(), hidden }
        });
        let params = params.collect();
        let Some(pieces) = self.edits.pieces(whole) else {
            return Err(unsupported("this statement", "Write it in a simpler form."));
        };
        let special = Special::default();
        let refinements = refine::number(placed, &slots, reads);
        let indexes = Vec::new();
        Ok(Finished { pieces, slots, params, outputs, refinements, indexes, unchanged, special })
    }

    /// Whether the statement changes and locks nothing, and may stand in a block of its own.
    fn only_reads(&self) -> bool {
        let first = self.range.start;
        let reads =
            ["select", "with", "values", "explain"].iter().any(|word| self.tokens.is_word(first, word));
        (reads || self.tokens.is_sign(first, "(")) && !self.writes
    }

    /// Byte offset behind the statement's last token.
    fn statement_end(&self) -> usize {
        self.range.end.checked_sub(1).map_or(0, |last| self.tokens.end(last))
    }

    /// A parameter is sealed everywhere or nowhere.
    fn settle_params(&mut self) -> Planned<()> {
        let mut replaced = Vec::new();
        for (index, param) in self.params.iter().enumerate() {
            let slot = param.slots.first();
            if slot.is_none() && param.computed.is_none() {
                continue;
            }
            let test = param.null_tests.first().filter(|_| slot.is_none());
            if param.plain.is_some() || test.is_some() {
                return Err(unsupported(
                    format!("parameter ${} for both an encrypted column and a plain expression", index + 1),
                    "Pass the value twice, as two parameters.",
                )
                .at(param.plain.or(test.map(|extent| extent.first))));
            }
            let Some(slot) = slot else { continue };
            replaced.extend(param.null_tests.iter().map(|extent| (*extent, *slot)));
        }
        for (extent, slot) in replaced {
            self.replace(extent, vec![Part::Slot(slot)]);
        }
        Ok(())
    }
}

fn supplanted(relation: &Relation) -> Box<Draft> {
    unsupported(
        format!(
            "the name {} alone, which leads to {}.{} here",
            relation.name, relation.schema, relation.name
        ),
        "\"enforce\" in the configuration demands that it means the configured table: write the schema before the name, \
         or set search_path so that it is found.",
    )
}

/// `$12` is 12.
pub(super) fn param_number(raw: &str) -> Option<usize> {
    raw.get(1..)?.parse::<usize>().ok().filter(|n| (1..=65535).contains(n))
}

/// A stored name as SQL text.
pub(super) fn quote_identifier(name: &str) -> String {
    let plain = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if plain && !NOT_BARE.contains(&name) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// PostgreSQL's keywords that cannot stand for a relation, column or schema without quotes.
const NOT_BARE: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "merge_action",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

/// The outputs, or nothing if none is encrypted.
pub(super) fn outputs_or_none(list: Vec<Output>) -> Vec<Output> {
    if list.iter().any(Output::opens) { list } else { Vec::new() }
}

/// Shared by the rooms that build outputs.
pub(super) fn open(held: &super::scope::Held, casts: Vec<Type>) -> Output {
    match &held.encrypted {
        Some(column) => {
            // A cast to what it is already does nothing; the result is still the table's column.
            let casts = casts.into_iter().skip_while(|cast| *cast == column.ty).collect();
            Output::Open { column: Arc::clone(column), casts, origin: held.origin, shown: held.shown }
        }
        None => Output::Plain,
    }
}
