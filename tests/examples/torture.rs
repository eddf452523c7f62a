//! Tortures the real program for a while: what `cargo xtask torture` runs once everything is built.

use anyhow::{Context as _, Result, bail};
use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> Result<ExitCode> {
    use dacapo_tests::torture::Torture;

    let torture = options(std::env::args().skip(1))?;
    println!("{torture:?}");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let reports = runtime.block_on(Torture::run(&torture))?;
    println!();
    for report in &reports {
        println!("{}", report.text());
    }
    let broken: usize = reports.iter().map(|report| report.broken.len()).sum();
    println!("seed {}: {broken} promises broken", torture.seed);
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(not(target_os = "linux"))]
fn main() -> Result<ExitCode> {
    bail!("the library that stands between the program and its disk is for Linux")
}

#[cfg(target_os = "linux")]
fn options(mut args: impl Iterator<Item = String>) -> Result<dacapo_tests::torture::Torture> {
    use dacapo_tests::draw::new_seed;
    use dacapo_tests::torture::Torture;
    use dacapo_tests::torture::trouble::TROUBLES;
    use std::time::Duration;

    let time = Duration::from_secs(10 * 60);
    let mut torture = Torture { troubles: TROUBLES.to_vec(), rounds: u64::MAX, time, seed: new_seed(), flows: 63 };
    while let Some(option) = args.next() {
        let value = args.next().with_context(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--minutes" => torture.time = Duration::from_secs_f64(value.parse::<f64>()? * 60.0),
            "--rounds" => torture.rounds = value.parse()?,
            "--seed" => torture.seed = value.parse()?,
            "--flows" => torture.flows = value.parse()?,
            "--kinds" => torture.troubles = value.split(',').map(str::parse).collect::<Result<_>>()?,
            other => bail!("unknown option `{other}`; there are --minutes, --rounds, --seed, --flows and --kinds"),
        }
    }
    Ok(torture)
}
