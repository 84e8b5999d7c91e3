//! Colours, light and dark. Lines are Okabe and Ito's palette, phases are viridis: the colour-blind
//! can distinguish both; lines beyond the fourth are dashed besides.

use clap::ValueEnum;
use plotters::style::RGBColor;

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

/// Whether a line of the chart is dashed.
pub fn is_dashed(index: usize) -> bool {
    index >= 4
}
