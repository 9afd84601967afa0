//! jsonb: the normalised form that PostgreSQL prints, and equality by value.

use super::ValueError;
use super::json::{Event, read};
use super::numeric::Numeric;

/// Longest string or key, from the width of jsonb's length fields.
const MAX_STRING: usize = 0x0FFF_FFFF;

/// A value; containers name their members by position in the arena, so that nothing here recurses.
enum Node {
    Null,
    Bool(bool),
    Number(Numeric),
    String(String),
    Array(Vec<usize>),
    Object(Vec<(String, usize)>),
}

/// A parsed jsonb value. The root is the last node.
struct Tree {
    nodes: Vec<Node>,
}

/// A container that is still open.
enum Open {
    Array(Vec<usize>),
    Object(Vec<(String, usize)>, Option<String>),
}

/// A single value as far as casts are concerned.
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Number(Numeric),
    String,
    Array,
    Object,
}

fn parse(text: &str) -> Result<Tree, ValueError> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    read(text, true, &mut |event| {
        let node = match event {
            Event::BeginArray => {
                open.push(Open::Array(Vec::new()));
                return Ok(());
            }
            Event::BeginObject => {
                open.push(Open::Object(Vec::new(), None));
                return Ok(());
            }
            Event::Key(key) => {
                check_length(&key)?;
                if let Some(Open::Object(_, pending)) = open.last_mut() {
                    *pending = Some(key);
                }
                return Ok(());
            }
            Event::EndArray | Event::EndObject => match open.pop() {
                Some(Open::Array(members)) => Node::Array(members),
                Some(Open::Object(members, _)) => Node::Object(unique(members)),
                None => Node::Null,
            },
            Event::Null => Node::Null,
            Event::Bool(value) => Node::Bool(value),
            Event::Number(text) => Node::Number(Numeric::parse(text)?),
            Event::String(text) => {
                check_length(&text)?;
                Node::String(text)
            }
        };
        let id = nodes.len();
        nodes.push(node);
        match open.last_mut() {
            Some(Open::Array(members)) => members.push(id),
            Some(Open::Object(members, pending)) => members.push((pending.take().unwrap_or_default(), id)),
            None => {}
        }
        Ok(())
    })?;
    Ok(Tree { nodes })
}

fn check_length(text: &str) -> Result<(), ValueError> {
    if text.len() > MAX_STRING {
        return Err(ValueError::new("54000", "string too long to represent as jsonb string"));
    }
    Ok(())
}

/// Sorts members by length of key, then key; of equal keys the last stays.
fn unique(mut members: Vec<(String, usize)>) -> Vec<(String, usize)> {
    members.reverse();
    members.sort_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    members.dedup_by(|later, kept| later.0 == kept.0);
    members
}

/// What remains to be written: members of a container from a position on.
struct Pending {
    node: usize,
    next: usize,
}

