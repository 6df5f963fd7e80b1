//! Providers' wire formats, without I/O
