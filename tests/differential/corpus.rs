//! Reads the case files.

use std::path::Path;

/// The ways in which a statement can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Simple query; parameters written in as literals.
    Simple,
    /// Unnamed statement, text formats.
    Text,
    /// Unnamed statement, binary formats.
    Binary,
    /// Named statement, described, run twice.
    Prepared,
}

/// All modes, by the names that the files use.
pub const MODES: [(&str, Mode); 4] =
    [("simple", Mode::Simple), ("text", Mode::Text), ("binary", Mode::Binary), ("prepared", Mode::Prepared)];

/// One case: statements that run one after the other in one transaction, which is rolled back.
#[derive(Debug)]
pub struct Case {
    /// The file's name.
    pub category: String,
    /// What it is about.
    pub name: String,
    /// Where it is, for reports.
    pub place: String,
    /// In which modes it runs.
    pub modes: Vec<Mode>,
    /// On a connection of its own, outside a transaction.
    pub fresh: bool,
    /// Run after a fresh case, to leave the database as it was.
    pub undo: Vec<String>,
    /// The statements.
    pub steps: Vec<Step>,
}

/// One statement.
#[derive(Debug, Default)]
pub struct Step {
    /// Only prepares the ground: a simple query that must succeed.
    pub setup: bool,
    /// Its text.
    pub sql: String,
    /// Type OIDs to announce.
    pub types: Vec<u32>,
    /// Text form of its parameters; `None` is NULL.
    pub params: Vec<Option<String>>,
    /// What is sent when the server asks for COPY data.
    pub copy: Option<Vec<u8>>,
    /// Whether it ends with CopyFail.
    pub gives_up: bool,
    /// The modes in which Pyrite is known to refuse it with 0A000.
    pub refused: Vec<Mode>,
}

impl Case {
    /// "category: name".
    pub fn title(&self) -> String {
        format!("{}: {}", self.category, self.name)
    }

    /// How many statements are compared.
    pub fn compared(&self) -> usize {
        self.steps.iter().filter(|step| !step.setup).count()
    }
}

/// Reads all files of a folder.
pub fn load(folder: &Path) -> Vec<Case> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of cases")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    files.iter().flat_map(|path| parse(path)).collect()
}

fn parse(path: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(path).expect("a case file in UTF-8");
    let category = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut cases: Vec<Case> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let place = format!("{}:{}", path.file_name().unwrap_or_default().to_string_lossy(), index + 1);
        if let Some(name) = line.strip_prefix("--@ case ") {
            cases.push(Case {
                category: category.clone(),
                name: name.trim().to_string(),
                place,
                modes: MODES.iter().map(|(_, mode)| *mode).collect(),
                fresh: false,
                undo: Vec::new(),
                steps: vec![Step::default()],
            });
        } else if let Some(case) = cases.last_mut() {
            match line.strip_prefix("--@ ") {
                Some(directive) => apply(case, directive, &place),
                None => add_text(case, line),
            }
        }
    }
    for case in &mut cases {
        for step in &mut case.steps {
            step.sql.truncate(step.sql.trim_end().len());
        }
        case.steps.retain(|step| !step.sql.is_empty());
        assert!(case.compared() > 0, "{}: nothing is compared", case.place);
    }
    cases
}

fn add_text(case: &mut Case, line: &str) {
    let sql = &mut case.steps.last_mut().expect("a case has a step").sql;
    if !(sql.is_empty() && line.trim().is_empty()) {
        sql.push_str(line);
        sql.push('\n');
    }
}

fn apply(case: &mut Case, directive: &str, place: &str) {
    let (word, rest) = directive.split_once(' ').unwrap_or((directive, ""));
    let rest = rest.trim();
    let step = case.steps.last_mut().expect("a case has a step");
    match word {
        "modes" => case.modes = modes(rest, place),
        "fresh" => case.fresh = true,
        "undo" => case.undo.push(rest.to_string()),
        "setup" => case.steps.push(Step { setup: true, ..Step::default() }),
        "then" => case.steps.push(Step::default()),
        "types" => step.types = rest.split(',').map(|name| type_oid(name.trim(), place)).collect(),
        "$" => step.params.push(parameter(rest)),
        "copy" => {
            let data = step.copy.get_or_insert_default();
            data.extend_from_slice(parameter(rest).expect("COPY data is not NULL").as_bytes());
        }
        "line" => {
            let data = step.copy.get_or_insert_default();
            data.extend_from_slice(rest.as_bytes());
            data.push(b'\n');
        }
        "bytes" => {
            let digits: Vec<char> = rest.chars().filter(|c| !c.is_whitespace()).collect();
            let byte = |pair: &[char]| {
                u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hexadecimal digits")
            };
            step.copy.get_or_insert_default().extend(digits.chunks(2).map(byte));
        }
        "gives-up" => {
            step.copy.get_or_insert_default();
            step.gives_up = true;
        }
        "refused" => {
            let (list, reason) =
                rest.split_once(':').unwrap_or_else(|| panic!("{place}: refused MODES: reason"));
            assert!(!reason.trim().is_empty(), "{place}: a refusal needs its reason");
            step.refused = modes(list, place);
        }
        _ => panic!("{place}: unknown directive {word:?}"),
    }
}

fn modes(list: &str, place: &str) -> Vec<Mode> {
    if list.trim() == "all" {
        return MODES.iter().map(|(_, mode)| *mode).collect();
    }
    list.split(',')
        .map(|word| {
            let known = MODES.iter().find(|(name, _)| *name == word.trim());
            known.unwrap_or_else(|| panic!("{place}: unknown mode {word:?}")).1
        })
        .collect()
}

/// `\N` is NULL; `\n`, `\t` and `\\` stand for themselves; `xN` after a final `\*` repeats what is before it.
fn parameter(text: &str) -> Option<String> {
    if text == "\\N" {
        return None;
    }
    let (text, times) = match text.rsplit_once("\\*") {
        Some((text, times)) => (text, times.parse().expect("how often to repeat")),
        None => (text, 1),
    };
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some('s') => value.push(' '),
                Some('\\') => value.push('\\'),
                other => panic!("unknown escape \\{other:?} in a parameter"),
            },
            (c, false) => value.push(c),
        }
    }
    Some(value.repeat(times))
}

/// Types that clients announce, by name.
fn type_oid(name: &str, place: &str) -> u32 {
    // The catalog's own name of an array type.
    let array = name.strip_prefix('_').map(|element| format!("{element}[]"));
    match array.as_deref().unwrap_or(name) {
        "-" => 0,
        "bool" => 16,
        "bytea" => 17,
        "int8" => 20,
        "int2" => 21,
        "int4" => 23,
        "text" => 25,
        "json" => 114,
        "float4" => 700,
        "float8" => 701,
        "unknown" => 705,
        "int4[]" | "_int4" => 1007,
        "text[]" | "_text" => 1009,
        "varchar[]" | "_varchar" => 1015,
        "int8[]" | "_int8" => 1016,
        "char" => 1042,
        "varchar" => 1043,
        "date" => 1082,
        "time" => 1083,
        "timestamp" => 1114,
        "timestamptz" => 1184,
        "numeric" => 1700,
        "numeric[]" | "_numeric" => 1231,
        "uuid" => 2950,
        "uuid[]" | "_uuid" => 2951,
        "date[]" | "_date" => 1182,
        "jsonb" => 3802,
        _ => panic!("{place}: unknown type {name:?}"),
    }
}
