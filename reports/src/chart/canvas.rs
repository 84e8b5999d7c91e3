//! A canvas in points: an SVG text or the bytes of a PNG. Text is laid out, and in a PNG drawn, with the font in
//! `reports/fonts`; an SVG embeds it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBColor, ShapeStyle, TextStyle, register_font};

use crate::engine::Problem;

/// A subset of DejaVu Sans Condensed; the licence is beside it.
const FONT: &[u8] = include_bytes!("../../fonts/DejaVuSansCondensed-subset.ttf");
/// The fonts that an SVG names: the embedded one, otherwise one of similar width.
const FAMILY: &str = "KraftsimChart, DejaVu Sans Condensed, Arial Narrow, Arial, sans-serif";

/// Backend units per point: units are integers, and a point is too coarse for a curve.
const FINE: i32 = 4;
/// Backend units per pixel of a PNG, which has two pixels per point; this smooths edges.
const SMOOTH: usize = 2;
/// Ratio of a backend's font size to its size in units.
const LINE_HEIGHT: f64 = 1.24;

/// The horizontal alignment of a text at its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// The text begins there.
    Left,
    /// The middle of the text is there.
    Middle,
    /// The text ends there.
    Right,
}

/// A drawing.
pub trait Picture {
    /// Width and height, points.
    fn size(&self) -> (f64, f64);
    /// Title and description, for screen readers.
    fn words(&self) -> (String, String);
    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<B>);
}

/// A drawing area.
pub struct Canvas<B: DrawingBackend> {
    backend: B,
    sort: Sort,
    problem: Option<String>,
}

/// Properties that differ between backends.
#[derive(Clone, Copy)]
struct Sort {
    /// From the top of a text's box to its baseline, in sizes of the font.
    ascent: f64,
    /// Polylines have good corners.
    joins: bool,
}

const SVG: Sort = Sort { ascent: 0.76, joins: true };
const BITMAP: Sort = Sort { ascent: 0.62, joins: false };

/// A picture as SVG. The same picture gives the same text.
pub fn svg(picture: &impl Picture) -> Result<String, Problem> {
    let (width, height) = picture.size();
    let mut text = String::new();
    paint(picture, SVGBackend::with_string(&mut text, units(picture)), SVG)?;
    let (title, description) = picture.words();
    let (tag, rest) = text.split_once('>').unwrap_or_default();
    let view = tag.split_once("viewBox").map_or("", |(_, view)| view);
    let font = STANDARD.encode(FONT);
    Ok(format!(
        "<svg width=\"{width}\" height=\"{height}\" role=\"img\" viewBox{view}>\n<title>{}</title>\n<desc>{}</desc>\n\
         <style>@font-face{{font-family:KraftsimChart;src:url(data:font/ttf;base64,{font})}}</style>{rest}",
        escape(&title),
        escape(&description),
    ))
}

/// A picture as the bytes of a PNG.
pub fn png(picture: &impl Picture) -> Result<Vec<u8>, Problem> {
    let (width, height) = units(picture);
    let mut fine = vec![0; 3 * width as usize * height as usize];
    paint(picture, BitMapBackend::with_buffer(&mut fine, (width, height)), BITMAP)?;
    let (wide, high) = (width as usize / SMOOTH, height as usize / SMOOTH);
    let mut pixels = Vec::with_capacity(3 * wide * high);
    for (y, x, colour) in (0..high).flat_map(|y| (0..wide).flat_map(move |x| (0..3).map(move |c| (y, x, c)))) {
        let part =
            |dy: usize, dx: usize| u32::from(fine[3 * ((y * SMOOTH + dy) * width as usize + x * SMOOTH + dx) + colour]);
        let sum: u32 =
            (0..SMOOTH).flat_map(|dy| (0..SMOOTH).map(move |dx| (dy, dx))).map(|(dy, dx)| part(dy, dx)).sum();
        pixels.push((sum / (SMOOTH * SMOOTH) as u32) as u8);
    }
    let wrong = |error: png::EncodingError| Problem::new(format!("the PNG cannot be made: {error}"));
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, wide as u32, high as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(wrong)?;
    writer.write_image_data(&pixels).map_err(wrong)?;
    writer.finish().map_err(wrong)?;
    Ok(bytes)
}

