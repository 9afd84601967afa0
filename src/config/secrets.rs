//! Where passwords, PINs and tokens come from: never from the configuration itself.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Longest password file that is read, in bytes.
const MAX_BYTES: u64 = 4096;

/// A place that holds a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A file that nobody but its owner can read.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
}

/// Why a password is not to be had. Never holds any of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretError {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub way_out: String,
}

/// Gets passwords. A parameter of the parser, which so does no I/O.
pub trait Secrets {
    /// Reads one; not empty, without the line end that editors leave.
    fn read(&self, source: &SecretSource) -> Result<Zeroizing<String>, SecretError>;
}

/// The machine's files and environment.
pub struct SystemSecrets;

impl Secrets for SystemSecrets {
    fn read(&self, source: &SecretSource) -> Result<Zeroizing<String>, SecretError> {
        match source {
            SecretSource::File(path) => from_file(path),
            SecretSource::Environment(variable) => from_environment(variable),
        }
    }
}

fn from_environment(variable: &str) -> Result<Zeroizing<String>, SecretError> {
    let failed = |message: String| SecretError {
        message,
        way_out: "set it where Pyrite is started, or use a file".into(),
    };
    // The standard library panics on such names.
    if variable.is_empty() || variable.contains(['=', '\0']) {
        return Err(failed("this is not the name of an environment variable".into()));
    }
    match std::env::var(variable).map(Zeroizing::new) {
        Ok(password) if password.is_empty() => Err(failed(format!("the variable {variable} is empty"))),
        Ok(password) => Ok(password),
        Err(std::env::VarError::NotPresent) => Err(failed(format!("the variable {variable} is not set"))),
        Err(std::env::VarError::NotUnicode(raw)) => {
            drop(Zeroizing::new(raw.into_encoded_bytes()));
            Err(failed(format!("the variable {variable} is not UTF-8")))
        }
    }
}

fn from_file(path: &Path) -> Result<Zeroizing<String>, SecretError> {
    let shown = path.display();
    let failed = |message: String, way_out: String| SecretError { message, way_out };
    let unreadable = |error: std::io::Error| {
        failed(format!("cannot read the secret in {shown}: {error}"), "check the path and its owner".into())
    };
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(failed(
            format!("the file {shown} has mode {mode:04o}: others can use it"),
            format!("chmod 600 {shown}"),
        ));
    }
    let mut text = Zeroizing::new(String::with_capacity(MAX_BYTES as usize));
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    let end = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(end);
    if text.is_empty() || text.contains(['\n', '\0']) {
        return Err(failed(
            format!("the file {shown} does not hold one line"),
            "write the secret alone, on one line".into(),
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::{SecretSource, Secrets as _, SystemSecrets};

    #[test]
    fn a_password_file_is_read_only_if_it_is_private() {
        let path = std::env::temp_dir().join(format!("pyrite-password-{}", std::process::id()));
        std::fs::write(&path, "s3cret pass\n").unwrap();
        let source = SecretSource::File(path.clone());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = SystemSecrets.read(&source).unwrap_err();
        assert!(error.message.contains("0640") && error.way_out.starts_with("chmod 600"), "{error:?}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(SystemSecrets.read(&source).unwrap().as_str(), "s3cret pass");
        std::fs::write(&path, "two\nlines\n").unwrap();
        let error = SystemSecrets.read(&source).unwrap_err();
        assert!(error.message.contains("one line") && !error.message.contains("two"));
        std::fs::remove_file(&path).unwrap();
        assert!(SystemSecrets.read(&source).unwrap_err().message.contains("cannot read"));
    }

    #[test]
    fn a_variable_that_cannot_be_or_is_not_set_is_an_error() {
        for name in ["", "A=B", "PYRITE_TEST_SURELY_NOT_SET"] {
            let error = SystemSecrets.read(&SecretSource::Environment(name.into())).unwrap_err();
            assert!(!error.way_out.is_empty());
        }
    }
}