impl Tree {
    /// Visits the tree depth first: each node once on entry, containers again before each further member
    /// and at their end.
    fn walk(&self, visit: &mut dyn FnMut(Step<'_>)) {
        let mut stack: Vec<Pending> = Vec::new();
        let mut current = self.nodes.len().checked_sub(1);
        loop {
            if let Some(id) = current.take() {
                let Some(node) = self.nodes.get(id) else { return };
                visit(Step::Enter(node));
                if matches!(node, Node::Array(_) | Node::Object(_)) {
                    stack.push(Pending { node: id, next: 0 });
                }
            }
            let Some(top) = stack.last_mut() else { return };
            let Some(node) = self.nodes.get(top.node) else { return };
            let member = match node {
                Node::Array(members) => members.get(top.next).map(|id| (None, *id)),
                Node::Object(members) => members.get(top.next).map(|(key, id)| (Some(key.as_str()), *id)),
                _ => None,
            };
            match member {
                Some((key, id)) => {
                    visit(Step::Member { key, first: top.next == 0 });
                    top.next += 1;
                    current = Some(id);
                }
                None => {
                    visit(Step::Leave(node));
                    stack.pop();
                }
            }
        }
    }
}

enum Step<'a> {
    Enter(&'a Node),
    Member { key: Option<&'a str>, first: bool },
    Leave(&'a Node),
}

/// Reads any JSON and gives it the form in which PostgreSQL prints jsonb.
pub(crate) fn normalise(text: &str) -> Result<String, ValueError> {
    let tree = parse(text)?;
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    tree.walk(&mut |step| match step {
        Step::Enter(Node::Null) => out.extend_from_slice(b"null"),
        Step::Enter(Node::Bool(value)) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Step::Enter(Node::Number(number)) => number.write_text(&mut out),
        Step::Enter(Node::String(text)) => write_string(text, &mut out),
        Step::Enter(Node::Array(_)) => out.push(b'['),
        Step::Enter(Node::Object(_)) => out.push(b'{'),
        Step::Member { key, first } => {
            if !first {
                out.extend_from_slice(b", ");
            }
            if let Some(key) = key {
                write_string(key, &mut out);
                out.extend_from_slice(b": ");
            }
        }
        Step::Leave(Node::Array(_)) => out.push(b']'),
        Step::Leave(_) => out.push(b'}'),
    });
    String::from_utf8(out).map_err(|_| ValueError::syntax("json"))
}

pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for &b in text.as_bytes() {
        match b {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => out.extend_from_slice(format!("\\u{b:04x}").as_bytes()),
            _ => out.push(b),
        }
    }
    out.push(b'"');
}

/// Bytes that are the same for values that are equal: numbers without their scale.
pub(crate) fn canonical(text: &str) -> Result<Vec<u8>, ValueError> {
    let tree = parse(text)?;
    let mut out = Vec::with_capacity(text.len());
    let sized = |tag: u8, bytes: &[u8], out: &mut Vec<u8>| {
        out.push(tag);
        out.extend((bytes.len() as u64).to_be_bytes());
        out.extend_from_slice(bytes);
    };
    tree.walk(&mut |step| match step {
        Step::Enter(Node::Null) => out.push(b'0'),
        Step::Enter(Node::Bool(value)) => out.push(if *value { b't' } else { b'f' }),
        Step::Enter(Node::Number(number)) => sized(b'n', &number.canonical(), &mut out),
        Step::Enter(Node::String(text)) => sized(b's', text.as_bytes(), &mut out),
        Step::Enter(Node::Array(_)) => out.push(b'['),
        Step::Enter(Node::Object(_)) => out.push(b'{'),
        Step::Member { key: Some(key), .. } => sized(b'k', key.as_bytes(), &mut out),
        Step::Member { key: None, .. } => {}
        Step::Leave(_) => out.push(b']'),
    });
    Ok(out)
}

/// The value, if it is not a container.
pub(crate) fn scalar(text: &str) -> Result<Scalar, ValueError> {
    Ok(match parse(text)?.nodes.pop() {
        None | Some(Node::Null) => Scalar::Null,
        Some(Node::Bool(value)) => Scalar::Bool(value),
        Some(Node::Number(number)) => Scalar::Number(number),
        Some(Node::String(_)) => Scalar::String,
        Some(Node::Array(_)) => Scalar::Array,
        Some(Node::Object(_)) => Scalar::Object,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_form() {
        for (text, expected) in [
            ("{\"bb\":1,\"a\":2,\"c\":3,\"a\":4}", "{\"a\": 4, \"c\": 3, \"bb\": 1}"),
            (" [1.0 , 1e2,\"\\u00e4\\/\", []]", "[1.0, 100, \"ä/\", []]"),
            ("\"\\ud834\\udd1e\\u0001\"", "\"𝄞\\u0001\""),
            ("{}", "{}"),
        ] {
            assert_eq!(normalise(text).unwrap(), expected, "{text}");
            assert_eq!(normalise(expected).unwrap(), expected);
        }
        for (text, state) in [
            ("\"\\u0000\"", "22P05"),
            ("\"\\ud800\"", "22P02"),
            ("\"\\udc00\"", "22P02"),
            ("1e999999", "22003"),
        ] {
            assert_eq!(normalise(text).unwrap_err().sqlstate, state, "{text}");
        }
    }

    #[test]
    fn equality_is_by_value() {
        let same = |a, b| canonical(a).unwrap() == canonical(b).unwrap();
        assert!(same("{\"a\":1.0}", "{\"a\":1}"));
        assert!(same("[1e2,0.0]", "[100.00,-0]"));
        assert!(!same("[1]", "1"));
        assert!(!same("[[1],2]", "[[1,2]]"));
        assert!(!same("{\"a\":1}", "[\"a\",1]"));
        assert!(!same("\"1\"", "1"));
    }

    #[test]
    fn deep_nesting_does_not_recurse() {
        let text = format!("{}{}", "[".repeat(6_000), "]".repeat(6_000));
        assert_eq!(normalise(&text).unwrap(), text);
    }
}
