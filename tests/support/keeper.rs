//! Child processes that cannot outlive the test process.
//!
//! A test process may end without running destructors (statics, `abort`, SIGKILL). So each child is run by a
//! small shell that waits for the end of a pipe held by the test process, and then cleans up.

use std::io::Read;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Starts the program, passes on its output to a file, stops it at the end of the pipe.
const SCRIPT: &str = r#"
log=$1; signal=$2; folder=$3; shift 3
trap : INT TERM HUP
"$@" >"$log" 2>&1 </dev/null &
child=$!
echo "$child"
read -r _ || :
kill -s "$signal" "$child" 2>/dev/null
wait "$child" 2>/dev/null
test -z "$folder" || rm -rf "$folder"
"#;

/// A running child and the shell that keeps it.
pub struct Keeper {
    shell: Child,
    pipe: Option<ChildStdin>,
    pid: u32,
}

impl Keeper {
    /// Runs `command`, with its output in `log`; sends it `signal` when dropped, and then deletes `folder`.
    pub fn start(
        user: Option<&str>,
        log: &Path,
        signal: &str,
        folder: Option<&Path>,
        command: &[&str],
    ) -> Keeper {
        let mut shell = match user {
            None => Command::new("sh"),
            Some(user) => {
                let mut runuser = Command::new("runuser");
                runuser.args(["-u", user, "--", "sh"]);
                runuser
            }
        };
        let mut shell = shell
            .args(["-c", SCRIPT, "keeper"])
            .arg(log)
            .arg(signal)
            .arg(folder.unwrap_or(Path::new("")))
            .args(command)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start a shell");
        let pipe = shell.stdin.take();
        let mut first = Vec::new();
        let mut output = shell.stdout.take().expect("piped");
        let mut byte = [0u8];
        while output.read(&mut byte).is_ok_and(|n| n == 1) && byte != *b"\n" {
            first.push(byte[0]);
        }
        let pid = String::from_utf8_lossy(&first).parse().expect("the shell prints the child's id");
        Keeper { shell, pipe, pid }
    }

    /// The child's process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the child still runs.
    pub fn alive(&self) -> bool {
        // A zombie waits for its shell, which waits for us: look at the state.
        std::fs::read_to_string(format!("/proc/{}/stat", self.pid))
            .ok()
            .and_then(|stat| stat.rsplit(')').next().map(|rest| !rest.trim_start().starts_with('Z')))
            .unwrap_or(false)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.shell.wait();
    }
}
