//! Every limit of the query language, each with its reason.

/// Bytes of a query. The longest hand-written dashboards seen have about 2 kB; 16 kB is room for generated ones.
pub const QUERY_BYTES_MAX: usize = 16 * 1024;

/// How deep parentheses, calls and negations nest. People stop reading at five; the parser recurses, so it is bounded.
pub const DEPTH_MAX: usize = 64;

/// Numbers, metrics, calls and operators of one query. The tree is walked recursively and a chain of `+` makes it as
/// deep as it is long, so this bounds the stack.
pub const NODES_MAX: usize = 400;

/// Tags to group by. Seven tags are carried by cells; more groups than that cannot be told apart on a screen.
pub const GROUP_TAGS_MAX: usize = 8;

/// Points of a series when the step is chosen: about one for each four pixels of a chart.
pub const POINTS_CHOSEN_MAX: i64 = 300;

/// Points of a series when the step is asked for: the columns of a 4K screen.
pub const POINTS_MAX: i64 = 4_000;

/// Series of an answer. More lines than this are neither drawn nor read; the largest are kept and a note says so.
pub const SERIES_MAX: usize = 500;

/// What `top(n, …)` may keep.
pub const TOP_MAX: u32 = 500;

/// Buckets of one scan, in time. Overlapping windows over local days are cut into hours, which makes more buckets than
/// points; two years of hours fit.
pub const BUCKETS_MAX: i64 = 20_000;

/// How far `timeshift` looks back, in days: what hourly cells are kept for (13 months).
pub const SHIFT_DAYS_MAX: i64 = 400;
