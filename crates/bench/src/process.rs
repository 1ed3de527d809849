//! What the kernel knows of a process: CPU time, resident memory, family. Read from `/proc`.

use std::path::Path;

use anyhow::Context as _;

/// `/proc` counts CPU time in hundredths of a second, whatever the machine.
const TICK_MICROS: u64 = 10_000;

/// CPU time that was used so far, or between two readings: µs of user and system time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cpu {
    /// Of the process that is measured.
    pub process: u64,
    /// Of the database server, when it is another process.
    pub database: u64,
}

impl Cpu {
    /// Both together.
    pub const fn total(self) -> u64 {
        self.process + self.database
    }

    /// What was used since an earlier reading.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self {
            process: self.process.saturating_sub(earlier.process),
            database: self.database.saturating_sub(earlier.database),
        }
    }

    /// The share of each of `n` requests.
    #[must_use]
    pub fn per(self, n: usize) -> Self {
        let n = u64::try_from(n).unwrap_or(u64::MAX).max(1);
        Self { process: self.process / n, database: self.database / n }
    }
}

/// Whose CPU time is read.
#[derive(Debug, Clone, Copy)]
pub struct Meter {
    /// The program, or this process itself.
    pub process: u32,
    /// The process that started all processes of the PostgreSQL server.
    pub postmaster: Option<u32>,
}

impl Meter {
    /// The CPU time used so far.
    pub fn read(self) -> anyhow::Result<Cpu> {
        let database = match self.postmaster {
            Some(postmaster) => family_cpu(postmaster)?,
            None => 0,
        };
        Ok(Cpu { process: stat(self.process)?.own, database })
    }
}

/// A line of `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// User and system time, µs; threads that ended are in it.
    own: u64,
    /// The same of children that ended and were waited for.
    reaped: u64,
}

fn stat(pid: u32) -> anyhow::Result<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid}"))?;
    parse_stat(&text).with_context(|| format!("/proc/{pid}/stat cannot be read: {text}"))
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The name before it may hold blanks and brackets; the last bracket ends it.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |n: usize| fields.get(n)?.parse::<u64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: (ticks(11)? + ticks(12)?) * TICK_MICROS,
        reaped: (ticks(13)? + ticks(14)?) * TICK_MICROS,
    })
}

/// The CPU time of a PostgreSQL server: its children that run, those that ended, and itself.
fn family_cpu(postmaster: u32) -> anyhow::Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        // A process may end between the listing and the reading.
        if let Ok(child) = stat(pid)
            && child.parent == postmaster
        {
            total += child.own;
        }
    }
    let own = stat(postmaster)?;
    Ok(total + own.own + own.reaped)
}

/// The process that started this one.
pub fn parent_of(pid: u32) -> anyhow::Result<u32> {
    Ok(stat(pid)?.parent)
}

/// Resident memory of a process, kB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Now.
    pub now: u64,
    /// The most since its start, or since [`forget_peak`].
    pub peak: u64,
}

/// Reads the resident memory of a process.
pub fn memory(pid: u32) -> anyhow::Result<Memory> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).with_context(|| format!("process {pid}"))?;
    let kilobytes = |label: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(label))
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|number| number.parse::<u64>().ok())
            .with_context(|| format!("{label} is missing in /proc/{pid}/status"))
    };
    Ok(Memory { now: kilobytes("VmRSS:")?, peak: kilobytes("VmHWM:")? })
}

/// Lets the peak of a process begin anew from what it has now.
pub fn forget_peak(pid: u32) -> anyhow::Result<()> {
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").with_context(|| format!("the peak memory of process {pid}"))
}

/// How many processes have wanted to run during the last minute: a busy machine flatters nobody.
pub fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// The model of the processor and the memory of this machine, for people.
pub fn machine() -> (String, u64) {
    let find = |file: &str, label: &str| {
        let text = std::fs::read_to_string(Path::new("/proc").join(file)).unwrap_or_default();
        let line = text.lines().find_map(|l| l.strip_prefix(label)).map(str::to_owned);
        line.unwrap_or_default().trim_start_matches([' ', '\t', ':']).trim().to_owned()
    };
    let memory = find("meminfo", "MemTotal").split(' ').next().and_then(|n| n.parse().ok()).unwrap_or_default();
    (find("cpuinfo", "model name"), memory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_stat_is_read_whatever_the_name() {
        let line = "42 (a) name (x)) S 7 42 42 0 -1 4194560 1 2 3 4 150 50 20 5 20 0 9 0 100 1 2";
        let expected = Stat { parent: 7, own: 2_000_000, reaped: 250_000 };
        assert_eq!(parse_stat(line).unwrap(), expected);
        assert!(parse_stat("nonsense").is_none());
    }

    #[test]
    fn this_process_has_memory_and_a_parent() {
        let pid = std::process::id();
        let memory = memory(pid).unwrap();
        assert!(memory.now > 0 && memory.peak >= memory.now);
        assert!(parent_of(pid).unwrap() > 0);
    }
}
