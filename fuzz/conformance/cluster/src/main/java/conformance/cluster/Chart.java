package conformance.cluster;

import java.util.List;
import java.util.Locale;

/** An SVG with a panel for each measure that matters most: the share of failovers that took at most so long, both kinds. */
final class Chart {
    private static final int WIDTH = 1120;
    private static final int HEIGHT = 850;
    private static final int TOP = 114;
    private static final int PANEL_WIDTH = 460;
    private static final int PANEL_HEIGHT = 270;
    private static final int LEFT = 72;
    private static final int GAP_X = 90;
    private static final int GAP_Y = 118;
    private static final String REAL = "#0b5fa5";
    private static final String SIMULATED = "#c2410c";
    private static final String INK = "#1f2933";
    private static final String FAINT = "#d5dbe1";
    /** Where the values span more than this factor, the axis is logarithmic. */
    private static final double WIDE = 12;
    private static final int TICKS = 5;
    /** The least and the greatest values of a sample, percent, that an axis need not show. */
    private static final int SHOWN = 98;

    private record Panel(String title, String fault, String measure) {
    }

    private static final List<Panel> PANELS = List.of(
        new Panel("Active controller killed: all brokers caught up", "controller-kill", "total"),
        new Panel("SIGTERM to the active controller: all brokers caught up", "controller-terminate", "total"),
        new Panel("Broker killed: fenced", "broker-kill", "fenced"),
        new Panel("Broker killed: no partition's producers wait any more", "broker-kill", "produce gap"));

    private final StringBuilder svg = new StringBuilder();
    private final Samples real;
    private final Samples simulated;

    Chart(Samples real, Samples simulated) {
        this.real = real;
        this.simulated = simulated;
    }

    String draw(String of) {
        svg.append(String.format(Locale.ROOT, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            + "viewBox=\"0 0 %d %d\" font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\">%n", WIDTH, HEIGHT, WIDTH, HEIGHT));
        // The background is its own, so that it reads on dark pages, too.
        svg.append(String.format(Locale.ROOT, "<rect x=\"0.5\" y=\"0.5\" width=\"%d\" height=\"%d\" rx=\"8\" fill=\"#ffffff\" "
            + "stroke=\"%s\"/>%n", WIDTH - 1, HEIGHT - 1, FAINT));
        text(LEFT - 40, 36, 20, "bold", "start", INK, "Failovers: released Kafka and the simulator");
        text(LEFT - 40, 60, 13, "normal", "start", INK, of);
        legend();
        for (int i = 0; i < PANELS.size(); i++) {
            panel(PANELS.get(i), LEFT + i % 2 * (PANEL_WIDTH + GAP_X), TOP + 26 + i / 2 * (PANEL_HEIGHT + GAP_Y));
        }
        return svg.append("</svg>\n").toString();
    }

    private void legend() {
        int y = 31;
        line(WIDTH - 300, y, WIDTH - 268, y, REAL, 2.5, "");
        text(WIDTH - 260, y + 5, 14, "normal", "start", INK, "real");
        line(WIDTH - 190, y, WIDTH - 158, y, SIMULATED, 2.5, "7 4");
        text(WIDTH - 150, y + 5, 14, "normal", "start", INK, "simulated");
    }

    private void panel(Panel panel, int x, int y) {
        double[] one = real.of(panel.fault, panel.measure);
        double[] other = simulated.of(panel.fault, panel.measure);
        text(x, y - 44, 15, "bold", "start", INK, panel.title);
        text(x, y - 26, 12, "normal", "start", REAL, told("real", one));
        text(x, y - 10, 12, "normal", "start", SIMULATED, told("simulated", other));
        Axis axis = Axis.of(one, other, x);
        for (int percent = 0; percent <= 100; percent += 25) {
            double at = y + PANEL_HEIGHT * (1 - percent / 100.0);
            line(x, at, x + PANEL_WIDTH, at, FAINT, 1, "");
            text(x - 8, at + 4, 12, "normal", "end", INK, percent + " %");
        }
        for (double tick : axis.ticks()) {
            line(axis.at(tick), y, axis.at(tick), y + PANEL_HEIGHT, FAINT, 1, "");
            text(axis.at(tick), y + PANEL_HEIGHT + 18, 12, "normal", "middle", INK, axis.shown(tick));
        }
        curve(other, axis, y, SIMULATED, "7 4");
        curve(one, axis, y, REAL, "");
    }

    /** Quantiles as the comparison shows them. */
    private static String told(String which, double[] sorted) {
        StringBuilder text = new StringBuilder(which + ", n " + sorted.length);
        for (int percent : new int[] {50, 90}) {
            if (Comparison.shows(sorted, percent)) {
                text.append(percent == 50 ? ": p" : ", p").append(percent).append(' ')
                    .append(shown(Statistics.quantile(sorted, percent)));
            }
        }
        return text.toString();
    }

