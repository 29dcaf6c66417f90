//! Why a store's URL cannot be used. No text repeats a part of it but the name of a parameter or of a file.

/// Why a URL cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// It does not begin like one for PostgreSQL.
    #[error("it does not begin with postgres://")]
    Scheme,
    /// A port that is no number: mostly the rest of a password.
    #[error(
        "its port is not a number; in a user name or password, write each of @ : / ? # % as % and two digits"
    )]
    Port,
    /// A part that is not UTF-8 once it is decoded, or a bracket that stays open.
    #[error("its {0} cannot be read")]
    Part(&'static str),
    /// A parameter that nobody knows.
    #[error("the parameter `{0}` is not known")]
    UnknownParameter(String),
    /// A parameter whose value makes no sense.
    #[error("the value of the parameter `{name}` is not {wanted}")]
    Value {
        /// Which parameter.
        name: &'static str,
        /// What would make sense.
        wanted: &'static str,
    },
    /// The driver did not take a value; it names the parameter.
    #[error("{0}")]
    Driver(String),
    /// A file of certificates or keys.
    #[error("the file {file} of the parameter `{name}` {problem}")]
    File {
        /// Which parameter.
        name: &'static str,
        /// Which file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
}
