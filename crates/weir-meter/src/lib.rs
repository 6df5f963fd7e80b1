//! Tokenizers, price book and cost
