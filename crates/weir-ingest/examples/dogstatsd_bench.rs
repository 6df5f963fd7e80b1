//! Measures DogStatsD on loopback: how many of so many datagrams a second are lost, and what one costs.
//!
//!     cargo run --release -p weir-ingest --example dogstatsd_bench -- [datagrams a second] [seconds]
//!
//! Sender and receiver are threads of this process, with real sockets between them; records go to a sink that only counts,
//! so the numbers are the receiver's own. CPU is that of the receiving thread, kernel included.

use std::fs;
use std::io::IoSlice;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};
use tokio::sync::watch;
use weir_ingest::{Inlet, InletParts, dogstatsd};
use weir_meter::{Meter, PriceBook};
use weir_types::{Record, RecordSink, SinkError, SystemClock};

/// What is sent in turn: counts, a timing and a gauge, with tags of many values.
const LINES: [&str; 4] = [
    "custom.llm.cache_hit:1|c|#model:gpt-4o,route:",
    "custom.llm.cache_miss:1|c|#model:gpt-4o-mini,route:",
    "custom.llm.prompt_truncated:1|c|#agent:chat-assistant,team:search,route:",
    "custom.llm.calls:1|c|@0.5|#env:prod,service:checkout,route:",
];

/// Datagrams handed to the kernel at once, as several busy clients would in the same instant.
const BURST: usize = 32;

#[derive(Default)]
struct Counting(AtomicU64);

impl RecordSink for Counting {
    fn append(&self, records: &[Record]) -> Result<(), SinkError> {
        self.0.fetch_add(records.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

#[expect(clippy::print_stdout, reason = "this is a command line tool")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let rate = arguments.next().transpose()?.unwrap_or(150_000);
    let seconds = arguments.next().transpose()?.unwrap_or(10);

    let sink = Arc::new(Counting::default());
    let parts = InletParts {
        sink: Arc::clone(&sink) as _,
        meter: Arc::new(Meter::new(PriceBook::bundled())),
        clock: Arc::new(SystemClock),
    };
    let inlet = Arc::new(Inlet::new(parts));
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let client = UdpSocket::bind("127.0.0.1:0")?;
    client.connect(socket.local_addr()?)?;
    let (stop, stopped) = watch::channel(false);
    let receiver = dogstatsd::serve_udp(socket, Arc::clone(&inlet), stopped)?;

    let began = Instant::now();
    let sent = send(&client, rate, Duration::from_secs(seconds))?;
    let took = began.elapsed();
    // One flush more, so that what is in the kernel is read.
    std::thread::park_timeout(2 * dogstatsd::FLUSH + Duration::from_millis(100));
    let cpu = receiver_cpu()?;
    stop.send(true)?;
    receiver.join().map_err(|_| "the receiver panicked")?;

    let accepted = inlet.accepted(dogstatsd::RECEIVER);
    println!(
        "sent       {sent} datagrams in {:.2} s: {:.0}/s",
        took.as_secs_f64(),
        sent as f64 / took.as_secs_f64()
    );
    println!("lost       {} ({:.4} %)", sent - accepted, (sent - accepted) as f64 / sent as f64 * 100.0);
    println!("CPU        {:.2} µs for a datagram", cpu.as_secs_f64() * 1e6 / accepted as f64);
    println!("records    {}", sink.0.load(Ordering::Relaxed));
    Ok(())
}

/// Sends at this rate, in bursts that are due; returns how many were sent.
fn send(client: &UdpSocket, rate: u64, duration: Duration) -> Result<u64, Box<dyn std::error::Error>> {
    let datagrams: Vec<String> =
        (0..4_096).map(|i| format!("{}{}", LINES[i % LINES.len()], i / LINES.len() % 64)).collect();
    let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(BURST, None);
    let (began, mut sent) = (Instant::now(), 0u64);
    while began.elapsed() < duration {
        let due = (began.elapsed().as_secs_f64() * rate as f64).min(u64::MAX as f64);
        if (sent as f64) >= due {
            std::hint::spin_loop();
            continue;
        }
        let first = usize::try_from(sent)? % datagrams.len();
        let slices: Vec<[IoSlice<'_>; 1]> =
            (0..BURST).map(|i| [IoSlice::new(datagrams[(first + i) % datagrams.len()].as_bytes())]).collect();
        let addresses = [None::<SockaddrStorage>; BURST];
        let done = sendmmsg(client.as_raw_fd(), &mut headers, &slices, addresses, [], MsgFlags::empty())?;
        sent += done.count() as u64;
    }
    Ok(sent)
}

/// What the receiving thread has used so far.
fn receiver_cpu() -> Result<Duration, Box<dyn std::error::Error>> {
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        if fs::read_to_string(task.join("comm"))?.trim() == "dogstatsd-udp" {
            let used = fs::read_to_string(task.join("schedstat"))?;
            let nanos = used.split(' ').next().ok_or("schedstat is empty")?.parse()?;
            return Ok(Duration::from_nanos(nanos));
        }
    }
    Err("there is no receiving thread".into())
}
