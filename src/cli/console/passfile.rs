//! Passwords from PostgreSQL's password file, by libpq's rules.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::super::output;

/// Longest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The password of the first line that fits.
pub(super) fn find(host: &str, port: u16, database: &str, user: &str) -> Option<Zeroizing<String>> {
    let set = std::env::var_os("PGPASSFILE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = set.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".pgpass")))?;
    let facts = std::fs::metadata(&path).ok().filter(|facts| facts.is_file() && facts.len() <= MAX_BYTES)?;
    if facts.permissions().mode() & 0o077 != 0 {
        output::note(&format!("{} is not used: others can read it; chmod 600 it", path.display()));
        return None;
    }
    let text = Zeroizing::new(std::fs::read_to_string(&path).ok()?);
    search(&text, [host, &port.to_string(), database, user])
}

fn search(text: &str, wanted: [&str; 4]) -> Option<Zeroizing<String>> {
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = fields(line);
        let password = fields.get_mut(4).map(std::mem::take)?;
        let fits = fields
            .iter()
            .zip(wanted)
            .all(|(field, wanted)| field.as_str() == "*" || field.as_str() == wanted);
        (fits && !password.is_empty()).then_some(password)
    })
}

/// The first five fields; a backslash takes the meaning from a colon or backslash.
fn fields(line: &str) -> Vec<Zeroizing<String>> {
    let mut fields = vec![Zeroizing::new(String::with_capacity(line.len()))];
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == ':' && fields.len() < 5 {
            fields.push(Zeroizing::new(String::with_capacity(line.len())));
            continue;
        }
        let literal = if c == '\\' { chars.next() } else { Some(c) };
        if let (Some(field), Some(c)) = (fields.last_mut(), literal) {
            field.push(c);
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::search;

    #[test]
    fn the_first_line_that_fits_counts() {
        let text = "# comment\nother:*:*:*:no\n127.0.0.1:6432:pyrite:ann:a\\:b\\\\c\n*:*:*:*:last:one\n";
        let find =
            |host, port, user| search(text, [host, port, "pyrite", user]).map(|found| found.to_string());
        assert_eq!(find("127.0.0.1", "6432", "ann").as_deref(), Some("a:b\\c"));
        assert_eq!(find("127.0.0.1", "6433", "ann").as_deref(), Some("last:one"));
        assert_eq!(search("a:b:c", ["a", "b", "c", "d"]), None);
        assert_eq!(search("*:*:*:*:", ["a", "b", "c", "d"]), None);
    }
}
