//! Charts, drawn on the server as SVG inside the page, so that they use its typeface (E37). Each stands above the table with
//! the same numbers. Amounts are whole numbers; only the library calculates with others, to place its lines.

use kit::error::AppError;
use plotters::coord::combinators::WithKeyPointMethod;
use plotters::coord::types::RangedCoordi64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Where a chart is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Half of a page at a desk.
    Desk,
    /// A phone.
    Phone,
}

impl Width {
    const fn size(self) -> (u32, u32) {
        match self {
            Self::Desk => (620, 260),
            Self::Phone => (340, 230),
        }
    }

    /// Labels side by side at most.
    const fn labels(self) -> usize {
        match self {
            Self::Desk => 12,
            Self::Phone => 6,
        }
    }
}

/// The colours of series, in their order; each is told from white and from the others by its lightness too.
pub const COLOURS: [&str; 2] = ["c-first", "c-second"];
const FIRST: RGBColor = RGBColor(0x14, 0x55, 0x9e);
const SECOND: RGBColor = RGBColor(0x3d, 0x95, 0x8c);
const GRID: RGBColor = RGBColor(0xe3, 0xe8, 0xef);
const AXIS: RGBColor = RGBColor(0x8c, 0x98, 0xa6);
const WORDS: RGBColor = RGBColor(0x55, 0x61, 0x6f);
const LIMIT: RGBColor = RGBColor(0xa8, 0x1f, 0x17);

/// The steps of the place that a label has.
const STEP: i64 = 10;

/// Numbers of a chart, side by side for each label.
#[derive(Debug, Clone)]
pub struct Series {
    /// What it is about, for the legend.
    pub name: &'static str,
    /// Its numbers; none = nothing to draw.
    pub values: Vec<Option<i64>>,
}

/// What is drawn.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Its title.
    pub title: &'static str,
    /// What the numbers are.
    pub unit: &'static str,
    /// Below the axis.
    pub labels: Vec<String>,
    /// One or two.
    pub series: [Series; 2],
    /// A mark across each label's place: the term of the post.
    pub limits: Vec<Option<i64>>,
    /// Lines rather than bars.
    pub is_lines: bool,
}

/// The chart as SVG for a desk and for a phone; its words for who hears the page.
#[derive(Debug)]
pub struct Drawn {
    /// Its title.
    pub title: &'static str,
    /// What the numbers are.
    pub unit: &'static str,
    /// The names of its series, with their colours.
    pub legend: Vec<(&'static str, &'static str)>,
    /// Whether it shows terms.
    pub has_limits: bool,
    /// SVG for a desk.
    pub desk: String,
    /// SVG for a phone.
    pub phone: String,
}

impl Chart {
    /// Draws it.
    pub fn draw(&self) -> Result<Drawn, AppError> {
        Ok(Drawn {
            title: self.title,
            unit: self.unit,
            legend: self.series.iter().zip(COLOURS).map(|(s, c)| (s.name, c)).collect(),
            has_limits: self.limits.iter().any(Option::is_some),
            desk: self.svg(Width::Desk)?,
            phone: self.svg(Width::Phone)?,
        })
    }

    fn svg(&self, width: Width) -> Result<String, AppError> {
        let mut out = String::new();
        self.draw_into(&mut out, width)
            .map_err(|e| AppError::Internal(anyhow::anyhow!("drawing the chart {}: {e}", self.title)))?;
        // The numbers of the picture are those of the table below it.
        let label = format!("{}（{}），数据见下表", self.title, self.unit);
        Ok(out.replacen("<svg ", &format!("<svg class=\"chart\" role=\"img\" aria-label=\"{label}\" "), 1))
    }

