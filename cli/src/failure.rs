//! How a command ends when it does not succeed.

use std::io;

/// The failure has been told to the person already; what is left is the exit code.
#[derive(Debug)]
pub enum Failure {
    /// The query, the model or the data is at fault: 1.
    Reported,
    /// The arguments are at fault: 2.
    Usage,
    /// Whoever read our output went away, as `head` does: nothing is wrong, and there is no more to say.
    OutputClosed,
}

impl Failure {
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Reported => 1,
            Failure::Usage => 2,
            Failure::OutputClosed => 0,
        }
    }

    /// Tells of wrong arguments.
    pub fn usage(message: impl AsRef<str>) -> Failure {
        eprintln!("error: {}", message.as_ref());
        Failure::Usage
    }
}

impl From<io::Error> for Failure {
    /// Of writing the output.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure::OutputClosed;
        }
        eprintln!("error: the output cannot be written: {error}");
        Failure::Reported
    }
}
