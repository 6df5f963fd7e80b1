//! What bites: semantics of Datadog and of common sense that a monitor must keep, each as a small story.

mod composites;
mod detectors;
mod failures;
mod groups;
mod missing;
mod states;
mod windows;