    fn draw_into(&self, out: &mut String, width: Width) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
        let places = i64::try_from(self.labels.len()).unwrap_or(i64::MAX / STEP).max(1);
        let values = || self.series.iter().flat_map(|s| s.values.iter().flatten());
        let most = values().chain(self.limits.iter().flatten()).copied().max().unwrap_or_default().max(1);
        // Room for the numbers above.
        let top = most + (most / 8).max(1);
        let every = self.labels.len().div_ceil(width.labels()).max(1);
        let shown: Vec<i64> = (0..places).step_by(every).map(|n| n * STEP + STEP / 2).collect();
        let labels = self.labels.clone();
        let label =
            move |at: &i64| usize::try_from(at / STEP).ok().and_then(|n| labels.get(n).cloned()).unwrap_or_default();
        let root = SVGBackend::with_string(out, width.size()).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin_top(6)
            .margin_right(6)
            .x_label_area_size(26)
            .y_label_area_size(38)
            .build_cartesian_2d((0..places * STEP).with_key_point_func(move |_| shown.clone()), 0..top)?;
        let words = ("sans-serif", 14).into_font().color(&WORDS);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(AXIS)
            .y_labels(if most < 5 { usize::try_from(top).unwrap_or(5) + 1 } else { 5 })
            .x_labels(places.try_into().unwrap_or(12))
            .x_label_formatter(&label)
            .label_style(words.clone())
            .draw()?;
        if self.is_lines {
            self.lines(&mut chart)?;
        } else {
            self.bars(&mut chart)?;
        }
        let limits = (0..).zip(&self.limits).filter_map(|(n, limit)| limit.map(|l| (n, l)));
        for (n, limit) in limits {
            let line = [(n * STEP + 1, limit), (n * STEP + STEP - 1, limit)];
            chart.draw_series([PathElement::new(line, LIMIT.stroke_width(2))])?;
        }
        // Where there is room, the numbers themselves.
        if width == Width::Desk && self.labels.len() <= 12 {
            let style = ("sans-serif", 13).into_font().color(&WORDS).pos(Pos::new(HPos::Center, VPos::Bottom));
            let texts = (0..).zip(&self.series).flat_map(|(n, series)| {
                (0..).zip(&series.values).filter_map(move |(at, value)| value.map(|v| (n, at, v)))
            });
            let draws_all = !self.is_lines;
            chart.draw_series(texts.filter(|(_, _, v)| *v > 0).filter(|(n, _, _)| draws_all || *n == 0).map(
                |(n, at, value)| {
                    let x = if draws_all { at * STEP + 3 + n * 3 } else { at * STEP + STEP / 2 };
                    Text::new(value.to_string(), (x, value), style.clone())
                },
            ))?;
        }
        root.present()?;
        Ok(())
    }

    fn bars<'a>(
        &self,
        chart: &mut ChartContext<'a, SVGBackend<'a>, Plane>,
    ) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
        for (n, (series, colour)) in (0..).zip(self.series.iter().zip([FIRST, SECOND])) {
            let bars = (0..).zip(&series.values).filter_map(|(at, value)| value.map(|v| (at, v)));
            chart.draw_series(bars.map(|(at, value)| {
                let left = at * STEP + 2 + n * 3;
                Rectangle::new([(left, 0), (left + 3, value)], colour.filled())
            }))?;
        }
        Ok(())
    }

    fn lines<'a>(
        &self,
        chart: &mut ChartContext<'a, SVGBackend<'a>, Plane>,
    ) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
        for (series, colour) in self.series.iter().zip([FIRST, SECOND]).rev() {
            let places = || (0..).zip(&series.values).map(|(at, value)| value.map(|v| (at * STEP + STEP / 2, v)));
            // A month without cases has no point, and no line leads over it.
            let points: Vec<Option<(i64, i64)>> = places().collect();
            for run in points.split(Option::is_none) {
                let run: Vec<_> = run.iter().flatten().copied().collect();
                chart.draw_series(LineSeries::new(run.clone(), colour.stroke_width(2)))?;
                chart.draw_series(run.into_iter().map(|at| Circle::new(at, 3, colour.filled())))?;
            }
        }
        Ok(())
    }
}

/// Both axes are whole numbers; labels stand in the middle of their places.
type Plane = Cartesian2d<WithKeyPointMethod<RangedCoordi64>, RangedCoordi64>;
