//! Statements as trees, which can be written out in each protocol and made smaller.

use crate::kind::Kind;

/// A part of a statement.
#[derive(Clone, Debug)]
pub enum Node {
    /// SQL as it is.
    Text(String),
    /// A value, as a literal or a parameter.
    Value(Constant),
    /// One behind the other.
    All(Vec<Node>),
    /// Parts with a separator between them. Each may go as long as so many are left; what stands before and behind goes
    /// with the last one.
    List { before: String, items: Vec<Node>, separator: &'static str, after: String, least: usize },
    /// The first; any of the others would do in its place.
    Either(Vec<Node>),
    /// Nothing. Says that the statement's rows have one order only.
    Total,
}

/// A value and how it is written.
#[derive(Clone, Debug)]
pub struct Constant {
    pub kind: Kind,
    /// As PostgreSQL writes it; `None`: NULL.
    pub text: Option<String>,
    /// An array of the kind.
    pub array: bool,
    /// A parameter, where the protocol has any.
    pub param: bool,
    /// With its type.
    pub cast: bool,
}

/// A statement to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub sql: String,
    pub params: Vec<Option<String>>,
    kinds: Vec<Kind>,
    /// Rows come in one order only.
    pub total: bool,
}

pub fn text(text: impl Into<String>) -> Node {
    Node::Text(text.into())
}

/// Parts that can be left out, all of them too.
pub fn clause(before: &str, items: Vec<Node>, separator: &'static str) -> Node {
    Node::List { before: before.to_owned(), items, separator, after: String::new(), least: 0 }
}

/// Parts of which one must be left.
pub fn list(items: Vec<Node>, separator: &'static str) -> Node {
    Node::List { before: String::new(), items, separator, after: String::new(), least: 1 }
}

/// What can be left out.
pub fn maybe(node: Node) -> Node {
    clause("", vec![node], "")
}

impl Node {
    /// Writes the statement, with parameters or with literals only.
    pub fn write(&self, params: bool) -> Written {
        let mut written = Written::default();
        self.write_to(&mut written, params);
        written
    }

    fn write_to(&self, out: &mut Written, params: bool) {
        match self {
            Node::Text(text) => out.sql.push_str(text),
            Node::Value(constant) => constant.write_to(out, params),
            Node::All(parts) => parts.iter().for_each(|part| part.write_to(out, params)),
            Node::List { before, items, separator, after, .. } => {
                if items.is_empty() {
                    return;
                }
                out.sql.push_str(before);
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.sql.push_str(separator);
                    }
                    item.write_to(out, params);
                }
                out.sql.push_str(after);
            }
            Node::Either(parts) => {
                if let Some(first) = parts.first() {
                    first.write_to(out, params);
                }
            }
            Node::Total => out.total = true,
        }
    }

    /// The same with one part less, large parts first.
    pub fn smaller(&self) -> Vec<Node> {
        match self {
            Node::Text(_) | Node::Total => Vec::new(),
            Node::Value(constant) => constant.smaller().into_iter().map(Node::Value).collect(),
            Node::All(parts) => within(parts).into_iter().map(Node::All).collect(),
            Node::List { before, items, separator, after, least } => {
                let with = |items: Vec<Node>| Node::List {
                    before: before.clone(),
                    items,
                    separator,
                    after: after.clone(),
                    least: *least,
                };
                let mut all = Vec::new();
                if items.len() > *least {
                    if *least == 0 && items.len() > 1 {
                        all.push(with(Vec::new()));
                    }
                    for at in 0..items.len() {
                        let mut fewer = items.clone();
                        fewer.remove(at);
                        all.push(with(fewer));
                    }
                }
                all.extend(within(items).into_iter().map(with));
                all
            }
            Node::Either(parts) => {
                let mut all: Vec<Node> = parts.iter().skip(1).cloned().collect();
                if let Some((first, rest)) = parts.split_first() {
                    all.extend(first.smaller().into_iter().map(|first| {
                        let mut parts = vec![first];
                        parts.extend_from_slice(rest);
                        Node::Either(parts)
                    }));
                }
                all
            }
        }
    }
}

/// The same parts with one of them smaller.
fn within(parts: &[Node]) -> Vec<Vec<Node>> {
    let mut all = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        for smaller in part.smaller() {
            let mut parts = parts.to_vec();
            parts[at] = smaller;
            all.push(parts);
        }
    }
    all
}

impl Constant {
    fn write_to(&self, out: &mut Written, params: bool) {
        if params && self.param {
            // Now and then one that is there already, which then has two roles.
            let known = out.kinds.iter().zip(&out.params).position(|known| known == (&self.kind, &self.text));
            let number = known.filter(|_| !self.array && out.params.len() % 2 == 1).unwrap_or_else(|| {
                out.params.push(self.text.clone());
                out.kinds.push(self.kind);
                out.params.len() - 1
            });
            out.sql.push_str(&format!("${}", number + 1));
        } else {
            match &self.text {
                None => out.sql.push_str("NULL"),
                Some(text) if self.kind.is_bare() && !self.array => match text.strip_prefix('-') {
                    // Behind an operator, a sign would be part of it.
                    Some(_) => out.sql.push_str(&format!("({text})")),
                    None => out.sql.push_str(text),
                },
                Some(text) => out.sql.push_str(&format!("'{}'", text.replace('\'', "''"))),
            }
        }
        if self.cast {
            out.sql.push_str(&format!("::{}{}", self.kind.sql(), if self.array { "[]" } else { "" }));
        }
    }

    fn smaller(&self) -> Vec<Constant> {
        let mut all = Vec::new();
        if self.param {
            all.push(Constant { param: false, ..self.clone() });
        }
        if self.cast {
            all.push(Constant { cast: false, ..self.clone() });
        }
        all
    }
}
