//! Every limit that more than one crate must agree on, each with its reason.

/// Live tag sets of one metric; what is over goes to [`OVERFLOW`]. Ten thousand is more than a dashboard can show.
pub const TAG_SETS_PER_METRIC_MAX: usize = 10_000;

/// The value of every tag of a cell that is over [`TAG_SETS_PER_METRIC_MAX`].
pub const OVERFLOW: &str = "__other__";

/// Bytes of a tag value; longer values are cut. Datadog's limit is 200, and so is ours.
pub const TAG_VALUE_BYTES_MAX: usize = 200;

/// Samples that one point may stand for. A million of such points still add up within the tables' integers.
pub const POINT_WEIGHT_MAX: u64 = 1 << 40;

/// Bytes of the request body that the gateway reads; providers' own limits are 20 to 32 MiB.
pub const REQUEST_BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of input, or of output, that a span keeps. A longer text is cut and marked as cut; tokens stay exact.
pub const CONTENT_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of one encoded record in the journal. Four contents and room for the rest.
pub const RECORD_BYTES_MAX: usize = 8 * 1024 * 1024;
