//! The store: journal, recorder, cells, DuckDB, state
