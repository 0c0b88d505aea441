//! A plot as SVG: some lines over two logarithmic axes.

/// What is drawn.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) title: String,
    /// Name of the horizontal axis.
    pub(crate) x: String,
    /// Name of the vertical axis.
    pub(crate) y: String,
    pub(crate) lines: Vec<Line>,
}

/// A line and what it is called.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// Pairs above 0; others are left out.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Powers of ten that an axis begins and ends with, and where they lie on the page.
#[derive(Clone, Copy, Debug)]
struct Axis {
    decades: (i32, i32),
    pixels: (f64, f64),
}

impl Axis {
    fn around(values: impl Iterator<Item = f64>, pixels: (f64, f64)) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in values {
            (least, most) = (least.min(value), most.max(value));
        }
        if most <= 0.0 {
            return Self { decades: (0, 1), pixels };
        }
        let (low, high) = (decade(least.log10().floor()), decade(most.log10().ceil()));
        Self { decades: (low, high.max(low + 1)), pixels }
    }

    fn at(self, value: f64) -> f64 {
        let ((low, high), (begin, end)) = (self.decades, self.pixels);
        begin + (value.log10() - f64::from(low)) / f64::from(high - low) * (end - begin)
    }

    fn marks(self) -> impl Iterator<Item = (f64, String)> {
        let (low, high) = self.decades;
        (low..=high).map(move |power| {
            let value = 10_f64.powi(power);
            (self.at(value), short(value))
        })
    }
}

impl Plot {
    /// As a whole SVG file.
    pub(crate) fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| line.points.iter().copied()).filter(is_drawn);
        let horizontal = Axis::around(points().map(|(x, _)| x), (LEFT, RIGHT));
        let vertical = Axis::around(points().map(|(_, y)| y), (BOTTOM, TOP));
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
        );
        text += &label((WIDTH / 2.0, 20.0), "middle", &self.title);
        text += &label((f64::midpoint(LEFT, RIGHT), HEIGHT - 8.0), "middle", &self.x);
        text += &label((8.0, TOP - 10.0), "start", &self.y);
        for (x, mark) in horizontal.marks() {
            text += &stroke((x, TOP), (x, BOTTOM));
            text += &label((x, BOTTOM + 16.0), "middle", &mark);
        }
        for (y, mark) in vertical.marks() {
            text += &stroke((LEFT, y), (RIGHT, y));
            text += &label((LEFT - 6.0, y + 4.0), "end", &mark);
        }
        for (line, colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            text += &line.drawn(horizontal, vertical, colour);
        }
        for (row, (line, colour)) in self.lines.iter().zip(COLOURS.iter().cycle()).enumerate() {
            text += &legend(row, &line.name, colour);
        }
        text + "</svg>\n"
    }
}

impl Line {
    fn drawn(&self, horizontal: Axis, vertical: Axis, colour: &str) -> String {
        let place = |&(x, y): &(f64, f64)| (horizontal.at(x), vertical.at(y));
        let places: Vec<_> = self.points.iter().filter(|point| is_drawn(point)).map(place).collect();
        let path: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let mut text =
            format!("<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n", path.join(" "));
        for (x, y) in places {
            text += &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>\n");
        }
        text
    }
}

fn is_drawn(&(x, y): &(f64, f64)) -> bool {
    x > 0.0 && y > 0.0 && x.is_finite() && y.is_finite()
}

fn label((x, y): (f64, f64), anchor: &str, words: &str) -> String {
    let words = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>\n")
}

fn stroke((x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> String {
    format!("<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#ddd\"/>\n")
}

#[expect(clippy::cast_precision_loss, reason = "a handful of rows")]
fn legend(row: usize, name: &str, colour: &str) -> String {
    let y = TOP + 14.0 + 18.0 * row as f64;
    format!("<rect x=\"{}\" y=\"{}\" width=\"12\" height=\"4\" fill=\"{colour}\"/>\n", RIGHT + 10.0, y - 6.0)
        + &label((RIGHT + 28.0, y), "start", name)
}

/// A power of ten that a figure can have: from a thousandth to far above all of them.
#[expect(clippy::cast_possible_truncation, reason = "clamped before")]
fn decade(power: f64) -> i32 {
    power.clamp(-6.0, 15.0) as i32
}

fn short(value: f64) -> String {
    match value {
        value if value >= 1e9 => format!("{}G", value / 1e9),
        value if value >= 1e6 => format!("{}M", value / 1e6),
        value if value >= 1e3 => format!("{}k", value / 1e3),
        value => format!("{value}"),
    }
}

const WIDTH: f64 = 820.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 520.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 345.0;
const COLOURS: [&str; 5] = ["#0b5fa5", "#c1440e", "#2e7d32", "#7b1fa2", "#616161"];

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<(f64, f64)>) -> String {
        let line = Line { name: "reads & writes".into(), points };
        Plot { title: "growth".into(), x: "files".into(), y: "per second".into(), lines: vec![line] }.svg()
    }

    #[test]
    fn points_lie_on_logarithmic_axes() {
        let svg = plot(vec![(1.0, 1000.0), (10.0, 10_000.0), (100.0, 100_000.0)]);
        assert!(svg.contains("points=\"60.0,345.0 290.0,197.5 520.0,50.0\""), "{svg}");
        assert!(svg.contains(">100k</text>") && svg.contains("reads &amp; writes"));
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn what_has_no_logarithm_is_left_out() {
        let svg = plot(vec![(0.0, 5.0), (5.0, -1.0), (3.0, 30.0), (f64::NAN, 1.0)]);
        assert_eq!(svg.matches("<circle").count(), 1);
        assert_eq!(plot(Vec::new()).matches("<circle").count(), 0);
    }
}
