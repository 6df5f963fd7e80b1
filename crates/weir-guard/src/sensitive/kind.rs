//! The kinds of sensitive values, each with the name that redacted texts, scores and configuration use.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether a value opens something or says who somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A key, a token or a password.
    Secret,
    /// Personal data.
    Pii,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $member:ident = $text:literal, $class:ident;)+) => {
        /// What a value is. Declared from special to general.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Kind {
            $($(#[$doc])* #[serde(rename = $text)] $member),+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$member),+];

            /// Its name: `openai_key`, `email`, …
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$member => $text),+ }
            }

            /// Whether it is a secret or personal data.
            pub const fn class(self) -> Class {
                match self { $(Self::$member => Class::$class),+ }
            }
        }
    };
}

kinds! {
    /// The inside of a PEM block with a private key.
    PrivateKey = "private_key", Secret;
    /// A key of Anthropic's API.
    AnthropicKey = "anthropic_key", Secret;
    /// A key of OpenRouter's API.
    OpenRouterKey = "openrouter_key", Secret;
    /// A key of OpenAI's API, or of one that names its keys alike.
    OpenAiKey = "openai_key", Secret;
    /// An access key of AWS.
    AwsKey = "aws_key", Secret;
    /// A key of Google's APIs, or a secret of an OAuth client there.
    GcpKey = "gcp_key", Secret;
    /// A key of Azure: of a storage account, of a bus, or a signature.
    AzureKey = "azure_key", Secret;
    /// A token of GitHub.
    GithubToken = "github_token", Secret;
    /// A token of GitLab.
    GitlabToken = "gitlab_token", Secret;
    /// A token of Slack, or the address of a webhook there.
    SlackToken = "slack_token", Secret;
    /// A key of Stripe.
    StripeKey = "stripe_key", Secret;
    /// A token of Databricks.
    DatabricksToken = "databricks_token", Secret;
    /// A token of Hugging Face.
    HuggingFaceToken = "huggingface_token", Secret;
    /// A key of another provider, known by how it begins: Groq, xAI, Perplexity, Replicate, LangSmith, npm, PyPI, …
    ProviderKey = "provider_key", Secret;
    /// A virtual key of Weir.
    WeirKey = "weir_key", Secret;
    /// A JSON web token.
    Jwt = "jwt", Secret;
    /// What stands after `Bearer`.
    BearerToken = "bearer_token", Secret;
    /// A password in a URL.
    UrlPassword = "url_password", Secret;
    /// What is given the name of a password.
    Password = "password", Secret;
    /// What is given the name of a secret, a token or a key, and looks like one.
    Assigned = "secret", Secret;
    /// An address of electronic mail.
    Email = "email", Pii;
    /// The number of a payment card, with its check digit.
    CreditCard = "credit_card", Pii;
    /// The number of a bank account, with its check digits.
    Iban = "iban", Pii;
    /// A social security number of the United States.
    Ssn = "ssn", Pii;
    /// An address of the Internet, private networks left out.
    Ip = "ip", Pii;
    /// A telephone number: with a country's code, or as North America writes it.
    Phone = "phone", Pii;
}

impl Kind {
    /// The kind with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds(u64);

impl Kinds {
    /// No kind.
    pub const NONE: Self = Self(0);

    /// All kinds of a class.
    pub fn of_class(class: Class) -> Self {
        Kind::ALL.iter().copied().filter(|kind| kind.class() == class).collect()
    }

    /// These kinds and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether it has this kind.
    pub const fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u64) != 0
    }

    /// Whether it has none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it has any kind of a class.
    pub fn has_any(self, class: Class) -> bool {
        self.0 & Self::of_class(class).0 != 0
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |set, kind| set | 1 << kind as u64))
    }
}
