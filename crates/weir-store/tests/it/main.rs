//! The store from outside: its files, its doors, and what is left of it after any end.

mod browse;
mod journal;
mod keys;
mod kill;
mod outage;
mod retention;
mod sql;
mod support;
