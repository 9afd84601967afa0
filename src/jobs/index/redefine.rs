//! Views, functions, policies and extended statistics that cut terms out: defined anew over the other slot.

use tokio_postgres::Client;

use super::definition::{self, Whose};
use super::dependents::{self, Dependent, Kind};
use super::host::{Host, Tries, try_again};
use super::turn::Turn;
use super::{literal, quoted};
use crate::catalog::SearchSlot;
use crate::jobs::JobError;

/// Redefines all that cuts out terms of the old slot, until nothing does.
pub(super) async fn all(host: &mut impl Host, turn: &Turn) -> Result<(), JobError> {
    // Each is read right before it is redefined, so that a change of somebody else's is not undone.
    let mut before = None;
    while let Some(dependent) = next(host.client(), turn).await? {
        let statements = statements(&dependent, turn)?;
        // The server took it, and it is as it was: going on would never end.
        if before == Some((dependent.oid, dependent.definition.clone())) {
            return Err(JobError::refused(
                format!("{} cannot be redefined", dependent.identity),
                "Drop it, resume the job, and define it anew when the job is done.",
            ));
        }
        host.say(format!("redefining {}", dependent.identity)).await?;
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        try_again(host, Tries { doing: "redefine what compares terms", what: "redefine" }, &statements)
            .await?;
        before = Some((dependent.oid, dependent.definition));
    }
    Ok(())
}

/// The first one that is left, or what nobody could redefine.
async fn next(client: &Client, turn: &Turn) -> Result<Option<Dependent>, JobError> {
    let found = dependents::read(client).await?;
    let mut left = found.into_iter().filter(|dependent| dependent.uses(turn, turn.from));
    let Some(dependent) = left.next() else { return Ok(None) };
    match dependent.kind {
        Kind::View | Kind::Function | Kind::Policy | Kind::Statistics => Ok(Some(dependent)),
        // Came since the job looked for obstacles.
        _ => Err(JobError::refused(
            format!("{} came while the index key was rotated, and cannot be redefined", dependent.identity),
            "Drop it, resume the job, and define it anew when the job is done.",
        )),
    }
}

/// What redefines it.
fn statements(dependent: &Dependent, turn: &Turn) -> Result<Vec<String>, JobError> {
    let whose = |path: &[String]| dependent.whose(turn, path);
    let text = dependent.definition.as_deref().unwrap_or_default();
    let moved = |text: &str| definition::moved(text, &whose, turn.to);
    let detail = &dependent.detail;
    let name = format!("{}.{}", quoted(&detail.schema), quoted(&detail.name));
    Ok(match dependent.kind {
        Kind::View => {
            let columns: Vec<String> = detail.columns.iter().map(|column| quoted(column)).collect();
            let options = detail.options.as_deref().map(options).unwrap_or_default();
            vec![format!(
                "CREATE OR REPLACE VIEW {name} ({}){options} AS {}",
                columns.join(", "),
                moved(text)
            )]
        }
        Kind::Policy => {
            let table = format!("{}.{}", quoted(&detail.schema), quoted(&detail.table));
            let clause = |keyword: &str, text: &Option<String>| {
                text.as_deref().map(|text| format!(" {keyword} ({})", moved(text))).unwrap_or_default()
            };
            vec![format!(
                "ALTER POLICY {} ON {table}{}{}",
                quoted(&detail.name),
                clause("USING", &detail.using),
                clause("WITH CHECK", &detail.check)
            )]
        }
        Kind::Statistics => {
            let mut list = vec![format!("DROP STATISTICS {name}"), moved(text)];
            list.push(format!("ALTER STATISTICS {name} OWNER TO {}", quoted(&dependent.owner)));
            list.extend(
                detail
                    .target
                    .filter(|t| *t >= 0)
                    .map(|t| format!("ALTER STATISTICS {name} SET STATISTICS {t}")),
            );
            list.extend(
                detail.comment.as_deref().map(|c| format!("COMMENT ON STATISTICS {name} IS {}", literal(c))),
            );
            list
        }
        Kind::Function => vec![moved(text)],
        _ => {
            return Err(JobError::refused(
                format!("{} cannot be redefined", dependent.identity),
                "Drop it, and resume the job.",
            ));
        }
    })
}

/// `reloptions` as the clause that gives them.
fn options(list: &[String]) -> String {
    let options = list.iter().map(|option| match option.split_once('=') {
        Some((name, value)) => format!("{} = {}", quoted(name), literal(value)),
        None => quoted(option),
    });
    let options: Vec<String> = options.collect();
    if options.is_empty() { String::new() } else { format!(" WITH ({})", options.join(", ")) }
}

/// Whether anything still cuts out terms of this slot, beside indexes.
pub(super) async fn is_left(client: &Client, turn: &Turn, slot: SearchSlot) -> Result<bool, JobError> {
    let found = dependents::read(client).await?;
    Ok(found.iter().any(|dependent| dependent.calls(turn).contains(&(slot, Whose::Ours))))
}

#[cfg(test)]
mod tests {
    use super::options;

    #[test]
    fn options_are_given_as_they_are_stored() {
        assert_eq!(options(&[]), "");
        assert_eq!(
            options(&["security_barrier=true".to_owned(), "check_option=local".to_owned()]),
            " WITH (\"security_barrier\" = E'true', \"check_option\" = E'local')"
        );
    }
}