    private void curve(double[] sorted, Axis axis, int y, String colour, String dashes) {
        if (sorted.length == 0) {
            return;
        }
        StringBuilder path = new StringBuilder();
        double before = y + PANEL_HEIGHT;
        path.append(String.format(Locale.ROOT, "M%.1f %.1f", axis.from, before));
        for (int i = 0; i < sorted.length; i++) {
            path.append(String.format(Locale.ROOT, "H%.1f", axis.at(sorted[i])));
            path.append(String.format(Locale.ROOT, "V%.1f", y + PANEL_HEIGHT * (1 - (i + 1.0) / sorted.length)));
        }
        path.append(String.format(Locale.ROOT, "H%.1f", axis.from + PANEL_WIDTH));
        svg.append(String.format(Locale.ROOT, "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2.2\"%s/>%n", path, colour,
            dashes.isEmpty() ? "" : " stroke-dasharray=\"" + dashes + "\""));
    }

    private void line(double x1, double y1, double x2, double y2, String colour, double width, String dashes) {
        svg.append(String.format(Locale.ROOT, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
            + "stroke-width=\"%.1f\"%s/>%n", x1, y1, x2, y2, colour, width,
            dashes.isEmpty() ? "" : " stroke-dasharray=\"" + dashes + "\""));
    }

    private void text(double x, double y, int size, String weight, String anchor, String colour, String text) {
        svg.append(String.format(Locale.ROOT, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%d\" font-weight=\"%s\" "
            + "text-anchor=\"%s\" fill=\"%s\">%s</text>%n", x, y, size, weight, anchor, colour,
            text.replace("&", "&amp;").replace("<", "&lt;")));
    }

    private static String shown(double ms) {
        if (ms >= 1000) {
            return String.format(Locale.ROOT, ms % 1000 == 0 ? "%.0f s" : "%.2f s", ms / 1000);
        }
        return String.format(Locale.ROOT, ms < 10 && ms % 1 != 0 ? "%.1f ms" : "%.0f ms", ms);
    }

    /** Times along a panel. The few values beyond it are at its edges. */
    private record Axis(double least, double most, boolean isLog, double from) {
        static Axis of(double[] one, double[] other, double from) {
            double least = Math.min(quantile(one, 100 - SHOWN), quantile(other, 100 - SHOWN));
            double most = Math.max(one.length + other.length == 0 ? 2 : 0, Math.max(last(one), last(other)));
            least = Math.max(least, 0.1);
            if (most / least > WIDE) {
                return new Axis(Math.pow(10, Math.floor(Math.log10(least))), Math.pow(10, Math.ceil(Math.log10(most))), true, from);
            }
            double step = step(most - least);
            return new Axis(Math.floor(least / step) * step, Math.max(Math.ceil(most / step), Math.floor(least / step) + 1) * step,
                false, from);
        }

        private static double quantile(double[] sorted, int percent) {
            return sorted.length == 0 ? Double.MAX_VALUE : Statistics.quantile(sorted, percent);
        }

        private static double last(double[] sorted) {
            return sorted.length == 0 ? 0 : Statistics.quantile(sorted, SHOWN);
        }

        private static double step(double span) {
            double power = Math.pow(10, Math.floor(Math.log10(Math.max(span, 1e-3) / TICKS)));
            double ratio = span / TICKS / power;
            return power * (ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 5 ? 5 : 10);
        }

        double at(double ms) {
            double share = isLog ? (Math.log10(Math.max(ms, least)) - Math.log10(least)) / (Math.log10(most) - Math.log10(least))
                : (ms - least) / (most - least);
            return from + PANEL_WIDTH * Math.max(0, Math.min(1, share));
        }

        /** All ticks of an axis in one unit, with as many digits as their distance needs. */
        String shown(double tick) {
            if (isLog || most < 2000) {
                return Chart.shown(tick);
            }
            int digits = step(most - least) % 1000 == 0 ? 0 : step(most - least) % 100 == 0 ? 1 : 2;
            return String.format(Locale.ROOT, "%." + digits + "f s", tick / 1000);
        }

        double[] ticks() {
            if (isLog) {
                int first = (int) Math.round(Math.log10(least));
                int last = (int) Math.round(Math.log10(most));
                double[] ticks = new double[last - first + 1];
                for (int i = first; i <= last; i++) {
                    ticks[i - first] = Math.pow(10, i);
                }
                return ticks;
            }
            double step = step(most - least);
            double[] ticks = new double[(int) Math.round((most - least) / step) + 1];
            for (int i = 0; i < ticks.length; i++) {
                ticks[i] = least + i * step;
            }
            return ticks;
        }
    }
}
