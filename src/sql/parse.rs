//! From PostgreSQL's tokens to sqlparser's tree. The tree's locations are token indexes, and its string
//! literals are empty: values stay in the client's text alone.

use sqlparser::ast::{DataType, Expr, Statement};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError, ParserOptions};
use sqlparser::tokenizer::{Location, Span, Token as ParserToken, TokenWithSpan, Tokenizer};

use super::lexer::{Kind, Tokens};
use super::normalise;

/// Most tokens of one statement.
const MAX_TOKENS: usize = 1_000_000;
/// Deepest nesting of parentheses and brackets.
const MAX_DEPTH: usize = 256;
/// Longest run of tokens at one level between commas: it bounds the depth of operator chains.
const MAX_CHAIN: usize = 40_000;
/// sqlparser counts a few levels for each parenthesis.
const PARSER_DEPTH: usize = 1_200;
/// Statements up to this size are planned on the caller's stack.
const SMALL_TOKENS: usize = 600;
/// Nesting up to which statements are planned on the caller's stack.
const SMALL_DEPTH: usize = 8;
/// Stack for all others. Only what is used of it becomes memory.
const STACK: usize = 512 << 20;

static DIALECT: PostgreSqlDialect = PostgreSqlDialect {};

/// Why a statement has no tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Too large or too deep to be planned.
    TooComplex,
    /// Not understood at this token.
    Syntax(Option<usize>),
    /// It ends too early.
    End,
}

/// How deep a statement's tree can become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Complexity {
    depth: usize,
    tokens: usize,
}

/// Checks the bounds.
pub fn complexity(tokens: &Tokens<'_>, range: std::ops::Range<usize>) -> Result<Complexity, ParseError> {
    let mut run = vec![0usize];
    let mut deepest = 0;
    let size = range.len();
    for index in range.clone() {
        let sign = match tokens.kind(index) {
            Some(Kind::Punct) => tokens.raw(index),
            _ => "",
        };
        match sign {
            "(" | "[" => run.push(0),
            ")" | "]" if run.len() > 1 => {
                run.pop();
            }
            "," | ";" => {
                if let Some(last) = run.last_mut() {
                    *last = 0;
                }
            }
            _ => {}
        }
        if let Some(last) = run.last_mut() {
            *last += 1;
            if *last > MAX_CHAIN {
                return Err(ParseError::TooComplex);
            }
        }
        deepest = deepest.max(run.len());
    }
    // CASE nests without parentheses.
    let cases = range.filter(|&i| tokens.is_word(i, "case")).count();
    if deepest > MAX_DEPTH || cases > 2_000 || size > MAX_TOKENS {
        return Err(ParseError::TooComplex);
    }
    Ok(Complexity { depth: deepest.max(cases), tokens: size })
}

/// Runs `work` where the tree's depth cannot overflow the stack; `None` if no such place is to be had.
pub fn with_stack<T: Send>(complexity: Complexity, work: impl FnOnce() -> T + Send) -> Option<T> {
    if complexity.tokens <= SMALL_TOKENS && complexity.depth <= SMALL_DEPTH {
        return Some(work());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).ok()?;
        thread.join().ok()
    })
}

/// sqlparser's tokens of `range`, located by index (column = index + 1).
fn parser_tokens(
    tokens: &Tokens<'_>,
    range: std::ops::Range<usize>,
) -> Result<Vec<TokenWithSpan>, ParseError> {
    let mut out = Vec::with_capacity(range.len());
    let mut previous_string = false;
    let mut skip_to = range.start;
    for index in range {
        if index < skip_to {
            continue;
        }
        let kind = tokens.kind(index).ok_or(ParseError::Syntax(None))?;
        let raw = tokens.raw(index);
        let at = Location { line: 1, column: index as u64 + 1 };
        let span = Span { start: at, end: at };
        if let Some(normal) = normalise::at(tokens, index) {
            for shown in normal.shown {
                let token = sign(shown).unwrap_or_else(|| ParserToken::make_word(shown, None));
                out.push(TokenWithSpan { token, span });
            }
            skip_to = normal.end;
            previous_string = false;
            continue;
        }
        let string = matches!(kind, Kind::Str | Kind::Escaped | Kind::UnicodeStr | Kind::Dollar);
        if string && previous_string {
            // sqlparser would join them; PostgreSQL does so only over a line end, in the lexer.
            return Err(ParseError::Syntax(Some(index)));
        }
        previous_string = string;
        let token = match kind {
            Kind::Word => ParserToken::make_word(raw, None),
            Kind::Quoted | Kind::UnicodeQuoted => {
                if tokens.is_word(index + 1, "uescape") {
                    return Err(ParseError::Syntax(Some(index)));
                }
                let name = tokens.name(index).ok_or(ParseError::Syntax(Some(index)))?;
                ParserToken::make_word(&name, Some('"'))
            }
            Kind::Str | Kind::Escaped | Kind::UnicodeStr | Kind::Dollar => {
                ParserToken::SingleQuotedString(String::new())
            }
            Kind::National => ParserToken::NationalStringLiteral(String::new()),
            Kind::Bits => ParserToken::HexStringLiteral(String::new()),
            Kind::Number => ParserToken::Number(raw.to_owned(), false),
            Kind::Param => ParserToken::Placeholder(raw.to_owned()),
            Kind::Operator | Kind::Punct => sign(raw).ok_or(ParseError::Syntax(Some(index)))?,
            Kind::Other => return Err(ParseError::Syntax(Some(index))),
        };
        out.push(TokenWithSpan { token, span });
    }
    Ok(out)
}

