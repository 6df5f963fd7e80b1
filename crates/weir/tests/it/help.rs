//! What the commands say of themselves, word for word.

use insta::assert_snapshot;

use crate::support::weir;

/// All commands that people see.
const COMMANDS: [&str; 13] = [
    "serve",
    "demo",
    "check",
    "key",
    "cache",
    "savings",
    "reconcile",
    "query",
    "sql",
    "monitor",
    "replay",
    "doctor",
    "completions",
];

#[tokio::test]
async fn every_command_explains_itself_with_examples() {
    assert_snapshot!("weir", weir(&["--help"]).await.good());
    for command in COMMANDS {
        let help = weir(&[command, "--help"]).await.good();
        assert!(help.contains("Examples:"), "weir {command} --help has no examples");
        assert_snapshot!(command, help);
    }
    for action in ["create", "list", "revoke"] {
        assert_snapshot!(format!("key_{action}"), weir(&["key", action, "--help"]).await.good());
    }
    for action in ["explain", "check", "list", "test", "backtest", "verify", "import", "export"] {
        assert_snapshot!(format!("monitor_{action}"), weir(&["monitor", action, "--help"]).await.good());
    }
}

#[tokio::test]
async fn every_shell_gets_completions_for_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = weir(&["completions", shell]).await.good();
        for command in COMMANDS.into_iter().chain(["--data-dir"]) {
            // Fish spells long options without their dashes.
            assert!(script.contains(command.trim_start_matches('-')), "{shell} does not know {command}");
        }
    }
}

#[tokio::test]
async fn a_misspelt_command_gets_a_suggestion() {
    let ran = weir(&["qurey"]).await;
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("query"), "{}", ran.stderr);
}
