//! The manual's examples are run in their order. What changes from run to run is not compared; with
//! PYRITE_WRITE_MANUAL=1 it is written anew.

use crate::Stage;

const MANUAL: &str = "docs/admin.md";

/// The arguments of a command line, with single quotes as a shell has them.
fn arguments(line: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        match index % 2 {
            1 => arguments.push(part.to_owned()),
            _ => arguments.extend(part.split_whitespace().map(str::to_owned)),
        }
    }
    arguments
}

fn words(line: &str) -> Vec<&str> {
    line.split(['|', ' ']).filter(|word| !word.is_empty()).collect()
}

#[test]
fn examples_are_what_the_program_prints() {
    let stage = Stage::start();
    let mut client = stage.pyrite.connect(&stage.database);
    let values: Vec<String> = (0..250).map(|n| format!("({n}, 'person{n}@canary.example')")).collect();
    client.run(&format!("INSERT INTO customers VALUES {}", values.join(", ")));
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(MANUAL);
    let manual = std::fs::read_to_string(&path).unwrap();
    let mut written = String::new();
    let mut examples = 0;
    for (index, part) in manual.split("```").enumerate() {
        let example = part.strip_prefix("console\n$ pyrite ").filter(|_| index % 2 == 1);
        let Some(example) = example else {
            written.push_str(&format!("{}{part}", if index == 0 { "" } else { "```" }));
            continue;
        };
        examples += 1;
        let (command, expected) = example.split_once('\n').unwrap();
        let arguments = arguments(command);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        if arguments.contains(&"RELOAD") {
            stage.edit("upstream =", "workers = 3\nlimits.clients = 500\nupstream =");
        }
        let (status, text) = stage.line(&arguments);
        assert_eq!(status, Some(0), "{command}: {text}");
        let padded = format!("shop{}", " ".repeat(stage.database.len() - 4));
        let text = text.replace(&format!("{} ", stage.database), &format!("{padded} "));
        let folder = stage.pyrite.config_file().parent().unwrap().display().to_string();
        let text = text.replace(&stage.database, "shop").replace(&folder, "/etc/pyrite");
        let text: Vec<&str> = text.lines().map(str::trim_end).collect();
        let first = |line: Option<&str>| words(line.unwrap_or_default()).join(" ");
        written.push_str(&format!("```console\n$ pyrite {command}\n{}\n", text.join("\n")));
        if std::env::var_os("PYRITE_WRITE_MANUAL").is_none() {
            assert_eq!(first(expected.lines().next()), first(text.first().copied()), "{command}");
            let names = |lines: &[&str]| {
                lines
                    .iter()
                    .filter_map(|line| line.split_whitespace().next())
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            if command.starts_with("jobs show") {
                assert_eq!(names(&expected.lines().collect::<Vec<_>>()), names(&text), "{command}");
            }
        }
    }
    assert!(examples >= 10, "the manual has lost its examples");
    if std::env::var_os("PYRITE_WRITE_MANUAL").is_some() {
        std::fs::write(&path, written).unwrap();
    }
}
