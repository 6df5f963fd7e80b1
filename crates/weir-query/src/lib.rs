//! The expression language: lexer, parser, unit check, plan, execute, explain
