//! Streams: however the bytes are cut, the same is forwarded and the same is read, and nothing panics.
//!
//! The last four bytes choose: the dialect, whether usage is stripped, the limit of the output, and how the stream is
//! cut. Those before them are the stream, so that recorded streams are good seeds.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use weir_dialect::{Dialect, ResponseFacts, StreamForward, StreamOptions, StreamReader};

/// What came of a stream: what was forwarded, what was read, and whether its end was seen.
fn read<'a>(
    dialect: Dialect,
    options: StreamOptions,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<u8>, ResponseFacts, bool) {
    let mut reader = StreamReader::new(dialect, options);
    let mut forwarded = Vec::new();
    let mut first_tokens = 0;
    let mut steps: Vec<_> = pieces.map(|piece| reader.push(Bytes::copy_from_slice(piece))).collect();
    steps.push(reader.flush());
    for step in steps {
        first_tokens += usize::from(step.first_token);
        match step.forward {
            StreamForward::None => {}
            StreamForward::Same(bytes) => forwarded.extend_from_slice(&bytes),
            StreamForward::Parts(parts) => parts.iter().for_each(|part| forwarded.extend_from_slice(part)),
        }
    }
    assert!(first_tokens <= 1);
    let saw_terminal = reader.saw_terminal();
    (forwarded, reader.finish(), saw_terminal)
}

fuzz_target!(|data: &[u8]| {
    let Some((stream, [dialect, strip, limit, cut])) = data.split_last_chunk::<4>() else { return };
    let dialect = Dialect::ALL[usize::from(*dialect) % Dialect::ALL.len()];
    let content_bytes_max = if *limit < 128 { 1 << 20 } else { usize::from(*limit - 128) * 8 };
    let options = StreamOptions { strip_usage: strip % 2 == 1, content_bytes_max };

    let (forwarded, facts, saw_terminal) = read(dialect, options, std::iter::once(stream));
    let pieces = stream.chunks(usize::from(*cut) % 41 + 1);
    let (forwarded_cut, facts_cut, saw_terminal_cut) = read(dialect, options, pieces);
    assert_eq!(forwarded, forwarded_cut);
    assert!(facts == facts_cut, "{facts:?} is not {facts_cut:?}");
    assert_eq!(saw_terminal, saw_terminal_cut);
    if !options.strip_usage {
        assert_eq!(forwarded, stream);
    }
    if let Some(output) = &facts.output {
        serde_json::from_str::<&RawValue>(output).expect("the output is JSON");
    }
});