/// sqlparser's token for an operator or punctuation that PostgreSQL reads as one.
fn sign(raw: &str) -> Option<ParserToken> {
    match raw {
        "=" => return Some(ParserToken::Eq),
        "(" => return Some(ParserToken::LParen),
        ")" => return Some(ParserToken::RParen),
        "," => return Some(ParserToken::Comma),
        "." => return Some(ParserToken::Period),
        "*" => return Some(ParserToken::Mul),
        "::" => return Some(ParserToken::DoubleColon),
        ".." => return None,
        _ => {}
    }
    let mut list = Tokenizer::new(&DIALECT, raw).tokenize().ok()?;
    match (list.len(), list.pop()) {
        (1, Some(ParserToken::Whitespace(_) | ParserToken::Placeholder(_))) => None,
        (1, token) => token,
        // sqlparser would cut it into pieces; PostgreSQL does not.
        _ => Some(ParserToken::CustomBinaryOperator(raw.to_owned())),
    }
}

fn parser(list: Vec<TokenWithSpan>) -> Parser<'static> {
    Parser::new(&DIALECT)
        .with_options(ParserOptions::new().with_unescape(false))
        .with_recursion_limit(PARSER_DEPTH)
        .with_tokens_with_locations(list)
}

/// The tree of one statement.
pub fn statement(tokens: &Tokens<'_>, range: std::ops::Range<usize>) -> Result<Statement, ParseError> {
    let mut parser = parser(parser_tokens(tokens, range)?);
    match parser.parse_statement() {
        Ok(statement) => match parser.peek_token_ref() {
            TokenWithSpan { token: ParserToken::EOF, .. } => Ok(statement),
            rest => Err(ParseError::Syntax(index_of(rest.span))),
        },
        Err(error) => Err(failed(&error, &parser)),
    }
}

fn failed(error: &ParserError, parser: &Parser<'_>) -> ParseError {
    match (error, parser.peek_token_ref()) {
        (ParserError::RecursionLimitExceeded, _) => ParseError::TooComplex,
        (_, TokenWithSpan { token: ParserToken::EOF, .. }) => ParseError::End,
        (_, rest) => ParseError::Syntax(index_of(rest.span)),
    }
}

/// The tree of one expression.
pub fn expression(tokens: &Tokens<'_>, range: std::ops::Range<usize>) -> Result<Expr, ParseError> {
    let mut parser = parser(parser_tokens(tokens, range)?);
    match parser.parse_expr() {
        Ok(expr) => match parser.peek_token_ref() {
            TokenWithSpan { token: ParserToken::EOF, .. } => Ok(expr),
            rest => Err(ParseError::Syntax(index_of(rest.span))),
        },
        Err(error) => Err(failed(&error, &parser)),
    }
}

/// Reads a data type that starts at token `start`; returns it and the index behind it.
pub fn data_type(tokens: &Tokens<'_>, start: usize) -> Option<(DataType, usize)> {
    // The longest names have seven words and a modifier; array bounds may follow.
    let end = tokens.len().min(start + 24);
    let stop = (start..end).find(|&i| {
        matches!(
            tokens.kind(i),
            Some(Kind::Str | Kind::Escaped | Kind::UnicodeStr | Kind::Dollar | Kind::Param | Kind::Operator)
        )
    });
    let mut parser = parser(parser_tokens(tokens, start..stop.unwrap_or(end)).ok()?);
    let ty = parser.parse_data_type().ok()?;
    let behind = match parser.peek_token_ref() {
        TokenWithSpan { token: ParserToken::EOF, .. } => stop.unwrap_or(end),
        rest => index_of(rest.span)?,
    };
    Some((ty, behind))
}

/// Token index of a tree leaf.
pub fn index_of(span: Span) -> Option<usize> {
    usize::try_from(span.start.column).ok()?.checked_sub(1).filter(|_| span.start.line == 1)
}