/// Width of a text, points.
pub fn width(text: &str, size: f64) -> f64 {
    let units = font(size).box_size(text).map_or(0, |(width, _)| width);
    f64::from(units) / f64::from(FINE)
}

/// A text that is not wider than `most` points: its end is cut off if necessary.
pub fn fitted(text: &str, size: f64, most: f64) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let mut cut: Vec<char> = text.chars().collect();
    while cut.pop().is_some() {
        let text = format!("{}…", cut.iter().collect::<String>().trim_end());
        if width(&text, size) <= most {
            return text;
        }
    }
    String::new()
}

/// A text as lines that are not wider than `most` points, broken at spaces, but not between a flag and its value.
pub fn wrapped(text: &str, size: f64, most: f64) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match words.last_mut() {
            Some(last) if last.starts_with("--") && !last.contains(' ') => last.push_str(&format!(" {word}")),
            _ => words.push(word.to_owned()),
        }
    }
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size) <= most => line.push_str(&format!(" {word}")),
            _ => lines.push(word),
        }
    }
    lines.iter().map(|line| fitted(line, size, most)).collect()
}

fn font(size: f64) -> FontDesc<'static> {
    FontDesc::new(FontFamily::Name(FAMILY), size * f64::from(FINE) * LINE_HEIGHT, FontStyle::Normal)
}

/// Registers the font; to be called before any layout.
pub fn prepare() -> Result<(), Problem> {
    register_font(FAMILY, FontStyle::Normal, FONT).map_err(|_| Problem::new("the font in reports/fonts is none"))
}

fn units(picture: &impl Picture) -> (u32, u32) {
    let (width, height) = picture.size();
    let units = |points: f64| (points * f64::from(FINE)).round() as u32;
    (units(width), units(height))
}

fn paint(picture: &impl Picture, backend: impl DrawingBackend, sort: Sort) -> Result<(), Problem> {
    let mut canvas = Canvas { backend, sort, problem: None };
    picture.draw(&mut canvas);
    let presented = canvas.backend.present();
    canvas.note(presented);
    canvas.problem.map_or(Ok(()), |problem| Err(Problem::new(format!("the chart cannot be drawn: {problem}"))))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn at(x: f64, y: f64) -> (i32, i32) {
    let units = |points: f64| (points * f64::from(FINE)).round() as i32;
    (units(x), units(y))
}

fn style(colour: RGBColor, width: f64) -> ShapeStyle {
    ShapeStyle { color: colour.to_rgba(), filled: true, stroke_width: (width * f64::from(FINE)).round() as u32 }
}

/// The parts of a polyline that are drawn.
fn cut(points: &[(f64, f64)], dashes: &[f64]) -> Vec<Vec<(f64, f64)>> {
    let (Some(first), false) = (points.first(), dashes.is_empty()) else { return vec![points.to_vec()] };
    let (mut parts, mut part) = (Vec::new(), vec![*first]);
    let (mut dash, mut left) = (0, dashes[0]);
    for pair in points.windows(2) {
        let ((mut x, mut y), (to_x, to_y)) = (pair[0], pair[1]);
        loop {
            let length = (to_x - x).hypot(to_y - y);
            if length < left {
                left -= length;
                part.push((to_x, to_y));
                break;
            }
            let share = left / length;
            (x, y) = (x + (to_x - x) * share, y + (to_y - y) * share);
            part.push((x, y));
            if dash % 2 == 0 {
                parts.push(std::mem::take(&mut part));
            }
            part = vec![(x, y)];
            dash += 1;
            left = dashes[dash % dashes.len()];
        }
    }
    if dash % 2 == 0 && part.len() > 1 {
        parts.push(part);
    }
    parts
}

/// The corners of a marker, in radii; none: a circle.
fn shape(index: usize) -> &'static [(f64, f64)] {
    const SQUARE: &[(f64, f64)] = &[(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)];
    const TRIANGLE: &[(f64, f64)] = &[(0.0, -1.15), (1.1, 0.85), (-1.1, 0.85)];
    const DIAMOND: &[(f64, f64)] = &[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)];
    const DOWN: &[(f64, f64)] = &[(0.0, 1.15), (1.1, -0.85), (-1.1, -0.85)];
    const BOW: &[(f64, f64)] = &[(-1.2, -1.0), (0.0, -0.3), (1.2, -1.0), (1.2, 1.0), (0.0, 0.3), (-1.2, 1.0)];
    const BAR: &[(f64, f64)] = &[(-0.5, -1.3), (0.5, -1.3), (0.5, 1.3), (-0.5, 1.3)];
    const HOUSE: &[(f64, f64)] = &[(0.0, -1.2), (1.0, -0.2), (1.0, 1.0), (-1.0, 1.0), (-1.0, -0.2)];
    [&[], SQUARE, TRIANGLE, DIAMOND, DOWN, BOW, BAR, HOUSE][index % 8]
}

