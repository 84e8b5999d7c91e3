//! Colours, dashes and markers, light and dark. Lines are Okabe and Ito's palette, phases and heat maps are viridis: the
//! colour-blind can distinguish both. Lines differ in dashes and markers besides, and cells have their numbers, so that no
//! chart needs its colours.

use clap::ValueEnum;
use plotters::style::RGBColor;
use plotters::style::colors::colormaps::ViridisRGB;

/// `--theme`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Theme {
    /// For paper and READMEs
    Light,
    /// For dark pages
    Dark,
}

const LIGHT_LINES: [RGBColor; 8] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x1f, 0x23, 0x28),
    RGBColor(0x88, 0x22, 0x55),
];
/// Blue is dark on a dark background, so it is used late and lighter.
const DARK_LINES: [RGBColor; 8] = [
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x1f, 0xc0, 0x92),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xf0, 0xe4, 0x42),
    RGBColor(0xf0, 0x7d, 0x2e),
    RGBColor(0xd8, 0xde, 0xe9),
    RGBColor(0x6f, 0x8f, 0xf0),
];
const PHASES: [RGBColor; 5] = [
    RGBColor(0x5b, 0x4b, 0x9e),
    RGBColor(0x2a, 0x78, 0x8e),
    RGBColor(0x22, 0xa8, 0x84),
    RGBColor(0x7a, 0xd1, 0x51),
    RGBColor(0xfd, 0xe7, 0x25),
];

impl Theme {
    /// The background.
    pub fn ground(self) -> RGBColor {
        match self {
            Theme::Light => RGBColor(0xff, 0xff, 0xff),
            Theme::Dark => RGBColor(0x0f, 0x14, 0x1a),
        }
    }

    /// Primary text.
    pub fn text(self) -> RGBColor {
        match self {
            Theme::Light => RGBColor(0x1f, 0x23, 0x28),
            Theme::Dark => RGBColor(0xd8, 0xde, 0xe9),
        }
    }

    /// Secondary text.
    pub fn muted(self) -> RGBColor {
        match self {
            Theme::Light => RGBColor(0x59, 0x63, 0x6e),
            Theme::Dark => RGBColor(0x9a, 0xa7, 0xb4),
        }
    }

    /// The grid behind the data.
    pub fn grid(self) -> RGBColor {
        match self {
            Theme::Light => RGBColor(0xe3, 0xe7, 0xeb),
            Theme::Dark => RGBColor(0x26, 0x2e, 0x38),
        }
    }

    /// Colour of a line of the chart.
    pub fn line(self, index: usize) -> RGBColor {
        match self {
            Theme::Light => LIGHT_LINES[index % LIGHT_LINES.len()],
            Theme::Dark => DARK_LINES[index % DARK_LINES.len()],
        }
    }

    /// Colour of a phase, by its index among those of its kind.
    pub fn phase(self, index: usize) -> RGBColor {
        PHASES[index % PHASES.len()]
    }
}

/// The dashes of a line: lengths drawn and left out in turns, points; none: solid.
pub fn dashes(index: usize) -> &'static [f64] {
    const PATTERNS: [&[f64]; 8] = [
        &[],
        &[8.0, 4.0],
        &[2.0, 2.5],
        &[9.0, 3.0, 2.0, 3.0],
        &[15.0, 4.0],
        &[4.0, 4.0],
        &[9.0, 3.0, 2.0, 3.0, 2.0, 3.0],
        &[1.5, 6.0],
    ];
    PATTERNS[index % PATTERNS.len()]
}

/// The colour of a cell of a heat map, 0 for the lowest value and 1 for the highest, and that of the text in it.
pub fn heat(part: f64) -> (RGBColor, RGBColor) {
    let cell = ViridisRGB::get_color_normalized(part, 0.0, 1.0);
    let RGBColor(red, green, blue) = cell;
    let luminance = 0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue);
    (cell, if luminance > 130.0 { RGBColor(0x10, 0x12, 0x14) } else { RGBColor(0xff, 0xff, 0xff) })
}
