package conformance.cluster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** How busy the machine is (Linux): its load average, and the time that other machines took from it. */
record Machine(double load, long stealTicks, long idleTicks, long allTicks) {
    /** Fields of the first line of /proc/stat, from 1: user nice system idle iowait irq softirq steal guest guest_nice. */
    private static final int IDLE = 4;
    private static final int WAITS = 5;
    private static final int STEAL = 8;

    static Machine now() throws IOException {
        double load = Double.parseDouble(Files.readString(Path.of("/proc/loadavg")).split(" ")[0]);
        String[] words = Files.readAllLines(Path.of("/proc/stat")).get(0).split(" +");
        long all = 0;
        // Time of guests is contained in user and nice.
        for (int i = 1; i <= STEAL; i++) {
            all += Long.parseLong(words[i]);
        }
        long idle = Long.parseLong(words[IDLE]) + Long.parseLong(words[WAITS]);
        return new Machine(load, Long.parseLong(words[STEAL]), idle, all);
    }

    /** The share of all processors' time that was stolen since an earlier reading. */
    double stolenSince(Machine earlier) {
        return share(stealTicks - earlier.stealTicks, earlier);
    }

    /** The share of all processors' time that was used or stolen since an earlier reading. */
    double busySince(Machine earlier) {
        return 1 - share(idleTicks - earlier.idleTicks, earlier);
    }

    private double share(long ticks, Machine earlier) {
        return allTicks == earlier.allTicks ? 0 : (double) ticks / (allTicks - earlier.allTicks);
    }
}
