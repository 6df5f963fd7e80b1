//! Why definitions of monitors cannot be loaded. Building one has no side effect.

use weir_query::QueryError;

/// Why a definition is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MonitorError {
    /// The file is not TOML, or holds a key or a type that no definition has.
    #[error("{file}: {message}")]
    File {
        /// The file's name.
        file: String,
        /// What is wrong, with line and column.
        message: String,
    },
    /// A condition or a setting of one.
    #[error("monitor {monitor}: {setting}:\n{}", error.render(text).trim_end())]
    Condition {
        /// The monitor.
        monitor: String,
        /// Which setting.
        setting: &'static str,
        /// What was written.
        text: String,
        /// What is wrong, and where in the text.
        error: Box<QueryError>,
    },
    /// A message.
    #[error("monitor {monitor}: message: {message}")]
    Message {
        /// The monitor.
        monitor: String,
        /// What is wrong.
        message: String,
    },
    /// Settings that do not go together.
    #[error("monitor {monitor}: {message}")]
    Settings {
        /// The monitor.
        monitor: String,
        /// What is wrong.
        message: String,
    },
    /// A composite names a monitor that does not exist.
    #[error("monitor {monitor}: there is no monitor {wanted}{}", hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}")))]
    Unknown {
        /// The monitor.
        monitor: String,
        /// What it names.
        wanted: String,
        /// What was probably meant.
        hint: Option<String>,
    },
    /// A service level objective that means nothing.
    #[error("objective {objective}, {key}: {message}")]
    Objective {
        /// The objective.
        objective: String,
        /// The key of its definition.
        key: &'static str,
        /// What is wrong, and what to do.
        message: String,
    },
    /// Composites name each other in a circle.
    #[error("monitor {monitor}: it depends on itself, by way of {path}")]
    Circle {
        /// The monitor.
        monitor: String,
        /// The monitors between.
        path: String,
    },
}

impl MonitorError {
    /// The monitor that it is about; `None` when the file could not be read.
    pub fn monitor(&self) -> Option<&str> {
        match self {
            Self::File { .. } | Self::Objective { .. } => None,
            Self::Condition { monitor, .. }
            | Self::Message { monitor, .. }
            | Self::Settings { monitor, .. }
            | Self::Unknown { monitor, .. }
            | Self::Circle { monitor, .. } => Some(monitor),
        }
    }

    /// The objective that it is about; `None` when it is about a monitor or a file.
    pub fn objective(&self) -> Option<&str> {
        match self {
            Self::Objective { objective, .. } => Some(objective),
            _ => None,
        }
    }

    /// The key of the definition that it is about, where there is one.
    pub fn key(&self) -> Option<&'static str> {
        match self {
            Self::Condition { setting, .. } => Some(setting),
            Self::Message { .. } => Some("message"),
            Self::Unknown { .. } | Self::Circle { .. } => Some("condition"),
            Self::Objective { key, .. } => Some(key),
            Self::File { .. } | Self::Settings { .. } => None,
        }
    }
}
