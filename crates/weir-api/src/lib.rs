//! Routes, OpenAPI document and embedded web app
