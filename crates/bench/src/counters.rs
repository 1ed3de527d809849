//! The program's own counters: requests and statements per route, from its metrics page.

use std::net::SocketAddr;

use crate::http::{Connection, Request};

/// What a route has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests answered.
    pub requests: u64,
    /// Statements sent to the database (BEGIN and COMMIT not counted).
    pub statements: u64,
}

impl Counters {
    /// Tenths of statements per request since an earlier reading.
    pub fn tenths_per_request_since(self, earlier: Self) -> u64 {
        let requests = self.requests.saturating_sub(earlier.requests).max(1);
        self.statements.saturating_sub(earlier.statements) * 10 / requests
    }
}

/// Reads the counters of a route.
pub async fn read(metrics: SocketAddr, route: &str) -> anyhow::Result<Counters> {
    let mut connection = Connection::open(metrics).await?;
    let page = connection.send(&Request::get("/metrics", metrics)).await?;
    page.expect(200, "GET /metrics")?;
    Ok(parse(&page.text(), route))
}

fn parse(page: &str, route: &str) -> Counters {
    let label = format!("route=\"{route}\"");
    let sum = |name: &str| {
        page.lines()
            .filter(|line| line.starts_with(name) && line.contains(&label))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok())
            .sum()
    };
    Counters { requests: sum("mianban_requests_total{"), statements: sum("mianban_statements_total{") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_of_one_route_are_summed_over_its_answers() {
        let page = "# TYPE mianban_requests_total counter\n\
            mianban_requests_total{route=\"/applications/{id}\",status=\"200\"} 7\n\
            mianban_requests_total{route=\"/applications/{id}\",status=\"303\"} 3\n\
            mianban_requests_total{route=\"/applications\",status=\"200\"} 5\n\
            mianban_statements_total{route=\"/applications/{id}\"} 60\n";
        let counted = parse(page, "/applications/{id}");
        assert_eq!(counted, Counters { requests: 10, statements: 60 });
        assert_eq!(counted.tenths_per_request_since(Counters::default()), 60);
    }
}
