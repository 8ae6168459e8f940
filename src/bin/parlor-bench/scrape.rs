//! Scrapes: the time of a request for the metrics while sessions are connected.

use std::time::Instant;

use hdrhistogram::Histogram;

use super::flags::Scrape;
use super::http::Requests;
use super::report::Run;
use super::swarm::Swarm;
use super::target::Role;

/// Most sessions that are being greeted at once.
const MAX_GREETING: usize = 256;

/// Measures it once. A request's time is from before it is written until its answer is read.
pub(super) fn run(how: &Scrape) -> Result<Run, String> {
    let to = &how.http.to;
    let mut swarm = Swarm::new(to)?;
    swarm.open(how.sessions as usize, Role::Reader, MAX_GREETING)?;
    swarm.discard_for(how.settle)?;
    let mut requests = Requests::connect(how.http.address())?;
    let mut times = Histogram::<u64>::new_with_bounds(1_000, 600_000_000_000, 3).map_err(|error| error.to_string())?;
    let mut bytes = 0;
    for _ in 0..how.scrapes {
        let asked = Instant::now();
        bytes = requests.get("/metrics")?.len();
        times.saturating_record(asked.elapsed().as_nanos() as u64);
        swarm.discard_for(how.every)?;
    }
    let ms = |quantile| times.value_at_quantile(quantile) as f64 / 1e6;
    Ok(Run::of("scrape")
        .given("wire", to.wire.name())
        .given("sessions", how.sessions)
        .given("scrapes", how.scrapes)
        .figure("bytes", bytes as f64, "")
        .figure("scrape_p50", ms(0.5), "ms")
        .figure("scrape_p99", ms(0.99), "ms")
        .figure("scrape_max", times.max() as f64 / 1e6, "ms"))
}