impl<B: DrawingBackend> Canvas<B> {
    fn note<E: std::fmt::Display>(&mut self, done: Result<(), E>) {
        if let Err(error) = done {
            self.problem.get_or_insert(error.to_string());
        }
    }

    /// A filled rectangle.
    pub fn rectangle(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), colour: RGBColor) {
        let done = self.backend.draw_rect(at(x, y), at(x + width, y + height), &style(colour, 0.0), true);
        self.note(done.map_err(|error| error.to_string()));
    }

    /// A polyline whose parts are all parallel to an axis.
    pub fn steps(&mut self, points: &[(f64, f64)], width: f64, colour: RGBColor) {
        if self.sort.joins {
            let points = points.iter().map(|(x, y)| at(*x, *y));
            let done = self.backend.draw_path(points, &style(colour, width));
            return self.note(done.map_err(|error| error.to_string()));
        }
        let half = width / 2.0;
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let corner = (x0.min(x1) - half, y0.min(y1) - half);
            self.rectangle(corner, ((x1 - x0).abs() + width, (y1 - y0).abs() + width), colour);
        }
    }

    /// A polyline of any directions.
    pub fn path(&mut self, points: &[(f64, f64)], width: f64, colour: RGBColor) {
        let done = self.backend.draw_path(points.iter().map(|(x, y)| at(*x, *y)), &style(colour, width));
        self.note(done.map_err(|error| error.to_string()));
    }

    /// A polyline with dashes: lengths drawn and left out in turns; none: solid.
    pub fn dashed(&mut self, points: &[(f64, f64)], dashes: &[f64], width: f64, colour: RGBColor) {
        for part in cut(points, dashes) {
            let level = |pair: &[(f64, f64)]| pair[0].0 == pair[1].0 || pair[0].1 == pair[1].1;
            if part.windows(2).all(level) {
                self.steps(&part, width, colour);
            } else {
                self.path(&part, width, colour);
            }
        }
    }

    /// A filled polygon.
    pub fn polygon(&mut self, corners: &[(f64, f64)], colour: RGBColor) {
        self.fill(corners, &style(colour, 0.0));
    }

    /// A polygon through which what is behind it is visible.
    pub fn veil(&mut self, corners: &[(f64, f64)], colour: RGBColor, opacity: f64) {
        self.fill(corners, &ShapeStyle { color: colour.mix(opacity), ..style(colour, 0.0) });
    }

    fn fill(&mut self, corners: &[(f64, f64)], style: &ShapeStyle) {
        let done = self.backend.fill_polygon(corners.iter().map(|(x, y)| at(*x, *y)), style);
        self.note(done.map_err(|error| error.to_string()));
    }

    /// A marker: one shape for each index.
    pub fn marker(&mut self, (x, y): (f64, f64), radius: f64, index: usize, colour: RGBColor) {
        let corners = shape(index).iter().map(|(dx, dy)| (x + dx * radius, y + dy * radius));
        let corners: Vec<(f64, f64)> = corners.collect();
        if !corners.is_empty() {
            return self.polygon(&corners, colour);
        }
        let radius = (radius * f64::from(FINE)).round() as u32;
        let done = self.backend.draw_circle(at(x, y), radius, &style(colour, 0.0), true);
        self.note(done.map_err(|error| error.to_string()));
    }

    /// A text on a line at `y`.
    pub fn text(&mut self, text: &str, (x, y): (f64, f64), size: f64, colour: RGBColor, align: Align) {
        let side = match align {
            Align::Left => HPos::Left,
            Align::Middle => HPos::Center,
            Align::Right => HPos::Right,
        };
        let style = TextStyle::from(font(size)).color(&colour).pos(Pos::new(side, VPos::Top));
        let done = self.backend.draw_text(text, &style, at(x, y - self.sort.ascent * size));
        self.note(done.map_err(|error| error.to_string()));
    }
}
