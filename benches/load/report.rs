//! The results as a table and as a picture.

use std::fmt::Write as _;

use crate::load::{Load, median};

/// One kind of work, with the figures of each round.
pub(crate) struct Line {
    pub(crate) what: String,
    pub(crate) rates: Vec<f64>,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) cpu: f64,
    /// The ratio to a control in each round, and the name of the control.
    pub(crate) ratios: Vec<f64>,
    pub(crate) of: &'static str,
}

/// Returns the median, the minimum and the maximum.
pub(crate) fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    match values.as_slice() {
        [] => (f64::NAN, f64::NAN, f64::NAN),
        all => (all[all.len() / 2], all[0], all[all.len() - 1]),
    }
}

/// Returns a table in Markdown.
pub(crate) fn table(lines: &[Line]) -> String {
    let figure =
        |value: f64, digits: usize| if value.is_nan() { String::new() } else { format!("{value:.digits$}") };
    let mut text = "| work | a second (least to most) | p50 ms | p99 ms | CPU ms | ratio (least to most) |\n|---|---|---|---|---|---|\n".to_owned();
    for line in lines {
        let (rate, least, most) = spread(&line.rates);
        let rates = format!("**{rate:.0}** ({least:.0} to {most:.0})");
        let (ratio, least, most) = spread(&line.ratios);
        let ratios = if line.ratios.is_empty() {
            String::new()
        } else {
            format!("**{ratio:.2}** ({least:.2} to {most:.2}) of {}", line.of)
        };
        let (p50, p99, cpu) = (figure(line.p50, 2), figure(line.p99, 2), figure(line.cpu, 3));
        writeln!(text, "| {} | {rates} | {p50} | {p99} | {cpu} | {ratios} |", line.what).unwrap();
    }
    text
}

/// Returns an SVG with a bar for each line that has a ratio. The bar shows how much of its control the work reaches,
/// and a thin line shows the spread.
pub(crate) fn plot(lines: &[Line]) -> String {
    let bars: Vec<&Line> = lines.iter().filter(|line| !line.ratios.is_empty()).collect();
    let (left, width, row) = (330.0, 420.0, 26.0);
    let count = f64::from(u32::try_from(bars.len()).unwrap());
    let (total, height) = (left + width + 90.0, 40.0 + row * count);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {total} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for percent in [0, 25, 50, 75, 100] {
        let x = left + width * f64::from(percent) / 125.0;
        writeln!(svg, "<path d=\"M{x} 24V{}\" stroke=\"#ddd\"/><text x=\"{x}\" y=\"18\" text-anchor=\"middle\" fill=\"#555\">{percent} %</text>", height - 8.0).unwrap();
    }
    let mut y = 30.0;
    for line in bars {
        let x = |ratio: f64| left + width * ratio.clamp(0.0, 1.25) / 1.25;
        let (ratio, least, most) = spread(&line.ratios);
        let middle = y + 9.0;
        writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#222\">{} / {}</text>\
             <rect x=\"{left}\" y=\"{y}\" width=\"{}\" height=\"18\" fill=\"#4f7cac\"/>\
             <path d=\"M{} {middle}H{}\" stroke=\"#1d3557\" stroke-width=\"2\"/>\
             <text x=\"{}\" y=\"{}\" fill=\"#222\">{:.0} %</text>",
            left - 8.0,
            y + 13.0,
            line.what,
            line.of,
            x(ratio) - left,
            x(least),
            x(most),
            x(most.max(ratio)) + 6.0,
            y + 13.0,
            100.0 * ratio
        )
        .unwrap();
        y += row;
    }
    svg + "</svg>\n"
}

pub(crate) fn rates(loads: &[Load]) -> Vec<f64> {
    loads.iter().map(|load| load.rate).collect()
}

pub(crate) fn line(what: String, loads: &[Load], control: &[f64], of: &'static str) -> Line {
    let middle = |figure: fn(&Load) -> f64| median(loads.iter().map(figure));
    let ratios = loads.iter().zip(control).map(|(load, control)| load.rate / control).collect();
    Line {
        what,
        rates: rates(loads),
        p50: middle(|l| l.p50),
        p99: middle(|l| l.p99),
        cpu: middle(|l| l.cpu),
        ratios,
        of,
    }
}

pub(crate) fn rates_alone(what: String, rates: &[f64]) -> Line {
    Line { rates: rates.to_vec(), ..line(what, &[], &[], "") }
}
