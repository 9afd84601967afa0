//! The command line. Everything else is in the library.

fn main() -> std::process::ExitCode {
    pyrite::cli::main()
}
